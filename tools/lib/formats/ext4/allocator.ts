/** Allocates blocks in ascending order, and stores the extents of all files compactly. */
import type { ExtentList } from './extents.ts';
import type { BlockRange, Geometry } from './geometry.ts';

export interface BlockRun {
  readonly start: number;
  readonly count: number;
}

/**
 * Allocates blocks strictly in ascending order and skips the fixed metadata. Every block below
 * {@link nextBlock} is therefore in use, and no bitmap is needed.
 */
export class BlockAllocator {
  readonly #reserved: readonly BlockRange[];
  readonly #blockCount: number;
  #nextReserved = 0;
  #nextBlock = 0;
  #allocatedBlocks = 0;

  constructor(geometry: Geometry) {
    this.#reserved = geometry.reserved;
    this.#blockCount = geometry.blockCount;
  }

  /** All blocks before this one are in use. */
  get nextBlock(): number {
    return this.#nextBlock;
  }

  get allocatedBlocks(): number {
    return this.#allocatedBlocks;
  }

  /** Returns the runs of free blocks, in the order in which {@link allocate} returns them. */
  freeRuns(): BlockRun[] {
    const runs: BlockRun[] = [];
    let start = this.#nextBlock;
    for (let index = this.#nextReserved; index <= this.#reserved.length; index++) {
      const range = this.#reserved[index];
      const end = range?.start ?? this.#blockCount;
      if (end > start) runs.push({ start, count: end - start });
      start = range?.end ?? start;
    }
    return runs;
  }

  /** Returns up to `wanted` consecutive blocks, or `undefined` if the file system is full. */
  allocate(wanted: number): BlockRun | undefined {
    let obstacle = this.#reserved[this.#nextReserved];
    while (obstacle !== undefined && obstacle.start === this.#nextBlock) {
      this.#nextBlock = obstacle.end;
      obstacle = this.#reserved[++this.#nextReserved];
    }
    const start = this.#nextBlock;
    const count = Math.min(wanted, (obstacle?.start ?? this.#blockCount) - start);
    if (count <= 0) return undefined;
    this.#nextBlock += count;
    this.#allocatedBlocks += count;
    return { start, count };
  }
}

const WORDS_PER_EXTENT = 3;
const FIRST_CAPACITY = 4096;

/** Stores the extents of all files, three words per extent. */
export class ExtentPool {
  #words = new Uint32Array(FIRST_CAPACITY * WORDS_PER_EXTENT);
  #length = 0;

  /** @param extents the logical block, physical block and count of each extent in turn */
  static of(extents: readonly number[]): ExtentPool {
    const pool = new ExtentPool();
    for (let offset = 0; offset < extents.length; offset += 3) {
      pool.add(...(extents.slice(offset, offset + 3) as [number, number, number]));
    }
    return pool;
  }

  /** The number of extents, which is the position of the next one. */
  get length(): number {
    return this.#length;
  }

  add(logicalBlock: number, physicalBlock: number, blockCount: number): void {
    const offset = this.#length * WORDS_PER_EXTENT;
    if (offset === this.#words.length) {
      const grown = new Uint32Array(this.#words.length * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words[offset] = logicalBlock;
    this.#words[offset + 1] = physicalBlock;
    this.#words[offset + 2] = blockCount;
    this.#length++;
  }

  /** Returns the extents at positions `[first, first + length)`. */
  list(first: number, length: number): ExtentList {
    const word = (index: number, field: number): number =>
      this.#words[(first + index) * WORDS_PER_EXTENT + field] as number;
    return {
      length,
      logicalBlock: (index) => word(index, 0),
      physicalBlock: (index) => word(index, 1),
      blockCount: (index) => word(index, 2),
    };
  }
}
