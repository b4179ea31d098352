/** Defines the data that the threads of `startCopy` share. */

import { SharedLock, sharedWords } from '../../runtime/parallel/shared.ts';

export const BLOCK_BYTES = 4096;

/** The numbers that describe one content, a range of a source. */
export const WORDS = {
  /** The index of the source in the list of paths. */
  source: 0,
  /** The start of the content in the source, in bytes. */
  offset: 1,
  length: 2,
  /** The start of the content in the sequence of all blocks, in bytes. */
  target: 3,
  perContent: 4,
} as const;

export interface CopyJob {
  readonly sourcePaths: readonly string[];
  readonly targetPath: string;
  /** {@link WORDS.perContent} numbers for each content, in ascending order of the target. */
  readonly contents: Float64Array;
  readonly contentCount: number;
  /**
   * The number of blocks in the sequence: the blocks of every content in order, including those of
   * zeros.
   */
  readonly blockCount: number;
  /** A thread takes this many blocks of the sequence at a time. A multiple of 8. */
  readonly pieceBlocks: number;
  /** One bit per block of the sequence. A thread sets it if the block holds data. */
  readonly dataBits: Uint8Array;
  /**
   * The ranges of blocks of the target that receive the blocks with data, filled one after another.
   */
  readonly freeStarts: Float64Array;
  readonly freeCounts: Float64Array;
  /**
   * Set if every block of the sequence has a fixed place: block `n` of the sequence belongs to
   * block `firstBlock + n` of the target. Blocks of zeros are then not written. With `keepsTarget`,
   * bytes of the target that no content covers stay unchanged.
   */
  readonly fixed?: { readonly firstBlock: number; readonly keepsTarget: boolean };
  readonly progress: Int32Array;
}

/** The reason why a copy ended early. */
export const STATE = { running: 0, full: 1, failed: 2 } as const;
export type State = (typeof STATE)[keyof typeof STATE];

const NEXT = 0;
const STOPPED = 1;
const WRITING = 2;
/**
 * From this word on, one word per piece: the number of blocks with data up to its end, or -1 while
 * it is unknown.
 */
const COUNTS = 3;
const UNKNOWN = -1;
const NEVER = -2;

/** Tracks the pieces that are taken, and the counts of blocks with data. */
export class Progress {
  readonly #words: Int32Array;
  /** Held by a thread while it writes. */
  readonly writing: SharedLock;

  constructor(words: Int32Array) {
    this.#words = words;
    this.writing = new SharedLock(words, WRITING);
  }

  static words(pieceCount: number): Int32Array {
    const words = sharedWords(COUNTS + pieceCount);
    words.fill(UNKNOWN, COUNTS);
    return words;
  }

  /** Returns the next piece that no thread has taken. */
  take(): number {
    return Atomics.add(this.#words, NEXT, 1);
  }

  /**
   * Waits until the blocks with data before a piece are counted, and returns their number. Returns
   * a negative number if the copy ends before that.
   */
  waitFor(piece: number): number {
    if (piece === 0) return 0;
    const word = COUNTS + piece - 1;
    while (Atomics.load(this.#words, word) === UNKNOWN) Atomics.wait(this.#words, word, UNKNOWN);
    return Atomics.load(this.#words, word);
  }

  /** Does the same as {@link waitFor} without blocking the thread. */
  async untilKnown(piece: number): Promise<number> {
    if (piece === 0) return 0;
    const word = COUNTS + piece - 1;
    for (;;) {
      const count = Atomics.load(this.#words, word);
      if (count !== UNKNOWN) return count;
      await Atomics.waitAsync(this.#words, word, UNKNOWN).value;
    }
  }

  publish(piece: number, blocksSoFar: number): void {
    Atomics.store(this.#words, COUNTS + piece, blocksSoFar);
    Atomics.notify(this.#words, COUNTS + piece);
  }

  /** Makes all threads stop. */
  stop(state: State): void {
    Atomics.compareExchange(this.#words, STOPPED, STATE.running, state);
    Atomics.store(this.#words, NEXT, this.#words.length);
    for (let word = COUNTS; word < this.#words.length; word++) {
      Atomics.compareExchange(this.#words, word, UNKNOWN, NEVER);
      Atomics.notify(this.#words, word);
    }
  }

  get state(): State {
    return Atomics.load(this.#words, STOPPED) as State;
  }
}
