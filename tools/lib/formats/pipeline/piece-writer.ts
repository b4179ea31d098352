import { IN_FLIGHT } from './ordered.ts';

/**
 * Cuts a stream of bytes into pieces of a fixed size, compresses them in the thread pool, and
 * writes them in order.
 */
export class PieceWriter {
  readonly #emit: (piece: Uint8Array) => void;
  readonly #work: (content: Uint8Array) => Promise<Uint8Array>;
  readonly #contentBytes: number;
  readonly #running: Promise<Uint8Array>[] = [];
  /**
   * The buffers of finished pieces. They are reused, because discarded buffers use memory until the
   * garbage collector runs.
   */
  readonly #spare: Uint8Array[] = [];
  #buffer: Uint8Array;
  #used = 0;

  /** @param work compresses a piece; its input does not change before it is done */
  constructor(
    emit: (piece: Uint8Array) => void,
    work: (content: Uint8Array) => Promise<Uint8Array>,
    contentBytes: number,
  ) {
    this.#emit = emit;
    this.#work = work;
    this.#contentBytes = contentBytes;
    this.#buffer = new Uint8Array(contentBytes);
  }

  async #compress(buffer: Uint8Array, usedBytes: number): Promise<Uint8Array> {
    const piece = await this.#work(buffer.subarray(0, usedBytes));
    this.#spare.push(buffer);
    return piece;
  }

  #start(buffer: Uint8Array, usedBytes: number): void {
    const piece = this.#compress(buffer, usedBytes);
    // The error is thrown when its piece is next; until then it must not count as unhandled.
    piece.catch(() => {});
    this.#running.push(piece);
  }

  async #emitFirst(): Promise<void> {
    const piece = this.#running.shift();
    if (piece !== undefined) this.#emit(await piece);
  }

  /**
   * Copies `bytes`, so that the caller may reuse its buffer.
   *
   * @returns a promise to await before the next call, or `undefined` if no wait is needed
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

  /** Writes the remaining bytes. */
  async finish(): Promise<void> {
    if (this.#used > 0) this.#start(this.#buffer, this.#used);
    this.#used = 0;
    while (this.#running.length > 0) await this.#emitFirst();
  }
}
