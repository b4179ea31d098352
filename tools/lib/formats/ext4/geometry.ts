/**
 * Places the fixed metadata of a file system: "Layout" and "Flexible Block Groups" in the kernel's
 * ext4 documentation (blockgroup.rst).
 */
import { DESCRIPTOR_BYTES } from './group.ts';
import { INODE_BYTES } from './inode.ts';

export const BLOCK_BYTES = 4096;
/** The number of blocks that one block of bitmap describes. */
export const BLOCKS_PER_GROUP = 8 * BLOCK_BYTES;
const INODES_PER_BLOCK = BLOCK_BYTES / INODE_BYTES;
/** The number of inodes that one block of bitmap describes. */
export const MAXIMUM_INODES_PER_GROUP = 8 * BLOCK_BYTES;
/** The metadata of 16 groups is stored together, as by mke2fs. */
export const LOG_GROUPS_PER_FLEX = 4;
const GROUPS_PER_FLEX = 2 ** LOG_GROUPS_PER_FLEX;
/** This writer uses block numbers of 32 bits. */
export const MAXIMUM_BLOCKS = 2 ** 32 - 1;
/** Inode numbers have 32 bits (s_inodes_count). */
export const MAXIMUM_INODES = 2 ** 32 - 1;

/** The blocks `[start, end)`. */
export interface BlockRange {
  readonly start: number;
  readonly end: number;
}

export interface Geometry {
  readonly blockCount: number;
  readonly groupCount: number;
  readonly inodesPerGroup: number;
  readonly inodeCount: number;
  /** The number of blocks of group descriptors after each superblock. */
  readonly descriptorBlocks: number;
  /** Block numbers by group. */
  readonly blockBitmaps: Uint32Array;
  readonly inodeBitmaps: Uint32Array;
  readonly inodeTables: Uint32Array;
  /** All metadata: sorted ranges that neither overlap nor touch. */
  readonly reserved: readonly BlockRange[];
  /** The number of blocks for data. Negative if even the metadata does not fit. */
  readonly dataBlocks: number;
}

/** With sparse_super, groups 0, 1 and the powers of 3, 5 and 7 have a superblock. */
export function isSparseGroup(group: number): boolean {
  if (group <= 1) return true;
  return [3, 5, 7].some((base) => {
    let power = base;
    while (power < group) power *= base;
    return power === group;
  });
}

export function descriptorBlockCount(groupCount: number): number {
  return Math.ceil((groupCount * DESCRIPTOR_BYTES) / BLOCK_BYTES);
}

/** Returns the blocks of a group's superblock and group descriptors. */
function superblockRange(group: number, descriptorBlocks: number): BlockRange {
  const start = group * BLOCKS_PER_GROUP;
  return { start, end: start + 1 + descriptorBlocks };
}

/**
 * Returns the number of blocks that the file system uses: all of them, except a last group that is
 * too short for its copy of the superblock.
 */
function usableBlockCount(sizeBlocks: number): number {
  const groupCount = Math.ceil(sizeBlocks / BLOCKS_PER_GROUP);
  const lastGroupBlocks = sizeBlocks - (groupCount - 1) * BLOCKS_PER_GROUP;
  const isTooShort = isSparseGroup(groupCount - 1) && lastGroupBlocks < 1 + descriptorBlockCount(groupCount);
  return groupCount > 1 && isTooShort ? sizeBlocks - lastGroupBlocks : sizeBlocks;
}

/**
 * Lays out a file system of `sizeBlocks` blocks with at least `minimumInodes` inodes, or with as
 * many as its groups can hold.
 */
export function planGeometry(sizeBlocks: number, minimumInodes: number): Geometry {
  const blockCount = usableBlockCount(sizeBlocks);
  const groupCount = Math.ceil(blockCount / BLOCKS_PER_GROUP);
  const tableBlocks = Math.ceil(minimumInodes / groupCount / INODES_PER_BLOCK);
  const mostTableBlocks = Math.floor(
    Math.min(MAXIMUM_INODES_PER_GROUP, MAXIMUM_INODES / groupCount) / INODES_PER_BLOCK,
  );
  const inodesPerGroup = Math.min(Math.max(tableBlocks, 1), mostTableBlocks) * INODES_PER_BLOCK;
  const descriptorBlocks = descriptorBlockCount(groupCount);
  const superblocks: BlockRange[] = [];
  for (let group = 0; group < groupCount; group++) {
    if (isSparseGroup(group)) superblocks.push(superblockRange(group, descriptorBlocks));
  }
  const placement = placeFlexGroups(blockCount, groupCount, inodesPerGroup / INODES_PER_BLOCK, superblocks);
  const reserved = mergeRanges([...superblocks, ...placement.ranges]);
  const reservedBlocks = reserved.reduce((sum, range) => sum + range.end - range.start, 0);
  return {
    blockCount,
    groupCount,
    inodesPerGroup,
    inodeCount: inodesPerGroup * groupCount,
    descriptorBlocks,
    blockBitmaps: placement.blockBitmaps,
    inodeBitmaps: placement.inodeBitmaps,
    inodeTables: placement.inodeTables,
    reserved,
    dataBlocks: blockCount - reservedBlocks,
  };
}

interface Placement {
  readonly blockBitmaps: Uint32Array;
  readonly inodeBitmaps: Uint32Array;
  readonly inodeTables: Uint32Array;
  readonly ranges: BlockRange[];
}

/** Puts bitmaps and inode tables at the start of each flexible group, around the superblocks. */
function placeFlexGroups(
  blockCount: number,
  groupCount: number,
  tableBlocks: number,
  superblocks: readonly BlockRange[],
): Placement {
  const blockBitmaps = new Uint32Array(groupCount);
  const inodeBitmaps = new Uint32Array(groupCount);
  const inodeTables = new Uint32Array(groupCount);
  const ranges: BlockRange[] = [];
  let cursor = 0;
  let nextSuperblock = 0;
  const place = (count: number): number => {
    for (; nextSuperblock < superblocks.length; nextSuperblock++) {
      const obstacle = superblocks[nextSuperblock] as BlockRange;
      if (cursor + count <= obstacle.start) break;
      cursor = Math.max(cursor, obstacle.end);
    }
    ranges.push({ start: cursor, end: cursor + count });
    cursor += count;
    return cursor - count;
  };
  for (let first = 0; first < groupCount; first += GROUPS_PER_FLEX) {
    const end = Math.min(first + GROUPS_PER_FLEX, groupCount);
    const start = first * BLOCKS_PER_GROUP;
    // The metadata of a short last flexible group follows that of the previous group, if it fits.
    const metadataBlocks = (end - first) * (2 + tableBlocks);
    if (first === 0 || blockCount - start >= 2 * metadataBlocks) cursor = Math.max(cursor, start);
    for (let group = first; group < end; group++) blockBitmaps[group] = place(1);
    for (let group = first; group < end; group++) inodeBitmaps[group] = place(1);
    for (let group = first; group < end; group++) inodeTables[group] = place(tableBlocks);
  }
  return { blockBitmaps, inodeBitmaps, inodeTables, ranges };
}

function mergeRanges(ranges: BlockRange[]): BlockRange[] {
  ranges.sort((left, right) => left.start - right.start);
  const merged: BlockRange[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last !== undefined && last.end === range.start) {
      merged[merged.length - 1] = { start: last.start, end: range.end };
    } else {
      merged.push(range);
    }
  }
  return merged;
}

export function groupRange(geometry: Geometry, group: number): BlockRange {
  const start = group * BLOCKS_PER_GROUP;
  return { start, end: Math.min(start + BLOCKS_PER_GROUP, geometry.blockCount) };
}
