/** Finds places for inodes: what does not fill a block shares one with others. */
import { SLOT_BYTES, SLOTS_PER_BLOCK } from './layout.ts';

export class SlotAllocator {
  /** By number of free slots: the blocks that have so many, of which the last is taken first. */
  readonly #partial: number[][] = Array.from({ length: SLOTS_PER_BLOCK }, () => []);
  /** By 32 numbers of free slots: which of these have blocks. */
  readonly #occupied = new Uint32Array(SLOTS_PER_BLOCK / 32);
  #blockCount: number;

  constructor(firstBlock: number) {
    this.#blockCount = firstBlock;
  }

  /** The first block behind all places given so far. */
  get endBlock(): number {
    return this.#blockCount;
  }

  /**
   * Gives the place of `bytes` bytes: within one block where they fit into one, else from the start of a block on. Takes the
   * fullest block that has the room.
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

  /** The least number of free slots, `slots` or more, that a block has; 0 where none has. */
  #smallestFree(slots: number): number {
    for (let word = slots >> 5; word < this.#occupied.length; word++) {
      let bits = this.#occupied[word] as number;
      if (word === slots >> 5) bits &= -1 << (slots & 31);
      if (bits !== 0) return word * 32 + 31 - Math.clz32(bits & -bits);
    }
    return 0;
  }
}
