import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { UserError } from '../error/user-error.ts';

const STREAM_CHUNK_BYTES = 1 << 20;

/**
 * Decompresses a gzip file of one or more members.
 *
 * @param name the file's name, for errors
 * @throws UserError where the data is damaged or truncated
 */
export async function* gzipDecompressStream(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decompressor = createGunzip({ chunkSize: STREAM_CHUNK_BYTES });
  const input = Readable.from(chunks, { objectMode: true, highWaterMark: 1 });
  input.on('error', (error) => decompressor.destroy(error));
  try {
    yield* input.pipe(decompressor) as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))) throw error;
    throw new UserError(`${name}: its gzip data is damaged or truncated (${error.message})`);
  } finally {
    input.destroy();
    decompressor.destroy();
  }
}
