import { createHash } from 'node:crypto';
import { FileImage } from '../lib/formats/block/file.ts';
import type { Entry } from '../lib/formats/entry/entry.ts';
import { readErofs } from '../lib/formats/erofs/erofs.ts';
import { readExt4 } from '../lib/formats/ext4/ext4.ts';
import { readFat } from '../lib/formats/fat/fat.ts';
import type { PartitionImage } from './image.ts';

/** A file system, read by our own reader. Paths have no leading slash. */
export interface TreeReader {
  entries(): Iterable<Entry>;
  content(path: string): Iterable<Uint8Array>;
}

/** Returns the SHA-256 of a file in hexadecimal. */
export function digestOf(reader: TreeReader, path: string): string {
  const hash = createHash('sha256');
  for (const bytes of reader.content(path)) hash.update(bytes);
  return hash.digest('hex');
}

/** Opens the file system of a partition. Returns `undefined` if the partition has none. */
export function openTree({ path, index, name }: PartitionImage): TreeReader | undefined {
  const type = index.fileSystem?.type;
  if (type === undefined) return undefined;
  const image = FileImage.open(path);
  if (type === 'ext4') {
    const reader = readExt4(image, name);
    return {
      *entries() {
        for (const { entry } of reader.walk()) if (entry.path !== 'lost+found') yield entry;
      },
      content: (file) => reader.readFile(file),
    };
  }
  const reader = type === 'erofs' ? readErofs(image, name) : readFat(image, name);
  return {
    *entries() {
      for (const { entry } of reader.walk()) yield entry;
    },
    content: (file) => reader.readFile(file),
  };
}
