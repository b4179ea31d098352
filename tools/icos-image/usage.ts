export const USAGE = `icos-image - looks into disks, partitions and archives

  icos-image inspect IMAGE [--json] [--digests]
      what it is: partition table, file systems, hash trees
  icos-image ls [-l] [-R] [-d] IMAGE [PART:][PATH]...
      what is in a directory
  icos-image cat IMAGE [PART:]PATH...
      a file to standard output; PART: alone gives the raw partition
  icos-image extract IMAGE [PART:][PATH]... [-C DIR] [-v] [--overwrite]
      files, with all that is below them, into DIR
  icos-image verify IMAGE [--root-hash=HEX]
      all checksums, structures and hash trees
  icos-image diff [--bytes] OLD NEW
      partitions, files, and where these are equal (or with --bytes) the structures whose bytes differ;
      exits with 0 (equal) or 1 (different)

IMAGE is a disk with a GPT, a partition (ext4, vfat, EROFS, LVM, with a dm-verity tree or without), an archive (tar, cpio, .deb) of
these or of files, compressed with zstd, gzip or xz, or a packed partition (its NAME.json). What it is shows in its content; its name does not matter.
PART is a partition's name or number (A_root, 3), a logical volume (data/VG/LV), or an image in an archive (root.img). It can be
left out where there is only one file system.
`;
