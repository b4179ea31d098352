/** Decompression with bounded memory as a stream: for files from outside, whose frames can be of any size and may not say it. */

import { Readable } from 'node:stream';
import { constants, createZstdDecompress } from 'node:zlib';
import { UserError } from '../error/user-error.ts';
import { FrameFollower, MAX_WINDOW_BYTES } from './frame.ts';

const STREAM_CHUNK_BYTES = 1 << 20;

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Cuts a stream into frames. */
class FrameInput {
  readonly #name: string;
  readonly #iterator: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  readonly #follower = new FrameFollower((rule) => this.fail(rule));
  #rest: Uint8Array = new Uint8Array();
  #frameOffset = 0;
  #takenBytes = 0;

  constructor(chunks: Chunks, name: string) {
    this.#name = name;
    this.#iterator =
      Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
  }

  fail(rule: string): never {
    throw new UserError(`${this.#name}: offset ${this.#frameOffset}: ${rule}`);
  }

  /** Whether there is anything more. */
  async hasMore(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const step = await this.#iterator.next();
      if (step.done === true) return false;
      this.#rest = step.value;
    }
    return true;
  }

  /** The bytes of the next frame. @throws UserError where it is no frame, or truncated */
  async *frame(): AsyncGenerator<Uint8Array, void, undefined> {
    this.#frameOffset = this.#takenBytes;
    do {
      if (!(await this.hasMore())) this.fail('its zstd data is truncated');
      const count = this.#follower.take(this.#rest);
      const piece = this.#rest.subarray(0, count);
      this.#rest = this.#rest.subarray(count);
      this.#takenBytes += count;
      yield piece;
    } while (!this.#follower.isBetweenFrames);
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }
}

async function* decompressFrame(input: FrameInput): AsyncGenerator<Uint8Array, void, undefined> {
  const decompressor = createZstdDecompress({
    chunkSize: STREAM_CHUNK_BYTES,
    params: { [constants.ZSTD_d_windowLogMax]: Math.log2(MAX_WINDOW_BYTES) },
  });
  const pieces = Readable.from(input.frame(), { objectMode: true, highWaterMark: 1 });
  pieces.on('error', (error) => decompressor.destroy(error));
  try {
    yield* pieces.pipe(decompressor) as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && /^Z(STD)?_/.test(String(error.code)))) throw error;
    input.fail(`its zstd data is damaged (${error.message})`);
  } finally {
    pieces.destroy();
    decompressor.destroy();
  }
}

/**
 * Decompresses zstd frames one after another; skippable ones are passed over.
 *
 * @param name the file's name, for errors
 * @throws UserError where the data is damaged or truncated, needs a window of more than 128 MiB, or something else follows it
 */
export async function* zstdDecompressStream(
  chunks: Chunks,
  name: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const input = new FrameInput(chunks, name);
  try {
    if (!(await input.hasMore())) input.fail('the file is empty, and has no zstd frame');
    while (await input.hasMore()) yield* decompressFrame(input);
  } finally {
    await input.close();
  }
}
