/** Joins consecutive writes into large ones. */
import type { BlockSink } from '../block/block.ts';

const CAPACITY_BYTES = 1 << 20;
/** Pieces of at least this size are written directly: joining them saves nothing. */
const DIRECT_BYTES = 1 << 18;

export class WriteBuffer {
  readonly #sink: BlockSink;
  readonly #bytes = new Uint8Array(CAPACITY_BYTES);
  #offsetBytes = 0;
  #lengthBytes = 0;

  constructor(sink: BlockSink) {
    this.#sink = sink;
  }

  /** Writes `bytes[start, end)` and pads it with zeros to `paddedBytes`. */
  write(offsetBytes: number, bytes: Uint8Array, start: number, end: number, paddedBytes = end - start): void {
    const isNext = offsetBytes === this.#offsetBytes + this.#lengthBytes;
    if (!isNext || this.#lengthBytes + paddedBytes > CAPACITY_BYTES) {
      this.flush();
      this.#offsetBytes = offsetBytes;
    }
    if (this.#lengthBytes === 0 && end - start >= DIRECT_BYTES && paddedBytes === end - start) {
      this.#sink.write(offsetBytes, bytes.subarray(start, end));
      this.#offsetBytes = offsetBytes + paddedBytes;
      return;
    }
    const dataEnd = this.#lengthBytes + end - start;
    this.#bytes.set(
      start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end),
      this.#lengthBytes,
    );
    this.#bytes.fill(0, dataEnd, this.#lengthBytes + paddedBytes);
    this.#lengthBytes += paddedBytes;
  }

  flush(): void {
    if (this.#lengthBytes > 0)
      this.#sink.write(this.#offsetBytes, this.#bytes.subarray(0, this.#lengthBytes));
    this.#offsetBytes += this.#lengthBytes;
    this.#lengthBytes = 0;
  }
}
