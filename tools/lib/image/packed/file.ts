/** Writes and reads packed partitions in files. */

import { closeSync, openSync, readFileSync } from 'node:fs';
import type { BlockSource } from '../../formats/block/block.ts';
import { FileImage } from '../../formats/block/file.ts';
import { writeFully, writeWholeFile } from '../../formats/block/write.ts';
import { formatIndex, type PackedIndex, parseIndex } from './index.ts';
import { type PackOptions, packImage } from './pack.ts';
import { PackedSource } from './unpack.ts';

/** The files of a packed partition. */
export interface PackedFiles {
  readonly zst: string;
  /** Written only if it is named. */
  readonly gz?: string | undefined;
  readonly index: string;
}

/** Packs an image into files; see {@link packImage}. */
export async function packImageFiles(
  source: BlockSource,
  files: PackedFiles,
  options: PackOptions = {},
): Promise<PackedIndex> {
  const descriptors: number[] = [];
  const open = (path: string): ((bytes: Uint8Array) => void) => {
    const descriptor = openSync(path, 'w');
    descriptors.push(descriptor);
    return (bytes) => writeFully(descriptor, path, bytes);
  };
  try {
    const sinks = { zst: open(files.zst), gz: files.gz === undefined ? undefined : open(files.gz) };
    const index = await packImage(source, sinks, options);
    writeWholeFile(files.index, formatIndex(index));
    return index;
  } finally {
    descriptors.forEach(closeSync);
  }
}

export function readIndexFile(path: string): PackedIndex {
  return parseIndex(readFileSync(path, 'utf8'), path);
}

/** Opens a packed partition for reading, as if it were unpacked. */
export function openPackedFiles(files: Pick<PackedFiles, 'zst' | 'index'>): PackedSource {
  return new PackedSource(readIndexFile(files.index), FileImage.open(files.zst), files.zst);
}
