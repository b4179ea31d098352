/** Coordinates threads through shared memory, which starts as zeros. */

const FREE = 0;
const HELD = 1;
const CONTENDED = 2;

export function sharedWords(count: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT));
}

/**
 * A lock in one word of shared memory.
 *
 * It is used, for example, for writes to one file: the kernel allows only one write to a file at a
 * time, and the other threads would spin in the kernel.
 */
export class SharedLock {
  readonly #words: Int32Array;
  readonly #word: number;

  constructor(words: Int32Array, word: number) {
    this.#words = words;
    this.#word = word;
  }

  /** Runs `work` while no other thread holds the lock. */
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

/** Hands out the numbers 0, 1, 2 and so on, each to one thread. */
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
