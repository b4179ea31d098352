/**
 * Decodes the block maps of ext2 and ext3: "The Contents of inode.i_block", "Direct/Indirect Block
 * Addressing" in the kernel's ext4 documentation (ifork.rst).
 */
import { viewOf } from '../structure/view.ts';
import type { StoredExtent } from './extents.ts';

/** The number of words in i_block that refer to data. One word per level of indirection follows. */
export const DIRECT_WORDS = 12;
export const LEVELS = 3;
export const WORD_BYTES = 4;

/** Joins blocks that are logically and physically consecutive. */
class RunJoiner {
  #logical = 0;
  #physical = 0;
  #count = 0;

  /** Adds a block. Returns the run that ends because the block does not continue it. */
  add(logicalBlock: number, physicalBlock: number): StoredExtent | undefined {
    if (
      this.#count > 0 &&
      logicalBlock === this.#logical + this.#count &&
      physicalBlock === this.#physical + this.#count
    ) {
      this.#count++;
      return undefined;
    }
    const ended = this.end();
    this.#logical = logicalBlock;
    this.#physical = physicalBlock;
    this.#count = 1;
    return ended;
  }

  end(): StoredExtent | undefined {
    if (this.#count === 0) return undefined;
    const ended = {
      logicalBlock: this.#logical,
      physicalBlock: this.#physical,
      blockCount: this.#count,
      initialized: true,
    };
    this.#count = 0;
    return ended;
  }
}

/**
 * Yields the extents of a file that has a block map.
 *
 * @param blockMap the 60 bytes of i_block
 * @param blockCount the number of blocks of the file; blocks that are mapped after them are ignored
 * @param readBlock reads a block of block numbers
 */
export function* decodeBlockMap(
  blockMap: Uint8Array,
  blockCount: number,
  blockBytes: number,
  readBlock: (block: number) => Uint8Array,
): Generator<StoredExtent> {
  const joiner = new RunJoiner();
  const wordsPerBlock = blockBytes / WORD_BYTES;
  let logicalBlock = 0;

  function* visit(
    bytes: Uint8Array,
    firstWord: number,
    words: number,
    level: number,
  ): Generator<StoredExtent> {
    const view = viewOf(bytes);
    const span = wordsPerBlock ** level;
    for (let word = firstWord; word < firstWord + words && logicalBlock < blockCount; word++) {
      const block = view.getUint32(word * WORD_BYTES, true);
      if (block === 0) {
        logicalBlock += span;
      } else if (level > 0) {
        yield* visit(readBlock(block), 0, wordsPerBlock, level - 1);
      } else {
        const ended = joiner.add(logicalBlock++, block);
        if (ended !== undefined) yield ended;
      }
    }
  }

  yield* visit(blockMap, 0, DIRECT_WORDS, 0);
  for (let level = 1; level <= LEVELS; level++) yield* visit(blockMap, DIRECT_WORDS + level - 1, 1, level);
  const last = joiner.end();
  if (last !== undefined) yield last;
}
