/**
 * Random-looking numbers that depend only on the seed, so that a failing case can be run again
 * alone.
 */

const STEP = 0x6d2b79f5;

/** Spreads the number of a case over 32 bits, so that neighbouring cases differ completely. */
function scramble(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** The generator Mulberry32. */
export class Random {
  #state: number;

  constructor(seed: number, caseNumber: number) {
    this.#state = scramble(scramble(seed) + caseNumber);
  }

  /** A number from 0 to `end` - 1. */
  below(end: number): number {
    this.#state = (this.#state + STEP) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000) * end);
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }
}
