import { DEFAULT_ZSTD_LEVEL, zstdFrame } from './compress.ts';
import { IN_FLIGHT } from './ordered.ts';

/**
 * Content of one frame in files that are written front to back: the window of level 3 (zstd, ZSTD_defaultCParameters). On a root file
 * system, frames of 4 MiB are about 1 % smaller and cost the reader 70 MiB of memory more; frames of 1 MiB are about 1 % larger.
 */
export const FRAME_CONTENT_BYTES = 2 << 20;

/** Cuts a stream of bytes into zstd frames of a fixed content size, compresses them on the thread pool and writes them in order. */
export class FrameWriter {
  readonly #emit: (frame: Uint8Array) => void;
  readonly #level: number;
  readonly #contentBytes: number;
  readonly #running: Promise<Uint8Array>[] = [];
  /** Buffers whose frames are done: used again, because new ones would pile up until the garbage collector looks. */
  readonly #spare: Uint8Array[] = [];
  #buffer: Uint8Array;
  #used = 0;

  constructor(
    emit: (frame: Uint8Array) => void,
    { level = DEFAULT_ZSTD_LEVEL, contentBytes = FRAME_CONTENT_BYTES } = {},
  ) {
    this.#emit = emit;
    this.#level = level;
    this.#contentBytes = contentBytes;
    this.#buffer = new Uint8Array(contentBytes);
  }

  async #compress(buffer: Uint8Array, usedBytes: number): Promise<Uint8Array> {
    const frame = await zstdFrame(buffer.subarray(0, usedBytes), this.#level);
    this.#spare.push(buffer);
    return frame;
  }

  #start(buffer: Uint8Array, usedBytes: number): void {
    const frame = this.#compress(buffer, usedBytes);
    // An error is seen when the frame's turn comes; until then it must not count as unhandled.
    frame.catch(() => {});
    this.#running.push(frame);
  }

  async #emitFirst(): Promise<void> {
    const frame = this.#running.shift();
    if (frame !== undefined) this.#emit(await frame);
  }

  /**
   * Takes bytes; copies them, so that the caller may reuse its buffer.
   *
   * @returns a promise to wait for before the next call, or `undefined` where there is nothing to wait for
   */
  write(bytes: Uint8Array): Promise<void> | undefined {
    const room = this.#contentBytes - this.#used;
    if (bytes.length < room) {
      this.#buffer.set(bytes, this.#used);
      this.#used += bytes.length;
      return undefined;
    }
    return this.#writeLong(bytes);
  }

  async #writeLong(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const count = Math.min(this.#contentBytes - this.#used, bytes.length - done);
      this.#buffer.set(bytes.subarray(done, done + count), this.#used);
      this.#used += count;
      done += count;
      if (this.#used < this.#contentBytes) continue;
      this.#start(this.#buffer, this.#used);
      this.#buffer = this.#spare.pop() ?? new Uint8Array(this.#contentBytes);
      this.#used = 0;
      if (this.#running.length >= IN_FLIGHT) await this.#emitFirst();
    }
  }

  /** Writes what is left. */
  async finish(): Promise<void> {
    if (this.#used > 0) this.#start(this.#buffer, this.#used);
    this.#used = 0;
    while (this.#running.length > 0) await this.#emitFirst();
  }
}
