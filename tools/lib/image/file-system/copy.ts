/**
 * Copies contents of files (members of uncompressed archives) to the free blocks of an image, on
 * several threads.
 *
 * All contents together are a sequence of blocks; each content is padded to whole blocks. Threads
 * take pieces of the sequence, drop the blocks of zeros, and write the others to the free blocks of
 * the target, in the order of the sequence. So the result does not depend on the number of threads
 * and their speed: it is that of one thread that works from front to back.
 */

import { TaskPool, workerCount } from '../../runtime/parallel/parallel.ts';
import { BLOCK_BYTES, type CopyJob, Progress, STATE, WORDS } from './copy-job.ts';
import { copyTask } from './copy-worker.ts';

/**
 * A thread copies this many blocks at a time: few enough to stay in the cache of a processor
 * between reading and writing.
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

  /** The number of blocks of all contents so far. The next content begins there. */
  get blockCount(): number {
    return this.#blockCount;
  }

  /**
   * Adds a content.
   *
   * @param extents the ranges of the file that its stored bytes belong to, in order; default: `[0,
   *   sizeBytes)`. Blocks of the file that no extent touches are not in the sequence.
   * @returns the runs of blocks of the file that are in the sequence: logical block and count of
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
    /** The block of the file that comes next in the sequence, if it follows directly. */
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
   * Adds a content without holes. Unlike {@link add}, it makes no list of runs, because there are
   * many such contents.
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
   * Adds a range of bytes with a fixed place, `targetBytes` after the start of the sequence. A list
   * for {@link startFixedCopy} consists only of such ranges, in any order.
   */
  addAt(sourcePath: string, offsetBytes: number, lengthBytes: number, targetBytes: number): void {
    this.#push(this.#source(sourcePath), offsetBytes, lengthBytes, targetBytes);
    this.#blockCount = Math.max(this.#blockCount, Math.ceil((targetBytes + lengthBytes) / BLOCK_BYTES));
  }

  /** The contents, in ascending order of the target. */
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

  /** Makes the job that the threads receive. */
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
 * Starts the threads. Call it before the contents are known, because threads take a while to start.
 */
export function startCopyPool(threads = workerCount()): CopyPool {
  const pool: CopyPool = new TaskPool(copyTask, threads);
  // Start-up errors are ignored; the first real job reports them.
  for (let index = 0; index < pool.size; index++) pool.run(undefined).catch(() => {});
  return pool;
}

/** A copy in progress. */
export class ContentCopy {
  readonly #job: CopyJob;
  readonly #progress: Progress;
  /** Resolves when every block is in its place, and rejects if the copy fails. */
  readonly done: Promise<void>;

  /** See {@link startCopy}. */
  constructor(job: CopyJob, pool: CopyPool) {
    this.#job = job;
    this.#progress = new Progress(job.progress);
    this.done = this.#run(pool);
    // The caller that waits sees the error; until then it must not count as unhandled.
    this.done.catch(() => {});
  }

  async #run(pool: CopyPool): Promise<void> {
    if (this.#job.blockCount === 0) return;
    const results = await Promise.allSettled(Array.from({ length: pool.size }, () => pool.run(this.#job)));
    // A thread that died could not report it.
    if (results.some(({ status }) => status === 'rejected')) this.#progress.stop(STATE.failed);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /**
   * One bit per block of the sequence, set if the block holds data and thus takes the next free
   * block.
   */
  get dataBits(): Uint8Array {
    return this.#job.dataBits;
  }

  /**
   * Waits until the bits of the first `blockCount` blocks are known.
   *
   * @returns the number of blocks with known bits, at least `blockCount`; 0 if the copy failed, or
   *   if there were too few free blocks
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
 * Starts to copy the contents of a list to the `free` blocks of the file at `targetPath`, which
 * must have its final size.
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
 * Starts to copy the contents of a list, which have fixed places ({@link CopyList.addAt}), to the
 * file at `targetPath`, which must have its final size. Blocks of zeros are not written: the file
 * must read as zeros there.
 *
 * @param firstBlock the block of the file at which the sequence of the list begins
 * @param keepsTarget whether the blocks already hold data. Bytes that no content covers then stay
 *   unchanged; otherwise they become zero
 */
export function startFixedCopy(
  pool: CopyPool,
  list: CopyList,
  targetPath: string,
  fixed: { readonly firstBlock: number; readonly keepsTarget: boolean },
): Pick<ContentCopy, 'done'> {
  return new ContentCopy({ ...list.job(targetPath, []), fixed }, pool);
}
