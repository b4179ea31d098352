/** Decompresses the extents of files. */
import { constants, inflateRawSync, zstdDecompressSync } from 'node:zlib';
import { ALGORITHM, MAXIMUM_EXTENT_BYTES } from './format.ts';
import { decompressLz4, Lz4Error } from './lz4-decoder.ts';
import { DataMapError } from './mapped-inode.ts';

function decompressWith(name: string, decompress: () => Uint8Array, lengthBytes: number): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = decompress();
  } catch (error) {
    throw new DataMapError(`its ${name} content is damaged: ${(error as Error).message}`);
  }
  // Files can share an extent, so it can be longer than the part that this file uses.
  if (bytes.length >= lengthBytes) return bytes.subarray(0, lengthBytes);
  throw new DataMapError(
    `its ${name} content is damaged: it decompresses to ${bytes.length} bytes, not ${lengthBytes}`,
  );
}

function lz4(stored: Uint8Array, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  try {
    decompressLz4(stored, bytes);
  } catch (error) {
    if (error instanceof Lz4Error) throw new DataMapError(`its lz4 content is damaged: ${error.message}`);
    throw error;
  }
  return bytes;
}

/** Rotates a block whose bytes are at their offsets within the block of content. */
function interlaced(stored: Uint8Array, positionBytes: number, lengthBytes: number): Uint8Array {
  const skip = positionBytes % stored.length;
  const bytes = new Uint8Array(lengthBytes);
  const right = Math.min(stored.length - skip, lengthBytes);
  bytes.set(stored.subarray(skip, skip + right));
  bytes.set(stored.subarray(0, lengthBytes - right), right);
  return bytes;
}

/**
 * Returns the content of an extent.
 *
 * @param stored its bytes on disk
 * @param hasPadding whether the zeros that fill its blocks are before the compressed bytes
 * @throws DataMapError if the bytes are damaged or the algorithm is not supported
 */
export function decompressExtent(
  stored: Uint8Array,
  extent: {
    readonly positionBytes: number;
    readonly lengthBytes: number;
    readonly algorithm: number | 'shifted' | 'interlaced';
  },
  hasPadding: boolean,
): Uint8Array {
  const { positionBytes, lengthBytes, algorithm } = extent;
  if (algorithm === 'shifted') return stored.subarray(0, lengthBytes);
  if (algorithm === 'interlaced') return interlaced(stored, positionBytes, lengthBytes);
  const start = hasPadding ? stored.findIndex((byte) => byte !== 0) : 0;
  if (start < 0) throw new DataMapError('its compressed content is damaged: it has only zeros');
  const bytes = stored.subarray(start);
  const limit = { maxOutputLength: MAXIMUM_EXTENT_BYTES };
  switch (algorithm) {
    case ALGORITHM.lz4:
      return lz4(bytes, lengthBytes);
    case ALGORITHM.zstd:
      return decompressWith('zstd', () => zstdDecompressSync(bytes, limit), lengthBytes);
    case ALGORITHM.deflate:
      return decompressWith(
        'deflate',
        () => inflateRawSync(bytes, { ...limit, finishFlush: constants.Z_SYNC_FLUSH }),
        lengthBytes,
      );
    default:
      throw new DataMapError(
        'its content is compressed with LZMA, which is not supported; use zstd, lz4 or deflate',
      );
  }
}
