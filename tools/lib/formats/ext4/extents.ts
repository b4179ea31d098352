/**
 * Encodes and decodes extent trees: "The Contents of inode.i_block", "Extent Tree" in the kernel's
 * ext4 documentation (ifork.rst).
 */

import { crc32c } from '../crc32c/crc32c.ts';
import { offsetsOf } from '../structure/offsets.ts';
import { viewOf } from '../structure/view.ts';
import {
  EXTENT,
  EXTENT_HEADER,
  EXTENT_INDEX,
  EXTENT_MAGIC,
  EXTENT_RECORD_BYTES,
  EXTENT_TAIL,
  MAXIMUM_EXTENT_BLOCKS,
  MAXIMUM_EXTENT_DEPTH,
} from './format-extent.ts';
import { BLOCK_MAP_BYTES } from './inode.ts';

const HEADER = EXTENT_HEADER.at;
const INDEX = EXTENT_INDEX.at;
const LEAF = EXTENT.at;
const HEADER_OFFSET = offsetsOf(EXTENT_HEADER);
const LEAF_OFFSET = offsetsOf(EXTENT);
const HEADER_BYTES = EXTENT_HEADER.sizeBytes;
const RECORD_BYTES = EXTENT_RECORD_BYTES;
/** The number of records in the inode itself. */
export const ROOT_RECORDS = (BLOCK_MAP_BYTES - HEADER_BYTES) / RECORD_BYTES;
const TWO_TO_32 = 2 ** 32;

/** Maps `blockCount` blocks of a file from `logicalBlock` to the blocks from `physicalBlock`. */
export interface Extent {
  readonly logicalBlock: number;
  readonly physicalBlock: number;
  readonly blockCount: number;
}
export interface StoredExtent extends Extent {
  /** False for preallocated space, which reads as zeros. */
  readonly initialized: boolean;
}

/** A list of extents that needs no object per extent. */
export interface ExtentList {
  readonly length: number;
  logicalBlock(index: number): number;
  physicalBlock(index: number): number;
  blockCount(index: number): number;
}

/** Returns the number of records in a tree block, between the header and the checksum. */
export function recordsPerBlock(blockBytes: number): number {
  return Math.floor((blockBytes - HEADER_BYTES - EXTENT_TAIL.sizeBytes) / RECORD_BYTES);
}

/** Returns the number of blocks that a tree of `extentCount` extents needs outside the inode. */
export function extentTreeBlockCount(extentCount: number, blockBytes: number): number {
  let blockCount = 0;
  for (let records = extentCount; records > ROOT_RECORDS; ) {
    records = Math.ceil(records / recordsPerBlock(blockBytes));
    blockCount += records;
  }
  return blockCount;
}

function encodeHeader(view: DataView, recordCount: number, maximum: number, depth: number): void {
  HEADER.eh_magic.set(view, EXTENT_MAGIC);
  HEADER.eh_entries.set(view, recordCount);
  HEADER.eh_max.set(view, maximum);
  HEADER.eh_depth.set(view, depth);
}

type RecordWriter = (view: DataView, offset: number, index: number) => void;

/**
 * Encodes a tree that fits in the inode. Most files have such a tree. A `DataView` for each of them
 * takes more than ten times as long as single bytes.
 */
function encodeShortTree(extents: ExtentList): Uint8Array {
  const root = new Uint8Array(BLOCK_MAP_BYTES);
  put16(root, HEADER_OFFSET.eh_magic, EXTENT_MAGIC);
  put16(root, HEADER_OFFSET.eh_entries, extents.length);
  put16(root, HEADER_OFFSET.eh_max, ROOT_RECORDS);
  for (let index = 0; index < extents.length; index++) {
    const offset = HEADER_BYTES + index * RECORD_BYTES;
    put32(root, offset + LEAF_OFFSET.ee_block, extents.logicalBlock(index));
    put16(root, offset + LEAF_OFFSET.ee_len, extents.blockCount(index));
    put32(root, offset + LEAF_OFFSET.ee_start_lo, extents.physicalBlock(index));
  }
  return root;
}

function put16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
}

function put32(bytes: Uint8Array, offset: number, value: number): void {
  put16(bytes, offset, value);
  put16(bytes, offset + 2, value >>> 16);
}

/**
 * Encodes an extent tree, leaves first. Every block is full except the last one of each level.
 *
 * @param writeBlock writes a block outside the inode and returns its block number
 * @returns the 60 bytes of i_block
 */
export function encodeExtentTree(
  extents: ExtentList,
  blockBytes: number,
  inodeSeed: number,
  writeBlock: (bytes: Uint8Array) => number,
): Uint8Array {
  if (extents.length <= ROOT_RECORDS) return encodeShortTree(extents);
  let recordCount = extents.length;
  let writeRecord: RecordWriter = (view, offset, index) => {
    LEAF.ee_block.set(view, extents.logicalBlock(index), offset);
    LEAF.ee_len.set(view, extents.blockCount(index), offset);
    LEAF.ee_start_lo.set(view, extents.physicalBlock(index), offset); // ee_start_hi stays 0
  };
  let depth = 0;
  const maximum = recordsPerBlock(blockBytes);
  while (recordCount > ROOT_RECORDS) {
    const level: { firstLogicalBlock: number; block: number }[] = [];
    for (let first = 0; first < recordCount; first += maximum) {
      const bytes = new Uint8Array(blockBytes);
      const view = new DataView(bytes.buffer);
      const count = Math.min(maximum, recordCount - first);
      encodeHeader(view, count, maximum, depth);
      for (let index = 0; index < count; index++) {
        writeRecord(view, HEADER_BYTES + index * RECORD_BYTES, first + index);
      }
      const tail = HEADER_BYTES + maximum * RECORD_BYTES;
      EXTENT_TAIL.at.eb_checksum.set(view, crc32c(inodeSeed, bytes, 0, tail), tail);
      // ee_block and ei_block are the same bytes.
      level.push({ firstLogicalBlock: LEAF.ee_block.get(view, HEADER_BYTES), block: writeBlock(bytes) });
    }
    recordCount = level.length;
    writeRecord = (view, offset, index) => {
      const child = level[index] as { firstLogicalBlock: number; block: number };
      INDEX.ei_block.set(view, child.firstLogicalBlock, offset);
      INDEX.ei_leaf_lo.set(view, child.block, offset); // ei_leaf_hi stays 0
    };
    depth++;
  }
  const root = new Uint8Array(BLOCK_MAP_BYTES);
  const view = new DataView(root.buffer);
  encodeHeader(view, recordCount, ROOT_RECORDS, depth);
  for (let index = 0; index < recordCount; index++) {
    writeRecord(view, HEADER_BYTES + index * RECORD_BYTES, index);
  }
  return root;
}

/** Thrown for a tree that violates the format. Callers add the place to the message. */
export class ExtentTreeError extends Error {}

/**
 * Yields the extents of a tree in the order of their logical blocks.
 *
 * @param readBlock reads a block outside the inode
 * @param inodeSeed the seed of the blocks' checksums, or `undefined` if they have no checksums
 */
export function* decodeExtentTree(
  blockMap: Uint8Array,
  readBlock: (block: number) => Uint8Array,
  inodeSeed: number | undefined,
): Generator<StoredExtent> {
  yield* decodeNode(blockMap, undefined, readBlock, inodeSeed);
}

function* decodeNode(
  bytes: Uint8Array,
  expectedDepth: number | undefined,
  readBlock: (block: number) => Uint8Array,
  inodeSeed: number | undefined,
): Generator<StoredExtent> {
  const view = viewOf(bytes);
  const recordCount = HEADER.eh_entries.get(view);
  const maximum = HEADER.eh_max.get(view);
  const depth = HEADER.eh_depth.get(view);
  const tail = HEADER_BYTES + maximum * RECORD_BYTES;
  if (HEADER.eh_magic.get(view) !== EXTENT_MAGIC || recordCount > maximum || tail > bytes.length) {
    throw new ExtentTreeError('its extent tree has a node with a broken header');
  }
  if (depth > MAXIMUM_EXTENT_DEPTH || (expectedDepth !== undefined && depth !== expectedDepth)) {
    throw new ExtentTreeError('its extent tree has a node of the wrong depth');
  }
  // Only the root of an empty file has no records. This also stops a damaged tree that is endless.
  if (recordCount === 0 && (expectedDepth !== undefined || depth > 0)) {
    throw new ExtentTreeError('its extent tree has a node without records');
  }
  if (expectedDepth !== undefined && inodeSeed !== undefined) {
    const hasTail = tail + EXTENT_TAIL.sizeBytes <= bytes.length;
    if (!hasTail || EXTENT_TAIL.at.eb_checksum.get(view, tail) !== crc32c(inodeSeed, bytes, 0, tail)) {
      throw new ExtentTreeError('its extent tree has a block that does not match its checksum');
    }
  }
  for (let index = 0; index < recordCount; index++) {
    const offset = HEADER_BYTES + index * RECORD_BYTES;
    if (depth > 0) {
      const block = decodeExtentIndex(view, offset);
      yield* decodeNode(readBlock(block), depth - 1, readBlock, inodeSeed);
    } else {
      yield decodeExtent(view, offset);
    }
  }
}

/** Decodes a record of an inner node, which is the block of a child. */
export function decodeExtentIndex(view: DataView, offset: number): number {
  return INDEX.ei_leaf_lo.get(view, offset) + INDEX.ei_leaf_hi.get(view, offset) * TWO_TO_32;
}

/** Decodes a record of a leaf. */
export function decodeExtent(view: DataView, offset: number): StoredExtent {
  const length = LEAF.ee_len.get(view, offset);
  const initialized = length <= MAXIMUM_EXTENT_BLOCKS;
  return {
    logicalBlock: LEAF.ee_block.get(view, offset),
    physicalBlock: LEAF.ee_start_lo.get(view, offset) + LEAF.ee_start_hi.get(view, offset) * TWO_TO_32,
    blockCount: initialized ? length : length - MAXIMUM_EXTENT_BLOCKS,
    initialized,
  };
}
