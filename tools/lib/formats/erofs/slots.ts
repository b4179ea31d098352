/** Assigns inodes their slots. Inodes that do not fill a block share one. */
import { SLOT_BYTES, SLOTS_PER_BLOCK } from './format.ts';

export class SlotAllocator {
  /**
   * The blocks with free slots, by the number of these slots. The last block of a list is used
   * first.
   */
  readonly #partial: number[][] = Array.from({ length: SLOTS_PER_BLOCK }, () => []);
  /** One bit per number of free slots, 32 bits in each word. A bit is set if such blocks exist. */
  readonly #occupied = new Uint32Array(SLOTS_PER_BLOCK / 32);
  #blockCount: number;

  constructor(firstBlock: number) {
    this.#blockCount = firstBlock;
  }

  /** The first block after all allocated slots. */
  get endBlock(): number {
    return this.#blockCount;
  }

  /**
   * Allocates slots for `bytes` bytes: within one block if they fit, else from the start of a block
   * on. Uses the fullest block with enough free slots.
   *
   * @returns the number of the first slot
   */
  allocate(bytes: number): number {
    const slots = Math.ceil(bytes / SLOT_BYTES);
    const free = slots < SLOTS_PER_BLOCK ? this.#smallestFree(slots) : 0;
    if (free > 0) return this.#takePartial(free, slots);
    const first = this.#blockCount * SLOTS_PER_BLOCK;
    const blocks = Math.ceil(slots / SLOTS_PER_BLOCK);
    this.#blockCount += blocks;
    this.#keep(this.#blockCount - 1, blocks * SLOTS_PER_BLOCK - slots);
    return first;
  }

  #takePartial(free: number, slots: number): number {
    const blocks = this.#partial[free] as number[];
    const block = blocks.pop() as number;
    if (blocks.length === 0)
      this.#occupied[free >> 5] = (this.#occupied[free >> 5] as number) & ~(1 << (free & 31));
    this.#keep(block, free - slots);
    return block * SLOTS_PER_BLOCK + SLOTS_PER_BLOCK - free;
  }

  #keep(block: number, free: number): void {
    if (free === 0) return;
    (this.#partial[free] as number[]).push(block);
    this.#occupied[free >> 5] = (this.#occupied[free >> 5] as number) | (1 << (free & 31));
  }

  /**
   * Finds the smallest number of free slots, at least `slots`, of any block; 0 if there is no such
   * block.
   */
  #smallestFree(slots: number): number {
    for (let word = slots >> 5; word < this.#occupied.length; word++) {
      let bits = this.#occupied[word] as number;
      if (word === slots >> 5) bits &= -1 << (slots & 31);
      if (bits !== 0) return word * 32 + 31 - Math.clz32(bits & -bits);
    }
    return 0;
  }
}
