import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { UserError } from '../error/user-error.ts';

const STREAM_CHUNK_BYTES = 1 << 20;

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** The chunks as the decompressor takes them; remembers where the last byte is that is not zero. */
class WatchedInput {
  readonly #iterator: AsyncGenerator<Uint8Array, void, undefined>;
  #sizeBytes = 0;
  /** The end of what is not zeros. */
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

  /** A stream of the chunks. What it leaves is not lost when it is destroyed. */
  stream(): Readable {
    const withoutReturn = { [Symbol.asyncIterator]: () => ({ next: () => this.#iterator.next() }) };
    return Readable.from(withoutReturn, { objectMode: true, highWaterMark: 1 });
  }

  /** Takes all that is left. */
  async drain(): Promise<void> {
    for (let step = await this.#iterator.next(); !step.done; ) step = await this.#iterator.next();
  }

  async close(): Promise<void> {
    await this.#iterator.return();
  }
}

/**
 * Decompresses a gzip file of one or more members. Zeros may follow the last one, as tapes have them.
 *
 * @param name the file's name, for errors
 * @throws UserError where the data is damaged or truncated, or something else follows it
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
    // The decompressor stops at the first zero behind a member, and takes no notice of what is there.
    await watched.drain();
    if (watched.contentEnd > decompressor.bytesWritten) {
      throw new UserError(
        `${name}: offset ${decompressor.bytesWritten}: something follows the gzip data, after zeros`,
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
