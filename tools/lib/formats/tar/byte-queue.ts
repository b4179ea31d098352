/**
 * Gives a parser a chosen number of bytes at a time, from chunks of any size.
 *
 * The parser is a generator that yields {@link NEED_INPUT} to request a chunk, so that the same
 * parser serves synchronous and asynchronous input.
 */
export const NEED_INPUT = undefined;

export class ByteQueue {
  #chunk: Uint8Array = new Uint8Array();
  #position = 0;
  #consumedBytes = 0;

  /** The offset of the next byte in the archive. */
  get offsetBytes(): number {
    return this.#consumedBytes;
  }

  #advance(count: number): Uint8Array {
    const bytes = this.#chunk.subarray(this.#position, this.#position + count);
    this.#position += count;
    this.#consumedBytes += count;
    return bytes;
  }

  /** Waits for at least one byte. @returns false at the end of the input */
  *#fill(): Generator<undefined, boolean, Uint8Array | undefined> {
    while (this.#position === this.#chunk.length) {
      const chunk = yield NEED_INPUT;
      if (chunk === undefined) return false;
      this.#chunk = chunk;
      this.#position = 0;
    }
    return true;
  }

  /** Returns the same bytes as {@link tryTake}, without taking them. */
  tryPeek(count: number): Uint8Array | undefined {
    if (this.#chunk.length - this.#position < count) return undefined;
    return this.#chunk.subarray(this.#position, this.#position + count);
  }

  /** Takes exactly `count` bytes without a copy, if the current chunk has them. */
  tryTake(count: number): Uint8Array | undefined {
    return this.#chunk.length - this.#position >= count ? this.#advance(count) : undefined;
  }

  /** Takes exactly `count` bytes, or fewer if the input ends. */
  *take(count: number): Generator<undefined, Uint8Array, Uint8Array | undefined> {
    const whole = this.tryTake(count);
    if (whole !== undefined) return whole;
    // Memory grows with the input, not with a size that the archive states. A chunk may be
    // overwritten once the next one is requested.
    const parts: Uint8Array[] = [];
    for (let missing = count; missing > 0; ) {
      if (!(yield* this.#fill())) break;
      const part = Uint8Array.from(this.#advance(Math.min(missing, this.#chunk.length - this.#position)));
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  /**
   * Takes at least one and at most `most` bytes without a copy.
   *
   * @returns `undefined` at the end of the input
   */
  *takeSome(most: number): Generator<undefined, Uint8Array | undefined, Uint8Array | undefined> {
    if (!(yield* this.#fill())) return undefined;
    return this.#advance(Math.min(most, this.#chunk.length - this.#position));
  }

  /** Skips bytes. If the current chunk ends earlier, the next chunk must start at `offsetBytes`. */
  skip(count: number): void {
    this.#position = Math.min(this.#chunk.length, this.#position + count);
    this.#consumedBytes += count;
  }
}
