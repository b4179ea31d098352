/**
 * Computes the hash of directory indexes: half MD4 with unsigned characters ("Hash Tree
 * Directories" in the kernel's ext4 documentation). The rounds are those of MD4 (RFC 1320), with
 * half as many steps per round.
 */

import { viewOf } from '../structure/view.ts';

/** The start values of MD4, for a file system without a hash seed. */
const MD4_INITIAL = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
/** A name is hashed in pieces of 8 words. */
const PIECE_BYTES = 32;

interface Round {
  readonly mix: (x: number, y: number, z: number) => number;
  readonly constant: number;
  /** The word of the piece that each of the 8 steps adds. */
  readonly order: readonly number[];
  readonly rotations: readonly number[];
}

const ROUNDS: readonly Round[] = [
  {
    mix: (x, y, z) => z ^ (x & (y ^ z)),
    constant: 0,
    order: [0, 1, 2, 3, 4, 5, 6, 7],
    rotations: [3, 7, 11, 19],
  },
  {
    mix: (x, y, z) => (x & y) + ((x ^ y) & z),
    constant: 0x5a827999,
    order: [1, 3, 5, 7, 0, 2, 4, 6],
    rotations: [3, 5, 9, 13],
  },
  {
    mix: (x, y, z) => x ^ y ^ z,
    constant: 0x6ed9eba1,
    order: [3, 7, 2, 6, 1, 5, 0, 4],
    rotations: [3, 9, 11, 15],
  },
];

/** Mixes one piece into `state`. */
function transform(state: Int32Array, piece: Int32Array): void {
  let a = state[0] as number;
  let b = state[1] as number;
  let c = state[2] as number;
  let d = state[3] as number;
  for (const { mix, constant, order, rotations } of ROUNDS) {
    for (let step = 0; step < order.length; step++) {
      const sum = (a + mix(b, c, d) + (piece[order[step] as number] as number) + constant) | 0;
      const rotation = rotations[step % 4] as number;
      const mixed = (sum << rotation) | (sum >>> (32 - rotation));
      a = d;
      d = c;
      c = b;
      b = mixed;
    }
  }
  state[0] = ((state[0] as number) + a) | 0;
  state[1] = ((state[1] as number) + b) | 0;
  state[2] = ((state[2] as number) + c) | 0;
  state[3] = ((state[3] as number) + d) | 0;
}

/**
 * Fills `piece` from `name[start...]` with big-endian words. The remaining length is the padding.
 */
function fillPiece(piece: Int32Array, name: Uint8Array, start: number): void {
  const left = name.length - start;
  const pad = left | (left << 8) | (left << 16) | (left << 24) | 0;
  const count = Math.min(left, PIECE_BYTES);
  piece.fill(pad);
  for (let word = 0; word * 4 < count; word++) {
    let value = pad;
    const end = Math.min(count, word * 4 + 4);
    for (let index = word * 4; index < end; index++) {
      value = ((value << 8) + (name[start + index] as number)) | 0;
    }
    piece[word] = value;
  }
}

/**
 * Returns the start values: the hash seed of the file system, or those of MD4 if it is all zero.
 */
export function hashStart(seed: Uint8Array): Int32Array {
  const view = viewOf(seed);
  const words = [0, 4, 8, 12].map((offset) => view.getInt32(offset, true));
  return Int32Array.from(words.some((word) => word !== 0) ? words : MD4_INITIAL);
}

/** The end-of-directory mark of Linux, 0x7fffffff shifted left: the largest hash is 2 below it. */
const END_OF_DIRECTORY = 0xfffffffe;

/** Hashes a name. The lowest of the 32 bits is always 0. */
export function hashName(name: Uint8Array, start: Int32Array): number {
  const state = start.slice();
  const piece = new Int32Array(PIECE_BYTES / 4);
  for (let offset = 0; offset < name.length; offset += PIECE_BYTES) {
    fillPiece(piece, name, offset);
    transform(state, piece);
  }
  const hash = ((state[1] as number) & ~1) >>> 0;
  return hash === END_OF_DIRECTORY ? END_OF_DIRECTORY - 2 : hash;
}
