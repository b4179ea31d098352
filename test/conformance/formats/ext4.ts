import { FileImage } from '../../../tools/lib/formats/block/file.ts';
import {
  type Ext4Options,
  Ext4Writer,
  LOST_AND_FOUND,
  minimumExt4SizeBytes,
  readExt4,
} from '../../../tools/lib/formats/ext4/ext4.ts';
import { checker, type Format } from '../format.ts';
import { readerEntries } from '../listing.ts';
import { writeContents } from '../sample-trees.ts';

const OPTIONS: Omit<Ext4Options, 'sizeBytes'> = {
  uuid: '01234567-89ab-cdef-0123-456789abcdef',
  hashSeed: 'fedcba98-7654-3210-fedc-ba9876543210',
  label: 'conformance',
  journal: false,
};

function ext4(name: string, more: Partial<Ext4Options>, freeBytes: number): Format {
  const options = { ...OPTIONS, ...more };
  return {
    name,
    lacks: [],
    additions: [LOST_AND_FOUND],
    write(tree, path) {
      const image = FileImage.create(path, minimumExt4SizeBytes(tree.entries, options) + freeBytes);
      const writer = new Ext4Writer(image, tree.entries, { ...options, sizeBytes: image.sizeBytes });
      writeContents(tree, (entry) => writer.openFile(entry));
      writer.finish();
      image.close();
    },
    check: (path) => void checker('e2fsck', 'e2fsprogs', ['-fn', path]),
    read: (path) => readerEntries(readExt4(FileImage.open(path), path)),
    appear: 'mount -t ext4 -o ro /dev/ubda /mnt',
  };
}

export const EXT4: readonly Format[] = [
  ext4('ext4', {}, 0),
  ext4('ext4 with a journal', { journal: true }, 32 << 20),
];
