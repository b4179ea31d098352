/**
 * Writes Zstandard frames that depend only on their content and the level. Each frame is made by
 * one call of the library with the whole input. The frames of a stream would depend on the timing
 * of writes and flushes.
 */

import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';

const compress = promisify(zstdCompress);

export const DEFAULT_ZSTD_LEVEL = 3;

/**
 * The size of the largest piece of output. Larger pieces would waste memory: the kernel has to
 * provide it, but it stays unused.
 */
const OUTPUT_BYTES = 2 << 20;

/**
 * Returns the size of the largest result for an input (zstd.h, ZSTD_COMPRESSBOUND). With this
 * limit, the library writes a small result in one piece.
 */
function compressBound(sizeBytes: number): number {
  const small = 128 * 1024;
  return sizeBytes + (sizeBytes >> 8) + (sizeBytes < small ? (small - sizeBytes) >> 11 : 0) + 64;
}

/**
 * Compresses `content` into one frame with a content size and a checksum, on libuv's thread pool.
 * `content` must not change until the promise is settled.
 */
export async function zstdFrame(content: Uint8Array, level = DEFAULT_ZSTD_LEVEL): Promise<Uint8Array> {
  return await compress(content, {
    chunkSize: Math.min(compressBound(content.length), OUTPUT_BYTES),
    // Without it, the asynchronous call omits the content size from the frame's header.
    pledgedSrcSize: content.length,
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
  });
}
