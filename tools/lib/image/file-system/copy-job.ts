/** What the threads of `startCopy` share. */

import { SharedLock, sharedWords } from '../../runtime/parallel/shared.ts';

export const BLOCK_BYTES = 4096;

/** The numbers that describe one content, a range of a source. */
export const WORDS = {
  /** Position of the source in the list of paths. */
  source: 0,
  /** Where in the source it lies, in bytes. */
  offset: 1,
  length: 2,
  /** Where in the sequence of all blocks it goes, in bytes. */
  target: 3,
  perContent: 4,
} as const;

export interface CopyJob {
  readonly sourcePaths: readonly string[];
  readonly targetPath: string;
  /** {@link WORDS.perContent} numbers for each content, ascending by target. */
  readonly contents: Float64Array;
  readonly contentCount: number;
  /** The sequence of all blocks: every content's, in order, those of zeros too. */
  readonly blockCount: number;
  /** A thread takes so many blocks of the sequence at a time; a multiple of 8. */
  readonly pieceBlocks: number;
  /** A bit for each block of the sequence, set by the threads where it holds data. */
  readonly dataBits: Uint8Array;
  /** Where blocks that hold data go: ranges of blocks of the target, filled one after the other. */
  readonly freeStarts: Float64Array;
  readonly freeCounts: Float64Array;
  /**
   * Whether every block of the sequence has its own place instead, at the same position of the
   * target from `firstBlock` on: then blocks of zeros are not written, and what no content touches
   * within a block keeps what the target has there.
   */
  readonly fixed?: { readonly firstBlock: number; readonly keepsTarget: boolean };
  readonly progress: Int32Array;
}

/** Why a copy stopped early. */
export const STATE = { running: 0, full: 1, failed: 2 } as const;
export type State = (typeof STATE)[keyof typeof STATE];

const NEXT = 0;
const STOPPED = 1;
const WRITING = 2;
/**
 * From here on, for each piece, how many blocks with data there are up to its end; -1 as long as
 * that is not known.
 */
const COUNTS = 3;
const UNKNOWN = -1;
const NEVER = -2;

/** Which pieces are taken, and how far the counts of blocks with data are. */
export class Progress {
  readonly #words: Int32Array;
  /** Held while a thread writes. */
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

  /** The next piece that no thread has taken. */
  take(): number {
    return Atomics.add(this.#words, NEXT, 1);
  }

  /**
   * Waits for the blocks with data before a piece to be counted; negative where that never will be.
   */
  waitFor(piece: number): number {
    if (piece === 0) return 0;
    const word = COUNTS + piece - 1;
    while (Atomics.load(this.#words, word) === UNKNOWN) Atomics.wait(this.#words, word, UNKNOWN);
    return Atomics.load(this.#words, word);
  }

  /** {@link waitFor} without blocking the thread's other work. */
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

  /** Ends the work of all threads. */
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
