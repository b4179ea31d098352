/**
 * Compresses into LZ4 blocks ("LZ4 Block Format Description") like the high-compression mode of
 * LZ4: hash chains hold the earlier positions of each four bytes. The encoder uses the longest
 * match, unless a longer match begins at the next byte.
 */

const MINIMUM_MATCH_BYTES = 4;
const MAXIMUM_DISTANCE = 65_535;
/** The last 5 bytes of a block are literals, and the last match begins before the last 12 bytes. */
const LAST_LITERALS = 5;
const MATCH_FREE_END = 12;
const LONG_LENGTH = 15;
const LENGTH_CONTINUES = 255;
const HASH_BITS = 15;
/** Knuth's multiplicative hash, as in LZ4. */
const HASH_FACTOR = 2654435761;

interface Match {
  length: number;
  distance: number;
}

/** Holds the positions of each hash, latest first. */
class Chains {
  readonly #bytes: Uint8Array;
  readonly #heads = new Int32Array(1 << HASH_BITS).fill(-1);
  readonly #previous: Int32Array;
  readonly #attempts: number;
  #next = 0;

  constructor(bytes: Uint8Array, attempts: number) {
    this.#bytes = bytes;
    this.#previous = new Int32Array(bytes.length);
    this.#attempts = attempts;
  }

  #hash(position: number): number {
    const bytes = this.#bytes;
    const word =
      (bytes[position] as number) |
      ((bytes[position + 1] as number) << 8) |
      ((bytes[position + 2] as number) << 16) |
      ((bytes[position + 3] as number) << 24);
    return Math.imul(word, HASH_FACTOR) >>> (32 - HASH_BITS);
  }

  /** Adds all positions before `end`. */
  #insertUntil(end: number): void {
    for (; this.#next < end; this.#next++) {
      const hash = this.#hash(this.#next);
      this.#previous[this.#next] = this.#heads[hash] as number;
      this.#heads[hash] = this.#next;
    }
  }

  /**
   * Stores the longest match at `position` that ends at most at `limit` in `match`, or a length of
   * 0.
   */
  find(position: number, limit: number, match: Match): void {
    this.#insertUntil(position);
    const bytes = this.#bytes;
    match.length = 0;
    let candidate = this.#heads[this.#hash(position)] as number;
    for (let attempt = 0; attempt < this.#attempts && candidate >= 0; attempt++) {
      if (position - candidate > MAXIMUM_DISTANCE) return;
      if (bytes[candidate + match.length] === bytes[position + match.length]) {
        let length = 0;
        while (position + length < limit && bytes[candidate + length] === bytes[position + length]) length++;
        if (length >= MINIMUM_MATCH_BYTES && length > match.length) {
          match.length = length;
          match.distance = position - candidate;
        }
      }
      candidate = this.#previous[candidate] as number;
    }
  }
}

/** Collects sequences. Drops a sequence that does not fit, and sets `isFull`. */
class Output {
  readonly bytes: Uint8Array;
  length = 0;
  isFull = false;

  constructor(limitBytes: number) {
    this.bytes = new Uint8Array(limitBytes);
  }

  /** Adds literals and the match after them; the last sequence has no match. */
  add(literals: Uint8Array, match?: Match): void {
    const matchLength = match === undefined ? 0 : match.length - MINIMUM_MATCH_BYTES;
    const atMost =
      1 + literals.length / LENGTH_CONTINUES + 1 + literals.length + 2 + matchLength / LENGTH_CONTINUES + 1;
    if (this.length + atMost > this.bytes.length) {
      this.isFull = true;
      return;
    }
    this.bytes[this.length++] =
      (Math.min(literals.length, LONG_LENGTH) << 4) | Math.min(matchLength, LONG_LENGTH);
    this.#addLength(literals.length);
    this.bytes.set(literals, this.length);
    this.length += literals.length;
    if (match === undefined) return;
    this.bytes[this.length++] = match.distance & 0xff;
    this.bytes[this.length++] = match.distance >> 8;
    this.#addLength(matchLength);
  }

  #addLength(length: number): void {
    if (length < LONG_LENGTH) return;
    let left = length - LONG_LENGTH;
    for (; left >= LENGTH_CONTINUES; left -= LENGTH_CONTINUES) this.bytes[this.length++] = LENGTH_CONTINUES;
    this.bytes[this.length++] = left;
  }
}

/**
 * Compresses a piece into one block.
 *
 * @param level each level doubles the number of earlier positions that are tried for a match
 * @returns `undefined` if the block is longer than `limitBytes`
 */
export function compressLz4(piece: Uint8Array, limitBytes: number, level: number): Uint8Array | undefined {
  const chains = new Chains(piece, 2 ** (level - 1));
  const output = new Output(limitBytes);
  const lastStart = piece.length - MATCH_FREE_END;
  const limit = piece.length - LAST_LITERALS;
  let match: Match = { length: 0, distance: 0 };
  let later: Match = { length: 0, distance: 0 };
  let literalStart = 0;
  for (let position = 0; position < lastStart && !output.isFull; ) {
    chains.find(position, limit, match);
    if (match.length === 0) {
      position++;
      continue;
    }
    while (position + 1 < lastStart) {
      chains.find(position + 1, limit, later);
      if (later.length <= match.length) break;
      position++;
      [match, later] = [later, match];
    }
    output.add(piece.subarray(literalStart, position), match);
    position += match.length;
    literalStart = position;
  }
  output.add(piece.subarray(literalStart));
  return output.isFull ? undefined : output.bytes.subarray(0, output.length);
}
