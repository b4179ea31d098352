/**
 * Opens packed partitions: an index, and the compressed data beside it
 * (docs/formats/packed-partition.md).
 */
import { existsSync, statSync } from 'node:fs';
import { UserError } from '../lib/formats/error/user-error.ts';
import { readIndexFile } from '../lib/image/packed/file.ts';
import {
  type Compression,
  compressedBytes,
  hasCompression,
  type PackedIndex,
} from '../lib/image/packed/index.ts';
import { PackedImage } from './bytes/chunks.ts';
import { FileSource } from './bytes/file.ts';
import type { ImageSource } from './bytes/source.ts';
import { type Content, peek } from './content.ts';
import { openContent } from './formats.ts';

const LOOK_BYTES = 64;
/** The index of a partition of one terabyte is smaller. */
const LARGEST_INDEX_BYTES = 64 << 20;
const INDEX_START = /^\s*\{\s*"version"\s*:/;
const INDEX_SUFFIX = /\.json$/;
const DATA_SUFFIX = /\.img\.(zst|gz)$/;
const COMPRESSIONS: readonly Compression[] = ['zst', 'gz'];

/** Whether a file begins like an index. */
export function isIndex(file: ImageSource): boolean {
  return (
    file.sizeBytes <= LARGEST_INDEX_BYTES && INDEX_START.test(peek(file, 0, LOOK_BYTES).toString('latin1'))
  );
}

/**
 * Returns the path of the index for a file of packed data, if it is beside the file and has its
 * size.
 */
export function packedBeside(path: string, sizeBytes: number): string | undefined {
  const compression = DATA_SUFFIX.exec(path)?.[1] as Compression | undefined;
  const indexPath = path.replace(DATA_SUFFIX, '.json');
  if (compression === undefined || !existsSync(indexPath)) return undefined;
  if (statSync(indexPath).size > LARGEST_INDEX_BYTES) return undefined;
  try {
    return compressedBytes(readIndexFile(indexPath), compression) === sizeBytes ? indexPath : undefined;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Returns the compressed files of a packed partition that exist. */
export function packedFiles(
  index: PackedIndex,
  indexPath: string,
): { compression: Compression; path: string }[] {
  const stem = indexPath.replace(INDEX_SUFFIX, '');
  return COMPRESSIONS.filter((compression) => hasCompression(index, compression))
    .map((compression) => ({ compression, path: `${stem}.img.${compression}` }))
    .filter(({ path }) => existsSync(path));
}

/** The content of a packed partition. @throws UserError if data and index do not belong together */
export function packedSource(
  index: PackedIndex,
  { compression, path }: { compression: Compression; path: string },
  indexPath: string,
): ImageSource {
  const expected = compressedBytes(index, compression);
  const { size } = statSync(path);
  if (size !== expected) {
    throw new UserError(
      `${path}: ${size} bytes, but ${indexPath} says ${expected}; they do not belong together`,
    );
  }
  return new PackedImage(index, FileSource.open(path), compression, path);
}

export async function openPacked(indexPath: string): Promise<{ packed: PackedIndex; content: Content }> {
  const packed = readIndexFile(indexPath);
  const [file] = packedFiles(packed, indexPath);
  if (file === undefined) {
    const stem = indexPath.replace(INDEX_SUFFIX, '');
    throw new UserError(
      `${indexPath}: the data is missing: neither ${stem}.img.zst nor ${stem}.img.gz exists`,
    );
  }
  return { packed, content: await openContent(packedSource(packed, file, indexPath), indexPath) };
}
