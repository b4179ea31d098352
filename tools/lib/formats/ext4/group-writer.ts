/** Writes the bitmaps, group descriptors and superblocks, after everything else has its place. */
import type { BlockSink } from '../block/block.ts';
import { crc32c } from '../crc32c/crc32c.ts';
import { COMPAT, INCOMPAT, RO_COMPAT } from './features.ts';
import { GROUP_FLAGS } from './format-group.ts';
import { SUPERBLOCK_OFFSET_BYTES } from './format-superblock.ts';
import {
  BLOCK_BYTES,
  BLOCKS_PER_GROUP,
  type BlockRange,
  type Geometry,
  groupRange,
  isSparseGroup,
  LOG_GROUPS_PER_FLEX,
} from './geometry.ts';
import { DESCRIPTOR_BYTES, encodeGroupDescriptor, setBits } from './group.ts';
import { EXTRA_INODE_BYTES, FIRST_FREE_INODE, INODE_BYTES, JOURNAL_INODE } from './inode.ts';
import { reservedBlockCount } from './minimum.ts';
import type { CheckedOptions } from './options.ts';
import { checksumSeed, encodeSuperblock, FLAG_UNSIGNED_HASH, HASH_HALF_MD4 } from './superblock.ts';

/** The blocks and inodes in use. */
export interface Usage {
  /** All blocks before this one, and all reserved blocks, are in use. */
  readonly nextBlock: number;
  /** All inodes up to this one are in use. */
  readonly lastInode: number;
  /** By group: the number of directories whose inode is in the group. */
  readonly directoryCounts: Uint32Array;
  readonly freeBlockCount: number;
}

export interface JournalInode {
  readonly blockMap: Uint8Array;
  readonly sizeBytes: number;
}

/** Joins the writes of bitmaps: those of a flexible group are consecutive. */
class BitmapWriter {
  readonly #sink: BlockSink;
  #start = 0;
  #blocks: Uint8Array[] = [];

  constructor(sink: BlockSink) {
    this.#sink = sink;
  }

  write(block: number, bytes: Uint8Array): void {
    if (block !== this.#start + this.#blocks.length) {
      this.flush();
      this.#start = block;
    }
    this.#blocks.push(bytes);
  }

  flush(): void {
    if (this.#blocks.length > 0) this.#sink.write(this.#start * BLOCK_BYTES, Buffer.concat(this.#blocks));
    this.#blocks = [];
  }
}

/** Sets the bits of the used blocks of one group. Returns their number. */
function markBlocks(
  bitmap: Uint8Array,
  group: BlockRange,
  usage: Usage,
  reserved: readonly BlockRange[],
): number {
  let used = 0;
  const mark = (start: number, end: number): void => {
    const first = Math.max(start, group.start);
    const last = Math.min(end, group.end);
    if (first >= last) return;
    setBits(bitmap, first - group.start, last - group.start);
    used += last - first;
  };
  mark(group.start, usage.nextBlock);
  for (const range of reserved) mark(Math.max(range.start, usage.nextBlock), range.end);
  return used;
}

/** Returns a function that finds the reserved ranges in a group. Groups must ascend. */
function reservedByGroup(geometry: Geometry): (group: BlockRange) => BlockRange[] {
  let next = 0;
  return (group) => {
    const { reserved } = geometry;
    while (next < reserved.length && (reserved[next] as BlockRange).end <= group.start) next++;
    const found: BlockRange[] = [];
    for (let index = next; index < reserved.length; index++) {
      const range = reserved[index] as BlockRange;
      if (range.start >= group.end) break;
      found.push(range);
    }
    return found;
  };
}

/** Writes all bitmaps. Returns the table of group descriptors. */
function writeGroups(sink: BlockSink, geometry: Geometry, usage: Usage, seed: number): Uint8Array {
  const table = new Uint8Array(geometry.descriptorBlocks * BLOCK_BYTES);
  const reservedIn = reservedByGroup(geometry);
  const blockBitmaps = new BitmapWriter(sink);
  const inodeBitmaps = new BitmapWriter(sink);
  for (let group = 0; group < geometry.groupCount; group++) {
    const range = groupRange(geometry, group);
    const bitmap = new Uint8Array(BLOCK_BYTES);
    const usedBlocks = markBlocks(bitmap, range, usage, reservedIn(range));
    const superblockBlocks = isSparseGroup(group) ? 1 + geometry.descriptorBlocks : 0;
    const isLast = group === geometry.groupCount - 1;
    // Linux computes the bitmap of such a group: only superblock and descriptors are in use.
    const isBlockUninit = usedBlocks === superblockBlocks && !isLast;
    setBits(bitmap, range.end - range.start, BLOCKS_PER_GROUP);
    if (!isBlockUninit) blockBitmaps.write(geometry.blockBitmaps[group] as number, bitmap);

    const usedInodes = Math.min(
      Math.max(usage.lastInode - group * geometry.inodesPerGroup, 0),
      geometry.inodesPerGroup,
    );
    const inodeBitmap = new Uint8Array(BLOCK_BYTES);
    setBits(inodeBitmap, 0, usedInodes);
    setBits(inodeBitmap, geometry.inodesPerGroup, BLOCK_BYTES * 8);
    if (usedInodes > 0) inodeBitmaps.write(geometry.inodeBitmaps[group] as number, inodeBitmap);

    const freeInodes = geometry.inodesPerGroup - usedInodes;
    const bytes = table.subarray(group * DESCRIPTOR_BYTES, (group + 1) * DESCRIPTOR_BYTES);
    encodeGroupDescriptor(
      bytes,
      group,
      {
        blockBitmap: geometry.blockBitmaps[group] as number,
        inodeBitmap: geometry.inodeBitmaps[group] as number,
        inodeTable: geometry.inodeTables[group] as number,
        freeBlockCount: range.end - range.start - usedBlocks,
        freeInodeCount: freeInodes,
        directoryCount: usage.directoryCounts[group] as number,
        flags:
          GROUP_FLAGS.inodeZeroed |
          (isBlockUninit ? GROUP_FLAGS.blockUninit : 0) |
          (usedInodes === 0 ? GROUP_FLAGS.inodeUninit : 0),
        unusedInodeCount: freeInodes,
        blockBitmapChecksum: isBlockUninit ? 0 : crc32c(seed, bitmap),
        inodeBitmapChecksum: usedInodes === 0 ? 0 : crc32c(seed, inodeBitmap, 0, geometry.inodesPerGroup / 8),
      },
      seed,
    );
  }
  blockBitmaps.flush();
  inodeBitmaps.flush();
  return table;
}

/** Writes bitmaps, descriptors and superblocks. The first superblock is written last. */
export function writeGroupMetadata(
  sink: BlockSink,
  geometry: Geometry,
  options: CheckedOptions,
  usage: Usage,
  journal: JournalInode | undefined,
): void {
  const table = writeGroups(sink, geometry, usage, checksumSeed(options.uuid));
  for (let group = geometry.groupCount - 1; group >= 0; group--) {
    if (!isSparseGroup(group)) continue;
    const startBytes = group * BLOCKS_PER_GROUP * BLOCK_BYTES;
    const superblock = encodeSuperblock({
      inodeCount: geometry.inodeCount,
      blockCount: geometry.blockCount,
      reservedBlockCount: reservedBlockCount(geometry.blockCount, options),
      freeBlockCount: usage.freeBlockCount,
      freeInodeCount: geometry.inodeCount - usage.lastInode,
      blockBytes: BLOCK_BYTES,
      blocksPerGroup: BLOCKS_PER_GROUP,
      inodesPerGroup: geometry.inodesPerGroup,
      firstInode: FIRST_FREE_INODE,
      inodeBytes: INODE_BYTES,
      extraInodeBytes: EXTRA_INODE_BYTES,
      descriptorBytes: DESCRIPTOR_BYTES,
      timeSeconds: options.timeSeconds,
      compat: COMPAT.extAttr | COMPAT.dirIndex | (journal === undefined ? 0 : COMPAT.hasJournal),
      incompat: INCOMPAT.filetype | INCOMPAT.extents | INCOMPAT.bit64 | INCOMPAT.flexBg,
      roCompat:
        RO_COMPAT.sparseSuper |
        RO_COMPAT.largeFile |
        RO_COMPAT.hugeFile |
        RO_COMPAT.dirNlink |
        RO_COMPAT.extraIsize |
        RO_COMPAT.metadataCsum |
        (options.readOnly ? RO_COMPAT.readOnly : 0),
      uuid: options.uuid,
      label: options.label,
      lastMounted: options.lastMounted,
      hashSeed: options.hashSeed,
      hashVersion: HASH_HALF_MD4,
      flags: FLAG_UNSIGNED_HASH,
      journalInode: journal === undefined ? 0 : JOURNAL_INODE,
      logGroupsPerFlex: LOG_GROUPS_PER_FLEX,
      group,
      ...(journal === undefined ? {} : { journalBackup: journal }),
    });
    // The whole block: old data must not look like a boot sector or another file system.
    const block = new Uint8Array(BLOCK_BYTES);
    block.set(superblock, group === 0 ? SUPERBLOCK_OFFSET_BYTES : 0);
    sink.write(startBytes + BLOCK_BYTES, table);
    sink.write(startBytes, block);
  }
}
