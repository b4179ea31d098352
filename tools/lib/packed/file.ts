/** Packed partitions in files. */

import { closeSync, openSync, readFileSync } from 'node:fs';
import type { BlockSource } from '../block/block.ts';
import { FileImage } from '../block/file.ts';
import { writeFully, writeWholeFile } from '../block/write.ts';
import { formatIndex, type PackedIndex, parseIndex } from './index.ts';
import { type PackOptions, packImage } from './pack.ts';
import { PackedSource } from './unpack.ts';

/** The three files of a packed partition. */
export interface PackedFiles {
  readonly zst: string;
  readonly gz: string;
  readonly index: string;
}

/** Packs an image into three files; see {@link packImage}. */
export async function packImageFiles(
  source: BlockSource,
  files: PackedFiles,
  options: PackOptions = {},
): Promise<PackedIndex> {
  const zst = openSync(files.zst, 'w');
  const gz = openSync(files.gz, 'w');
  try {
    const sinks = {
      zst: (bytes: Uint8Array) => writeFully(zst, files.zst, bytes),
      gz: (bytes: Uint8Array) => writeFully(gz, files.gz, bytes),
    };
    const index = await packImage(source, sinks, options);
    writeWholeFile(files.index, formatIndex(index));
    return index;
  } finally {
    closeSync(zst);
    closeSync(gz);
  }
}

export function readIndexFile(path: string): PackedIndex {
  return parseIndex(readFileSync(path, 'utf8'), path);
}

/** Opens a packed partition for reading as if it were unpacked. */
export function openPackedFiles(files: Pick<PackedFiles, 'zst' | 'index'>): PackedSource {
  return new PackedSource(readIndexFile(files.index), FileImage.open(files.zst), files.zst);
}
