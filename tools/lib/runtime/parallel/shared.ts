/** What threads agree by, in memory that they share. All of it begins as zeros. */

const FREE = 0;
const HELD = 1;
const CONTENDED = 2;

export function sharedWords(count: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT));
}

/**
 * Lets one thread at a time do something, in one word.
 *
 * For writes to one file for example: the kernel lets one write to a file at a time anyway, and would have the others spin.
 */
export class SharedLock {
  readonly #words: Int32Array;
  readonly #word: number;

  constructor(words: Int32Array, word: number) {
    this.#words = words;
    this.#word = word;
  }

  /** Does `work` while no other thread does. */
  run(work: () => void): void {
    if (Atomics.compareExchange(this.#words, this.#word, FREE, HELD) !== FREE) {
      while (Atomics.exchange(this.#words, this.#word, CONTENDED) !== FREE) {
        Atomics.wait(this.#words, this.#word, CONTENDED);
      }
    }
    try {
      work();
    } finally {
      if (Atomics.exchange(this.#words, this.#word, FREE) === CONTENDED) {
        Atomics.notify(this.#words, this.#word, 1);
      }
    }
  }
}

/** Hands out the numbers from 0 on, each to one thread. */
export class SharedCounter {
  readonly #words: Int32Array;
  readonly #word: number;

  constructor(words: Int32Array, word: number) {
    this.#words = words;
    this.#word = word;
  }

  take(): number {
    return Atomics.add(this.#words, this.#word, 1);
  }
}
