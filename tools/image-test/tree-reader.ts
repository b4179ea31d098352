import { createHash } from 'node:crypto';
import { FileImage } from '../lib/formats/block/file.ts';
import type { TreeReader } from '../lib/formats/entry/tree-reader.ts';
import { readErofs } from '../lib/formats/erofs/erofs.ts';
import { readExt4 } from '../lib/formats/ext4/ext4.ts';
import { readFat } from '../lib/formats/fat/fat.ts';
import type { PartitionImage } from './image.ts';

/** Returns the SHA-256 of a file in hexadecimal. */
export function digestOf(reader: TreeReader, path: string): string {
  const hash = createHash('sha256');
  for (const bytes of reader.readFile(path)) hash.update(bytes);
  return hash.digest('hex');
}

/** Opens the file system of a partition. Returns `undefined` if the partition has none. */
export function openTree({ path, index, name }: PartitionImage): TreeReader | undefined {
  const type = index.fileSystem?.type;
  if (type === undefined) return undefined;
  const image = FileImage.open(path);
  if (type === 'ext4') return readExt4(image, name);
  return type === 'erofs' ? readErofs(image, name) : readFat(image, name);
}
