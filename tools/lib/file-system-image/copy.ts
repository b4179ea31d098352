/**
 * Copies contents that lie in files (members of uncompressed archives) to the free blocks of an image, on several threads.
 *
 * All contents together are a sequence of blocks, each content padded to whole ones. Threads take pieces of it, leave out the blocks
 * of zeros, and write the others to the free blocks of the target in the order of the sequence. So the result is that
 * of one thread that does the same from front to back, whatever number of threads there are and whichever is the faster.
 */

import { TaskPool, workerCount } from '../parallel/parallel.ts';
import { BLOCK_BYTES, type CopyJob, Progress, STATE, WORDS } from './copy-job.ts';
import { copyTask } from './copy-worker.ts';

/** A thread copies so many blocks at a time: few enough to stay in a processor's cache between reading and writing. */
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
   * @param extents where its bytes, which are stored one after the other, belong; default: `[0, sizeBytes)`. Blocks of the file that
   *   no extent touches are not in the sequence.
   * @returns the runs of the file's blocks that are in the sequence: logical block and count of each
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

  /** {@link add} for a content without holes, of which there are many: without a list of its runs. */
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

  /** What the threads are given. */
  job(targetPath: string, free: readonly BlockRun[]): CopyJob {
    const contents = shared(this.#contents.subarray(0, this.#contentCount * WORDS.perContent));
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

/** The threads for {@link copyInParallel}. */
export type CopyPool = TaskPool<CopyJob | undefined, void>;

/** Starts the threads, which take a while to come up: best done before it is found out what to copy. */
export function startCopyPool(threads = workerCount()): CopyPool {
  const pool: CopyPool = new TaskPool(copyTask, threads);
  // What they find to complain about they complain about when they are used.
  for (let index = 0; index < pool.size; index++) pool.run(undefined).catch(() => {});
  return pool;
}

/**
 * Copies the contents of a list to `free` blocks of the file at `targetPath`, which must have its size already.
 *
 * @returns a bit for each block of the list's sequence, set where it holds data and so took the next free block; `undefined` where
 *   there were too few free blocks
 * @throws UserError where a source became shorter
 */
export async function copyInParallel(
  pool: CopyPool,
  list: CopyList,
  targetPath: string,
  free: readonly BlockRun[],
): Promise<Uint8Array | undefined> {
  const job = list.job(targetPath, free);
  if (job.blockCount === 0) return job.dataBits;
  const results = await Promise.allSettled(Array.from({ length: pool.size }, () => pool.run(job)));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return new Progress(job.progress).state === STATE.full ? undefined : job.dataBits;
}
