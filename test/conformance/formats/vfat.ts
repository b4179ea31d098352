import { FileImage } from '../../../tools/lib/formats/block/file.ts';
import { NO_XATTRS } from '../../../tools/lib/formats/entry/entry.ts';
import { type FatType, readFat, writeFat } from '../../../tools/lib/formats/fat/fat.ts';
import { checker, type Format } from '../format.ts';
import { readerEntries } from '../listing.ts';

const MEBIBYTE = 1 << 20;

function vfat(type: FatType, mebibytes: number, cannotHold: Readonly<Record<string, string>>): Format {
  return {
    name: `vfat (${type})`,
    lacks: ['owners', 'symlinks', 'hardlinks', 'devices', 'sockets', 'xattrs', 'any bytes'],
    cannotHold,
    forget: (entry) => ({ ...entry, mode: 0, uid: 0, gid: 0, xattrs: NO_XATTRS }),
    write(tree, path) {
      const image = FileImage.create(path, mebibytes * MEBIBYTE);
      const options = { sizeBytes: image.sizeBytes, type, volumeId: 0x12345678, label: 'CONFORM' };
      writeFat(image, tree.entries, (file) => tree.content(file), options);
      image.close();
    },
    check: (path) => void checker('fsck.vfat', 'dosfstools', ['-n', path]),
    read: (path) => readerEntries(readFat(FileImage.open(path), path)),
    appear: 'load vfat nls_cp437 nls_iso8859-1 nls_utf8\nmount -t vfat -o ro,utf8=1 /dev/ubda /mnt',
  };
}

const LARGE = { 'files with holes': 'FAT stores the 150 MiB of zeros' };

export const VFAT: readonly Format[] = [
  vfat('fat12', 64, { ...LARGE, '10,000 names in a directory': 'FAT12 has fewer clusters than that' }),
  vfat('fat16', 128, LARGE),
  vfat('fat32', 600, {}),
];
