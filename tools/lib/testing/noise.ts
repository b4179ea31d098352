/** Generates sample data that looks random and is the same in every run. */

/** Multiplier and increment of the linear congruential generator of Numerical Recipes. */
const MULTIPLIER = 1664525;
const INCREMENT = 1013904223;

/** Returns the state of the generator after `state`. */
function next(state: number): number {
  return (Math.imul(state, MULTIPLIER) + INCREMENT) | 0;
}

/** Returns bytes that do not compress. No byte is zero, so that no block looks like a hole. */
export function noise(lengthBytes: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(lengthBytes);
  let state = seed | 1;
  for (let index = 0; index < lengthBytes; index++) {
    state = next(state);
    bytes[index] = (state >>> 24) | 1;
  }
  return bytes;
}

const WORDS = ['root', 'mount ', 'the ', 'of\n', 'kernel', ' = ', 'image', '/usr/lib/'];

/** Returns text that compresses to about a third. */
export function prose(lengthBytes: number, seed = 1): Buffer {
  const parts: string[] = [];
  let state = seed | 1;
  for (let length = 0; length < lengthBytes; ) {
    state = next(state);
    const word = state >>> 28 === 0 ? `${state}` : (WORDS[(state >>> 24) & 7] as string);
    parts.push(word);
    length += word.length;
  }
  return Buffer.from(parts.join('')).subarray(0, lengthBytes);
}
