/** Computes the smallest file system for a tree. */
import type { Entry } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';
import { extentTreeBlockCount } from './extents.ts';
import { MAXIMUM_EXTENT_BLOCKS } from './format-extent.ts';
import {
  BLOCK_BYTES,
  BLOCKS_PER_GROUP,
  type Geometry,
  MAXIMUM_INODES_PER_GROUP,
  planGeometry,
} from './geometry.ts';
import { hashStart } from './htree-hash.ts';
import { journalBlockCount } from './journal.ts';
import { buildTree, type Tree } from './numbered-tree.ts';
import { type CheckedOptions, checkOptions, type Ext4Options } from './options.ts';
import { countDirectoryBlocks, isBlockSymlink, shareXattrBlocks } from './plan.ts';

/**
 * A writable file system gets one free inode per this many bytes. (mke2fs makes one inode per this
 * many bytes, free or used.)
 */
const BYTES_PER_FREE_INODE = 16384;

/** The most extents per 32,768 blocks of a file, because metadata may be between its blocks. */
const PIECES_PER_EXTENT = 4;

/** Returns the least number of inodes of the file system. */
export function wantedInodes(tree: Tree, options: CheckedOptions): number {
  const { sizeBlocks, inodeCount, freeInodes, readOnly } = options;
  if (freeInodes !== undefined) return tree.lastInode + freeInodes;
  if (inodeCount !== undefined || readOnly) return Math.max(tree.lastInode, inodeCount ?? 0);
  const free = Math.floor((sizeBlocks * BLOCK_BYTES) / BYTES_PER_FREE_INODE);
  const capacity = Math.ceil(sizeBlocks / BLOCKS_PER_GROUP) * MAXIMUM_INODES_PER_GROUP;
  return Math.max(tree.lastInode, Math.min(tree.lastInode + free, capacity));
}

export function planTreeGeometry(tree: Tree, options: CheckedOptions): Geometry {
  return planGeometry(options.sizeBlocks, wantedInodes(tree, options));
}

export function journalBlocks(options: CheckedOptions): number {
  return options.journal ? journalBlockCount(options.sizeBlocks) : 0;
}

/** Returns the number of blocks that only root may fill. */
export function reservedBlockCount(blockCount: number, options: CheckedOptions): number {
  return Math.floor((blockCount * options.reservedPercent) / 100);
}

/** Bounds the blocks of the extent tree of a file that is written without interruption. */
function extentBlocks(blockCount: number): number {
  if (blockCount <= MAXIMUM_EXTENT_BLOCKS) return 0;
  const extentCount = PIECES_PER_EXTENT * (Math.ceil(blockCount / MAXIMUM_EXTENT_BLOCKS) + 1);
  return extentTreeBlockCount(extentCount, BLOCK_BYTES);
}

/** Bounds the blocks for the tree, as if no file had holes. */
function treeBlocks(tree: Tree, hashSeed: Uint8Array): number {
  const start = hashStart(hashSeed);
  let blocks = shareXattrBlocks(tree).blocks.length;
  tree.entries.forEach((entry, index) => {
    if (entry.type === 'directory') {
      blocks += countDirectoryBlocks(tree, index, start).count;
    } else if (entry.type === 'file') {
      const contentBlocks = Math.ceil(entry.sizeBytes / BLOCK_BYTES);
      blocks += contentBlocks + extentBlocks(contentBlocks);
    } else if (isBlockSymlink(entry)) {
      blocks++;
    }
  });
  return blocks;
}

/** Returns the smallest size for a built tree and `freeBlocks` blocks that all users may fill. */
export function minimumTreeSizeBytes(tree: Tree, options: CheckedOptions, freeBlocks = 0): number {
  const blocks = treeBlocks(tree, options.hashSeed) + freeBlocks;
  const extentOfJournal = (size: CheckedOptions): number => extentBlocks(journalBlocks(size));
  const inodes = Math.max(tree.lastInode + (options.freeInodes ?? 0), options.inodeCount ?? 0);
  const groups = Math.ceil(inodes / MAXIMUM_INODES_PER_GROUP);
  let sizeBlocks = Math.max(blocks, (groups - 1) * BLOCKS_PER_GROUP + 1);
  // One more block of size gives at most one more block for data, apart from the rounding of inode
  // tables. Growing by the missing blocks therefore ends at the smallest size.
  for (;;) {
    const sized = { ...options, sizeBlocks };
    const geometry = planTreeGeometry(tree, sized);
    const reserved = freeBlocks > 0 ? reservedBlockCount(geometry.blockCount, options) : 0;
    const missing = blocks + reserved + journalBlocks(sized) + extentOfJournal(sized) - geometry.dataBlocks;
    if (missing <= 0 && geometry.inodeCount >= wantedInodes(tree, sized)) return sizeBlocks * BLOCK_BYTES;
    sizeBlocks += Math.max(missing, 1);
  }
}

/**
 * Returns a size that is enough for any content of `entries`: the smallest one if no file has
 * holes.
 *
 * @param freeBytes free space in addition to the space for root (`reservedPercent`)
 * @throws UserError if ext4 does not support an entry or the size
 */
export function minimumExt4SizeBytes(
  entries: readonly Entry[],
  options: Omit<Ext4Options, 'sizeBytes'>,
  freeBytes = 0,
): number {
  if (!Number.isSafeInteger(freeBytes) || freeBytes < 0) {
    throw new UserError(
      `the free space of ${freeBytes} bytes is not a whole number; correct it or leave it out`,
    );
  }
  const floorBytes = options.journal ? 2048 * BLOCK_BYTES : BLOCK_BYTES;
  const checked = checkOptions({ ...options, sizeBytes: floorBytes });
  const freeBlocks = Math.ceil(freeBytes / BLOCK_BYTES);
  return Math.max(minimumTreeSizeBytes(buildTree(entries), checked, freeBlocks), floorBytes);
}
