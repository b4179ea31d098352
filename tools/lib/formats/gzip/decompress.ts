import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { UserError } from '../error/user-error.ts';

const STREAM_CHUNK_BYTES = 1 << 20;

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * Passes chunks to the decompressor, and remembers the position of the last byte that is not zero.
 */
class WatchedInput {
  readonly #iterator: AsyncGenerator<Uint8Array, void, undefined>;
  #sizeBytes = 0;
  /** The position after the last byte that is not zero. */
  contentEnd = 0;

  constructor(chunks: Chunks) {
    this.#iterator = this.#watch(chunks);
  }

  async *#watch(chunks: Chunks): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of chunks) {
      let end = chunk.length;
      while (end > 0 && chunk[end - 1] === 0) end--;
      if (end > 0) this.contentEnd = this.#sizeBytes + end;
      this.#sizeBytes += chunk.length;
      yield chunk;
    }
  }

  /**
   * Returns a stream of the chunks. After it is destroyed, {@link drain} reads the remaining
   * chunks.
   */
  stream(): Readable {
    const withoutReturn = { [Symbol.asyncIterator]: () => ({ next: () => this.#iterator.next() }) };
    return Readable.from(withoutReturn, { objectMode: true, highWaterMark: 1 });
  }

  /** Reads the remaining chunks. */
  async drain(): Promise<void> {
    for (let step = await this.#iterator.next(); !step.done; ) step = await this.#iterator.next();
  }

  async close(): Promise<void> {
    await this.#iterator.return();
  }
}

/**
 * Decompresses a gzip file of one or more members. Zeros may follow the last member, as on tapes.
 *
 * @param name the file's name, for errors
 * @throws UserError if the data is damaged or truncated, or bytes other than zeros follow it
 */
export async function* gzipDecompressStream(
  chunks: Chunks,
  name: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decompressor = createGunzip({ chunkSize: STREAM_CHUNK_BYTES });
  const watched = new WatchedInput(chunks);
  const input = watched.stream();
  input.on('error', (error) => decompressor.destroy(error));
  try {
    yield* input.pipe(decompressor) as AsyncIterable<Uint8Array>;
    // The decompressor stops at the first zero after a member, and ignores the rest.
    await watched.drain();
    if (watched.contentEnd > decompressor.bytesWritten) {
      throw new UserError(
        `${name}: offset ${decompressor.bytesWritten}: the zeros after the gzip data are followed by other bytes`,
      );
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))) throw error;
    throw new UserError(`${name}: its gzip data is damaged or truncated (${error.message})`);
  } finally {
    input.destroy();
    decompressor.destroy();
    await watched.close();
  }
}
