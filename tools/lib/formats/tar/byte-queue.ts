/**
 * The bytes of an archive as a parser wants them: a given number at a time, from chunks of any size.
 *
 * The parser is a generator that yields {@link NEED_INPUT} when it has to have another chunk, so that one parser serves
 * synchronous and asynchronous input alike.
 */
export const NEED_INPUT = undefined;

export class ByteQueue {
  #chunk: Uint8Array = new Uint8Array();
  #position = 0;
  #consumedBytes = 0;

  /** Bytes taken so far: the offset of the next byte in the archive. */
  get offsetBytes(): number {
    return this.#consumedBytes;
  }

  #advance(count: number): Uint8Array {
    const bytes = this.#chunk.subarray(this.#position, this.#position + count);
    this.#position += count;
    this.#consumedBytes += count;
    return bytes;
  }

  /** Waits for a byte to be there; false at the end of the input. */
  *#fill(): Generator<undefined, boolean, Uint8Array | undefined> {
    while (this.#position === this.#chunk.length) {
      const chunk = yield NEED_INPUT;
      if (chunk === undefined) return false;
      this.#chunk = chunk;
      this.#position = 0;
    }
    return true;
  }

  /** {@link tryTake}, but the bytes are not taken yet. */
  tryPeek(count: number): Uint8Array | undefined {
    if (this.#chunk.length - this.#position < count) return undefined;
    return this.#chunk.subarray(this.#position, this.#position + count);
  }

  /** Exactly `count` bytes where they lie in one piece already, without a copy; else `undefined`. */
  tryTake(count: number): Uint8Array | undefined {
    return this.#chunk.length - this.#position >= count ? this.#advance(count) : undefined;
  }

  /** Exactly `count` bytes, or fewer where the input ends before. */
  *take(count: number): Generator<undefined, Uint8Array, Uint8Array | undefined> {
    const whole = this.tryTake(count);
    if (whole !== undefined) return whole;
    // Grows with what is really there, not with a size that the archive states. A chunk may be overwritten once another is asked for.
    const parts: Uint8Array[] = [];
    for (let missing = count; missing > 0; ) {
      if (!(yield* this.#fill())) break;
      const part = Uint8Array.from(this.#advance(Math.min(missing, this.#chunk.length - this.#position)));
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** At least one and at most `most` bytes, without a copy; `undefined` at the end of the input. */
  *takeSome(most: number): Generator<undefined, Uint8Array | undefined, Uint8Array | undefined> {
    if (!(yield* this.#fill())) return undefined;
    return this.#advance(Math.min(most, this.#chunk.length - this.#position));
  }

  /** Passes over bytes, be they there or not: where they are not, the next chunk has to start at {@link offsetBytes}. */
  skip(count: number): void {
    this.#position = Math.min(this.#chunk.length, this.#position + count);
    this.#consumedBytes += count;
  }
}
