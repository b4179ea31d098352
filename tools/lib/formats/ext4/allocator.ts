/** Hands out blocks in ascending order, and keeps the extents of all files in few bytes. */
import type { ExtentList } from './extents.ts';
import type { BlockRange, Geometry } from './geometry.ts';

export interface BlockRun {
  readonly start: number;
  readonly count: number;
}

/**
 * Gives blocks strictly one after the other, past the fixed metadata. So every block below {@link nextBlock} is in use,
 * and no bitmap is needed to know it.
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

  /** The runs of blocks that are still to be had, in the order in which {@link allocate} gives them. */
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

  /** @returns up to `wanted` blocks in one piece, or `undefined` when the file system is full. */
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

/** The extents of all files, three words each. */
export class ExtentPool {
  #words = new Uint32Array(FIRST_CAPACITY * WORDS_PER_EXTENT);
  #length = 0;

  /** @param extents logical block, physical block and count of each, one after the other */
  static of(extents: readonly number[]): ExtentPool {
    const pool = new ExtentPool();
    for (let offset = 0; offset < extents.length; offset += 3) {
      pool.add(...(extents.slice(offset, offset + 3) as [number, number, number]));
    }
    return pool;
  }

  /** Extents so far; the next one gets this position. */
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

  /** The extents at positions `[first, first + length)`. */
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
