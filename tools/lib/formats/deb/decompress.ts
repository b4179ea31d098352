import { gzipDecompressStream } from '../gzip/decompress.ts';
import { xzDecompressStream } from '../xz/xz.ts';
import { zstdDecompressStream } from '../zstd/stream.ts';

type Chunks = Iterable<Uint8Array>;
type Decompressor = (chunks: Chunks, name: string) => AsyncIterable<Uint8Array>;

async function* plain(chunks: Chunks): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks;
}

/**
 * The compressions that deb(5) allows for control.tar and data.tar, except the historical bzip2 and
 * lzma.
 */
const DECOMPRESSORS: Readonly<Record<string, Decompressor>> = {
  '': plain,
  '.gz': gzipDecompressStream,
  '.xz': xzDecompressStream,
  '.zst': zstdDecompressStream,
};

/**
 * Returns the decompressor for the part of a member's name after `.tar`.
 *
 * @returns `undefined` for an unknown compression
 */
export function decompressorFor(extension: string): Decompressor | undefined {
  return DECOMPRESSORS[extension];
}
