/**
 * Copies contents that lie in files (members of uncompressed archives) to the free blocks of an
 * image, on several threads.
 *
 * All contents together are a sequence of blocks, each content padded to whole ones. Threads take
 * pieces of it, leave out the blocks of zeros, and write the others to the free blocks of the
 * target in the order of the sequence. So the result is that of one thread that does the same from
 * front to back, whatever number of threads there are and whichever is the faster.
 */

import { TaskPool, workerCount } from '../../runtime/parallel/parallel.ts';
import { BLOCK_BYTES, type CopyJob, Progress, STATE, WORDS } from './copy-job.ts';
import { copyTask } from './copy-worker.ts';

/**
 * A thread copies so many blocks at a time: few enough to stay in a processor's cache between
 * reading and writing.
 */
const PIECE_BLOCKS = 256;
const FIRST_CAPACITY = 1024;

/** A run of blocks of the target. */
export interface BlockRun {
  readonly start: number;
  readonly count: number;
}

/** The contents to copy, in the order of the target. */
export class CopyList {
  #contents = new Float64Array(FIRST_CAPACITY * WORDS.perContent);
  #contentCount = 0;
  #blockCount = 0;
  readonly #sources = new Map<string, number>();

  /** Blocks of all contents so far; the next content begins there. */
  get blockCount(): number {
    return this.#blockCount;
  }

  /**
   * Adds a content.
   *
   * @param extents where its bytes, which are stored one after the other, belong; default: `[0,
   *   sizeBytes)`. Blocks of the file that no extent touches are not in the sequence.
   * @returns the runs of the file's blocks that are in the sequence: logical block and count of
   *   each
   */
  add(
    sourcePath: string,
    offsetBytes: number,
    sizeBytes: number,
    extents: readonly (readonly [offsetBytes: number, lengthBytes: number])[] = [[0, sizeBytes]],
  ): number[] {
    const source = this.#source(sourcePath);
    const runs: number[] = [];
    let stored = offsetBytes;
    /** The file's block that comes next in the sequence, if it follows there. */
    let next = 0;
    for (const [position, lengthBytes] of extents) {
      if (lengthBytes === 0) continue;
      const first = Math.floor(position / BLOCK_BYTES);
      const end = Math.ceil((position + lengthBytes) / BLOCK_BYTES);
      if (first > next || runs.length === 0) runs.push(first, 0);
      const from = Math.max(first, runs.length === 2 && runs[1] === 0 ? first : next);
      runs[runs.length - 1] = (runs.at(-1) as number) + end - from;
      this.#blockCount += end - from;
      const target = (this.#blockCount - end) * BLOCK_BYTES + position;
      this.#push(source, stored, lengthBytes, target);
      stored += lengthBytes;
      next = end;
    }
    return runs;
  }

  /**
   * {@link add} for a content without holes, of which there are many: without a list of its runs.
   */
  addWhole(sourcePath: string, offsetBytes: number, sizeBytes: number): void {
    this.#push(this.#source(sourcePath), offsetBytes, sizeBytes, this.#blockCount * BLOCK_BYTES);
    this.#blockCount += Math.ceil(sizeBytes / BLOCK_BYTES);
  }

  #source(path: string): number {
    let source = this.#sources.get(path);
    if (source === undefined) {
      source = this.#sources.size;
      this.#sources.set(path, source);
    }
    return source;
  }

  #push(source: number, offsetBytes: number, lengthBytes: number, targetBytes: number): void {
    const word = this.#contentCount * WORDS.perContent;
    if (word === this.#contents.length) {
      const grown = new Float64Array(this.#contents.length * 2);
      grown.set(this.#contents);
      this.#contents = grown;
    }
    this.#contents[word + WORDS.source] = source;
    this.#contents[word + WORDS.offset] = offsetBytes;
    this.#contents[word + WORDS.length] = lengthBytes;
    this.#contents[word + WORDS.target] = targetBytes;
    this.#contentCount++;
  }

  /**
   * Adds a range of bytes with a place of its own, in bytes from the start of the sequence; in a
   * list that is copied by {@link startFixedCopy} all are such, in any order.
   */
  addAt(sourcePath: string, offsetBytes: number, lengthBytes: number, targetBytes: number): void {
    this.#push(this.#source(sourcePath), offsetBytes, lengthBytes, targetBytes);
    this.#blockCount = Math.max(this.#blockCount, Math.ceil((targetBytes + lengthBytes) / BLOCK_BYTES));
  }

  /** The contents, ascending by target. */
  #sorted(): Float64Array {
    const { perContent, target } = WORDS;
    const contents = this.#contents.subarray(0, this.#contentCount * perContent);
    const targetOf = (index: number): number => contents[index * perContent + target] as number;
    let isSorted = true;
    for (let index = 1; index < this.#contentCount; index++)
      isSorted &&= targetOf(index - 1) <= targetOf(index);
    if (isSorted) return contents;
    const order = Uint32Array.from({ length: this.#contentCount }, (_, index) => index);
    order.sort((left, right) => targetOf(left) - targetOf(right));
    const sorted = new Float64Array(contents.length);
    order.forEach((from, to) => {
      sorted.set(contents.subarray(from * perContent, (from + 1) * perContent), to * perContent);
    });
    return sorted;
  }

  /** What the threads are given. */
  job(targetPath: string, free: readonly BlockRun[]): CopyJob {
    const contents = shared(this.#sorted());
    const pieceCount = Math.ceil(this.#blockCount / PIECE_BLOCKS);
    return {
      sourcePaths: [...this.#sources.keys()],
      targetPath,
      contents,
      contentCount: this.#contentCount,
      blockCount: this.#blockCount,
      pieceBlocks: PIECE_BLOCKS,
      dataBits: new Uint8Array(new SharedArrayBuffer((pieceCount * PIECE_BLOCKS) / 8)),
      freeStarts: shared(Float64Array.from(free, ({ start }) => start)),
      freeCounts: shared(Float64Array.from(free, ({ count }) => count)),
      progress: Progress.words(pieceCount),
    };
  }
}

function shared(values: Float64Array): Float64Array {
  const copy = new Float64Array(new SharedArrayBuffer(values.byteLength));
  copy.set(values);
  return copy;
}

/** The threads for {@link startCopy}. */
export type CopyPool = TaskPool<CopyJob | undefined, void>;

/**
 * Starts the threads, which take a while to come up: best done before it is found out what to copy.
 */
export function startCopyPool(threads = workerCount()): CopyPool {
  const pool: CopyPool = new TaskPool(copyTask, threads);
  // What they find to complain about they complain about when they are used.
  for (let index = 0; index < pool.size; index++) pool.run(undefined).catch(() => {});
  return pool;
}

/** A copy that is under way. */
export class ContentCopy {
  readonly #job: CopyJob;
  readonly #progress: Progress;
  /** Ends when every block is where it belongs, or fails with what went wrong. */
  readonly done: Promise<void>;

  /** See {@link startCopy}. */
  constructor(job: CopyJob, pool: CopyPool) {
    this.#job = job;
    this.#progress = new Progress(job.progress);
    this.done = this.#run(pool);
    // Whoever waits sees the error; until then it must not count as unhandled.
    this.done.catch(() => {});
  }

  async #run(pool: CopyPool): Promise<void> {
    if (this.#job.blockCount === 0) return;
    const results = await Promise.allSettled(Array.from({ length: pool.size }, () => pool.run(this.#job)));
    // A thread that died could not say so itself.
    if (results.some(({ status }) => status === 'rejected')) this.#progress.stop(STATE.failed);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /**
   * A bit for each block of the list's sequence, set where it holds data and so takes the next free
   * block.
   */
  get dataBits(): Uint8Array {
    return this.#job.dataBits;
  }

  /**
   * Waits until the bits of the first `blockCount` blocks are known.
   *
   * @returns for how many blocks they are, at least so many; 0 where the copy failed, or the free
   *   blocks were too few
   */
  async known(blockCount: number): Promise<number> {
    const pieces = Math.ceil(blockCount / this.#job.pieceBlocks);
    if ((await this.#progress.untilKnown(pieces)) < 0) return 0;
    return pieces * this.#job.pieceBlocks;
  }

  /** Whether there were too few free blocks. */
  get isFull(): boolean {
    return this.#progress.state === STATE.full;
  }
}

/**
 * Starts to copy the contents of a list to `free` blocks of the file at `targetPath`, which must
 * have its size already.
 */
export function startCopy(
  pool: CopyPool,
  list: CopyList,
  targetPath: string,
  free: readonly BlockRun[],
): ContentCopy {
  return new ContentCopy(list.job(targetPath, free), pool);
}

/**
 * Starts to copy the contents of a list that have places of their own ({@link CopyList.addAt}) to
 * the file at `targetPath`, which has its size already. Blocks of zeros are not written: the file
 * must read as zeros there.
 *
 * @param firstBlock where in the file the list's sequence begins
 * @param keepsTarget whether the blocks have something already, which stays where no content goes;
 *   else that becomes zero
 */
export function startFixedCopy(
  pool: CopyPool,
  list: CopyList,
  targetPath: string,
  fixed: { readonly firstBlock: number; readonly keepsTarget: boolean },
): Pick<ContentCopy, 'done'> {
  return new ContentCopy({ ...list.job(targetPath, []), fixed }, pool);
}
