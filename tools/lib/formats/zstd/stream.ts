/**
 * Decompresses files as a stream in bounded memory. Frames may have any size, and need not state
 * it.
 */

import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { constants, createZstdDecompress, zstdDecompress } from 'node:zlib';
import { UserError } from '../error/user-error.ts';
import { IN_FLIGHT } from '../pipeline/ordered.ts';
import { FrameFollower, MAX_WINDOW_BYTES } from './frame.ts';

const decompress = promisify(zstdDecompress);

const STREAM_CHUNK_BYTES = 1 << 20;

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Frames that state at most this content size are decompressed in one piece, several at a time. */
const WHOLE_FRAME_CONTENT_BYTES = 4 << 20;
/** The number of bytes that are collected to find the end of a frame. */
const GATHERED_BYTES = 6 << 20;

/** A frame: all of its bytes, or the first ones and the way to read the others. */
interface InputFrame {
  readonly offsetBytes: number;
  readonly contentBytes: number | undefined;
  readonly start: Uint8Array;
  /**
   * The bytes after `start`, which must be read before the next frame. `undefined` if `start` is
   * the whole frame.
   */
  readonly rest: AsyncGenerator<Uint8Array, void, undefined> | undefined;
}

/** Cuts a stream into frames. */
class FrameInput {
  readonly #name: string;
  readonly #iterator: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  readonly #follower: FrameFollower;
  #rest: Uint8Array = new Uint8Array();
  #frameOffset = 0;
  #takenBytes = 0;

  constructor(chunks: Chunks, name: string) {
    this.#name = name;
    this.#iterator =
      Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
    this.#follower = new FrameFollower((rule) => this.fail(rule, this.#frameOffset));
  }

  fail(rule: string, offsetBytes: number): never {
    throw new UserError(`${this.#name}: offset ${offsetBytes}: ${rule}`);
  }

  /** Reports whether the input has more bytes. */
  async hasMore(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const step = await this.#iterator.next();
      if (step.done === true) return false;
      this.#rest = step.value;
    }
    return true;
  }

  /**
   * Reads a piece of the frame. It is a copy, because a chunk may be overwritten once the next one
   * is requested.
   */
  async #piece(): Promise<Uint8Array> {
    if (!(await this.hasMore())) this.fail('its zstd data is truncated', this.#frameOffset);
    const count = this.#follower.take(this.#rest);
    const piece = Uint8Array.from(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    this.#takenBytes += count;
    return piece;
  }

  async *#pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    while (!this.#follower.isBetweenFrames) yield await this.#piece();
  }

  /** Reads the next frame. @throws UserError if it is not a frame, or truncated */
  async frame(): Promise<InputFrame> {
    const offsetBytes = this.#takenBytes;
    this.#frameOffset = offsetBytes;
    const pieces: Uint8Array[] = [];
    let gathered = 0;
    do {
      const piece = await this.#piece();
      pieces.push(piece);
      gathered += piece.length;
    } while (!this.#follower.isBetweenFrames && gathered < GATHERED_BYTES);
    return {
      offsetBytes,
      contentBytes: this.#follower.contentBytes,
      start: pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces),
      rest: this.#follower.isBetweenFrames ? undefined : this.#pieces(),
    };
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }
}

function damaged(input: FrameInput, { offsetBytes }: InputFrame, error: unknown): never {
  if (
    !(
      error instanceof Error &&
      'code' in error &&
      /^(Z(STD)?_|ERR_BUFFER_TOO_LARGE)/.test(String(error.code))
    )
  )
    throw error;
  input.fail(`its zstd data is damaged (${error.message})`, offsetBytes);
}

/** Decompresses a whole frame that states its content size, on libuv's thread pool. */
async function wholeContent(input: FrameInput, frame: InputFrame, contentBytes: number): Promise<Uint8Array> {
  const content = await decompress(frame.start, {
    chunkSize: Math.max(contentBytes, 64),
    maxOutputLength: contentBytes,
  }).catch((error: unknown) => damaged(input, frame, error));
  if (content.length === contentBytes) return content;
  input.fail(
    `a zstd frame states ${contentBytes} bytes of content, but has ${content.length}`,
    frame.offsetBytes,
  );
}

async function* streamedContent(
  input: FrameInput,
  frame: InputFrame,
): AsyncGenerator<Uint8Array, void, undefined> {
  async function* bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    yield frame.start;
    if (frame.rest !== undefined) yield* frame.rest;
  }
  const decompressor = createZstdDecompress({
    chunkSize: STREAM_CHUNK_BYTES,
    params: { [constants.ZSTD_d_windowLogMax]: Math.log2(MAX_WINDOW_BYTES) },
  });
  const pieces = Readable.from(bytes(), { objectMode: true, highWaterMark: 1 });
  pieces.on('error', (error) => decompressor.destroy(error));
  try {
    yield* pieces.pipe(decompressor) as AsyncIterable<Uint8Array>;
  } catch (error) {
    damaged(input, frame, error);
  } finally {
    pieces.destroy();
    decompressor.destroy();
  }
}

/** Returns the contents of small frames in order, while later frames are decompressed. */
class RunningFrames {
  readonly #running: Promise<Uint8Array>[] = [];

  add(content: Promise<Uint8Array>): void {
    // An error is reported when the frame's turn comes. Until then it must not count as unhandled.
    content.catch(() => {});
    this.#running.push(content);
  }

  /** Yields the contents of all frames except the last `ahead`. */
  async *take(ahead: number): AsyncGenerator<Uint8Array, void, undefined> {
    while (this.#running.length > ahead) yield await (this.#running.shift() as Promise<Uint8Array>);
  }

  async settle(): Promise<void> {
    await Promise.allSettled(this.#running);
  }
}

/**
 * Decompresses a concatenation of zstd frames. Small frames that state their size are decompressed
 * two at a time. Skippable frames are ignored.
 *
 * @param name the file's name, for errors
 * @throws UserError if the data is damaged or truncated, needs a window of more than 128 MiB, or is
 *   followed by other bytes
 */
export async function* zstdDecompressStream(
  chunks: Chunks,
  name: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const input = new FrameInput(chunks, name);
  const running = new RunningFrames();
  try {
    if (!(await input.hasMore())) input.fail('the file is empty; a zstd file has at least one frame', 0);
    while (await input.hasMore()) {
      const frame = await input.frame();
      const { contentBytes = Number.POSITIVE_INFINITY } = frame;
      const isWhole =
        frame.rest === undefined && contentBytes > 0 && contentBytes <= WHOLE_FRAME_CONTENT_BYTES;
      if (isWhole) running.add(wholeContent(input, frame, contentBytes));
      yield* running.take(isWhole ? IN_FLIGHT : 0);
      if (!isWhole) yield* streamedContent(input, frame);
    }
    yield* running.take(0);
  } finally {
    await running.settle();
    await input.close();
  }
}
