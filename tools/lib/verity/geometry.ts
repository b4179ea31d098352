import { UserError } from '../error/user-error.ts';
import { BLOCK_BYTES, DIGESTS_PER_BLOCK } from './superblock.ts';

/** The levels of a hash tree, in blocks from the superblock. */
export interface TreeGeometry {
  /** Level 0 holds the digests of the data blocks; the last one is a single block, the top. */
  readonly levels: readonly { readonly startBlock: number; readonly blockCount: number }[];
  /** The superblock's block and all levels. */
  readonly hashBlockCount: number;
}

/**
 * Where the levels of a tree lie: the superblock's block, then the top level, down to level 0 (cryptsetup
 * `lib/verity/verity_hash.c`, `hash_levels`). A single data block has no level: its digest is the root hash.
 */
export function planTree(dataBlockCount: number): TreeGeometry {
  const blockCounts: number[] = [];
  for (let count = dataBlockCount; count > 1; ) {
    count = Math.ceil(count / DIGESTS_PER_BLOCK);
    blockCounts.push(count);
  }
  let startBlock = 1;
  const fromTheTop = blockCounts.toReversed().map((blockCount) => {
    const level = { startBlock, blockCount };
    startBlock += blockCount;
    return level;
  });
  return { levels: fromTheTop.toReversed(), hashBlockCount: startBlock };
}

/** The number of data blocks; throws a {@link UserError} where `dataBytes` are not whole blocks. */
export function countDataBlocks(dataBytes: number): number {
  if (!Number.isSafeInteger(dataBytes) || dataBytes < BLOCK_BYTES || dataBytes % BLOCK_BYTES !== 0) {
    throw new UserError(`verity: ${dataBytes} bytes of data: use a multiple of ${BLOCK_BYTES}, at least one`);
  }
  return dataBytes / BLOCK_BYTES;
}

/** The bytes of superblock and tree for so many bytes of data. */
export function verityHashBytes(dataBytes: number): number {
  return planTree(countDataBlocks(dataBytes)).hashBlockCount * BLOCK_BYTES;
}

/**
 * The most data that goes into `totalBytes` together with its tree, so that a file system can be made to fit.
 *
 * @throws UserError where there is no room for a single block
 */
export function verityDataBytes(totalBytes: number): number {
  const totalBlocks = Math.floor(totalBytes / BLOCK_BYTES);
  let lower = 0;
  let upper = totalBlocks;
  while (lower < upper) {
    const middle = Math.ceil((lower + upper) / 2);
    if (middle + planTree(middle).hashBlockCount <= totalBlocks) lower = middle;
    else upper = middle - 1;
  }
  if (lower === 0) throw new UserError(`verity: ${totalBytes} bytes have no room for data and its hash tree`);
  return lower * BLOCK_BYTES;
}
