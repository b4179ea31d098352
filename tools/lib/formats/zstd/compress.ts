/**
 * Zstandard frames that depend on nothing but their content and the level: each is made by one call of the library with all of its
 * input, never by a stream, whose frames depend on how writes and flushes fall together.
 */

import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';

const compress = promisify(zstdCompress);

export const DEFAULT_ZSTD_LEVEL = 3;

/** Output is taken in pieces of so many bytes: more would mostly be memory that the kernel has to find and nobody fills. */
const OUTPUT_BYTES = 2 << 20;

/** The largest result for an input (zstd.h, ZSTD_COMPRESSBOUND), so that the library writes small ones in one piece. */
function compressBound(sizeBytes: number): number {
  const small = 128 * 1024;
  return sizeBytes + (sizeBytes >> 8) + (sizeBytes < small ? (small - sizeBytes) >> 11 : 0) + 64;
}

/**
 * Compresses `content` into one frame that says its content's size and has a checksum. It runs on libuv's thread pool; `content`
 * must not change until then.
 */
export async function zstdFrame(content: Uint8Array, level = DEFAULT_ZSTD_LEVEL): Promise<Uint8Array> {
  return await compress(content, {
    chunkSize: Math.min(compressBound(content.length), OUTPUT_BYTES),
    // Without it the asynchronous call leaves the content size out of the frame's header.
    pledgedSrcSize: content.length,
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
  });
}
