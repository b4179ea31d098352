import { truncateSync } from 'node:fs';
import { FileImage } from '../../../tools/lib/formats/block/file.ts';
import { type ErofsCompression, ErofsWriter, readErofs } from '../../../tools/lib/formats/erofs/erofs.ts';
import { checker, type Format } from '../format.ts';
import { readerEntries } from '../listing.ts';
import { writeContents } from '../sample-trees.ts';

const UUID = '01234567-89ab-cdef-0123-456789abcdef';
/** Larger than any image. The unused rest of the file is a hole, and is cut off afterwards. */
const MAX_BYTES = 1 << 30;

function erofs(name: string, compression: ErofsCompression | undefined): Format {
  return {
    name,
    lacks: [],
    write(tree, path) {
      const image = FileImage.create(path, MAX_BYTES);
      const writer = new ErofsWriter(image, tree.entries, { uuid: UUID, label: 'conformance', compression });
      writeContents(tree, (entry) => writer.openFile(entry));
      const { sizeBytes } = writer.finish();
      image.close();
      truncateSync(path, sizeBytes);
    },
    check: (path) => void checker('fsck.erofs', 'erofs-utils', [path]),
    read: (path) => readerEntries(readErofs(FileImage.open(path), path)),
    appear: 'load erofs\nmount -t erofs -o ro /dev/ubda /mnt',
  };
}

/**
 * The test kernel cannot read EROFS with zstd. The tests of tools/lib/formats/erofs cover zstd with
 * mkfs.erofs.
 */
export const EROFS: readonly Format[] = [
  erofs('EROFS', undefined),
  erofs('EROFS with lz4', { algorithm: 'lz4' }),
];
