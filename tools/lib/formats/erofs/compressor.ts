/** Compresses the pieces of files. */
import { constants, zstdCompressSync } from 'node:zlib';
import { compressLz4 } from './lz4-encoder.ts';
import type { CheckedCompression } from './options.ts';

/** Compresses one piece. Returns `undefined` if the result is longer than `limitBytes`. */
export type Compressor = (piece: Uint8Array, limitBytes: number) => Uint8Array | undefined;

function zstdCompressor(level: number, clusterBytes: number): Compressor {
  return (piece, limitBytes) => {
    const bytes = zstdCompressSync(piece, {
      params: {
        [constants.ZSTD_c_compressionLevel]: level,
        [constants.ZSTD_c_windowLog]: Math.log2(clusterBytes),
        [constants.ZSTD_c_checksumFlag]: 0,
        [constants.ZSTD_c_contentSizeFlag]: 1,
      },
      pledgedSrcSize: piece.length,
    });
    return bytes.length <= limitBytes ? bytes : undefined;
  };
}

export function makeCompressor({ algorithm, level, clusterBytes }: CheckedCompression): Compressor {
  if (algorithm === 'zstd') return zstdCompressor(level, clusterBytes);
  return (piece, limitBytes) => compressLz4(piece, limitBytes, level);
}
