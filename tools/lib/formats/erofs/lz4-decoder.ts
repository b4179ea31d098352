/**
 * Decompresses LZ4 blocks ("LZ4 Block Format Description"). A sequence has a token, literals, a
 * 16-bit distance back, and the length of the match. The last sequence has only literals.
 */

const MINIMUM_MATCH_BYTES = 4;
/**
 * A length of 15 in its half of the token continues in the next bytes, until one of them is not
 * 255.
 */
const LONG_LENGTH = 15;
const LENGTH_CONTINUES = 255;

/** Thrown for bytes that are not an LZ4 block. Callers add the place to the message. */
export class Lz4Error extends Error {}

/**
 * Decompresses until `output` is full. Ignores the rest of the input, which may be padding.
 *
 * @throws Lz4Error if the input ends early, or if a match begins before the start of the output
 */
export function decompressLz4(input: Uint8Array, output: Uint8Array): void {
  let from = 0;
  let to = 0;
  const readLength = (short: number): number => {
    let length = short;
    if (short < LONG_LENGTH) return length;
    for (let byte = LENGTH_CONTINUES; byte === LENGTH_CONTINUES; ) {
      if (from >= input.length) throw new Lz4Error('compressed bytes end within a length');
      byte = input[from++] as number;
      length += byte;
    }
    return length;
  };
  while (to < output.length) {
    if (from >= input.length) throw new Lz4Error('compressed bytes end early');
    const token = input[from++] as number;
    const literals = Math.min(readLength(token >> 4), output.length - to);
    if (from + literals > input.length) throw new Lz4Error('compressed bytes end within literals');
    output.set(input.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (to === output.length) return;
    if (from + 2 > input.length) throw new Lz4Error('compressed bytes end early');
    const distance = (input[from] as number) | ((input[from + 1] as number) << 8);
    from += 2;
    const length = Math.min(readLength(token & 0xf) + MINIMUM_MATCH_BYTES, output.length - to);
    if (distance === 0 || distance > to) throw new Lz4Error('a match begins before the start of the content');
    // A match may overlap the bytes that it produces.
    if (distance >= length) output.copyWithin(to, to - distance, to - distance + length);
    else for (let done = 0; done < length; done++) output[to + done] = output[to + done - distance] as number;
    to += length;
  }
}
