import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { UserError } from '../error/user-error.ts';
import { xzDecompressStream } from '../xz/xz.ts';
import { zstdDecompressStream } from '../zstd/decompress.ts';

type Chunks = Iterable<Uint8Array>;
type Decompressor = (chunks: Chunks, name: string) => AsyncIterable<Uint8Array>;

async function* gunzip(chunks: Chunks, name: string): AsyncGenerator<Uint8Array, void, undefined> {
  const decompressed = Readable.from(chunks, { objectMode: false }).pipe(createGunzip());
  try {
    yield* decompressed as AsyncIterable<Uint8Array>;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`${name}: damaged .gz data: ${reason}`);
  }
}

async function* plain(chunks: Chunks): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks;
}

/** What deb(5) allows for control.tar and data.tar, but for the historical bzip2 and lzma. */
const DECOMPRESSORS: Readonly<Record<string, Decompressor>> = {
  '': plain,
  '.gz': gunzip,
  '.xz': xzDecompressStream,
  '.zst': zstdDecompressStream,
};

/** The decompressor for the end of a member's name behind `.tar`; `undefined` where there is none. */
export function decompressorFor(extension: string): Decompressor | undefined {
  return DECOMPRESSORS[extension];
}
