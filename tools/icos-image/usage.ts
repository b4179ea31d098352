export const USAGE = `icos-image - reads disks, partitions and archives

  icos-image inspect IMAGE [--json] [--digests]
      prints the partition table, file systems and hash trees
  icos-image ls [-l] [-R] [-d] IMAGE [PART:][PATH]...
      lists a directory: -l long, -R recursive, -d the directory itself
  icos-image cat IMAGE [PART:]PATH...
      writes a file to standard output; PART: alone writes the raw partition
  icos-image extract IMAGE [PART:][PATH]... [-C DIR] [-v] [--overwrite]
      writes files, and everything below directories, to DIR; DIR defaults to .
  icos-image verify IMAGE [--root-hash=HEX]
      checks all checksums, structures and hash trees
  icos-image diff [--bytes] OLD NEW
      compares partitions, files, and if all files are equal (or with --bytes) the bytes of
      structures; exits with 0 (equal) or 1 (different)

IMAGE is a disk with a GPT, a partition (ext4, vfat, EROFS, LVM, with or without a dm-verity tree),
an archive (tar, cpio, .deb) of images or of files, compressed with zstd, gzip or xz, or a packed
partition (its NAME.json). Its format is recognized by its content, not by its name.
PART is a partition's name or number (A_root, 3), a logical volume (data/VG/LV), or an image in an
archive (root.img). Omit it if the image has only one file system.
`;
