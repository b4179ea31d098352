/** Extent trees: "The Contents of inode.i_block, Extent Tree" in the kernel's ext4 documentation. */
import { crc32c } from '../crc32c/crc32c.ts';
import { BLOCK_MAP_BYTES } from './inode.ts';

const MAGIC = 0xf30a;
const HEADER_BYTES = 12;
const RECORD_BYTES = 12;
/** Extents or index records in the inode itself. */
export const ROOT_RECORDS = (BLOCK_MAP_BYTES - HEADER_BYTES) / RECORD_BYTES;
/** Blocks of one initialised extent. */
export const MAXIMUM_EXTENT_BLOCKS = 32768;
/** Levels that Linux takes below the root. */
const MAXIMUM_DEPTH = 5;
const TWO_TO_32 = 2 ** 32;

/** `blockCount` blocks of a file from `logicalBlock` on lie from `physicalBlock` on. */
export interface Extent {
  readonly logicalBlock: number;
  readonly physicalBlock: number;
  readonly blockCount: number;
}
export interface StoredExtent extends Extent {
  /** False for space that is set aside and reads as zeros. */
  readonly initialized: boolean;
}

/** A list of extents without an object for each. */
export interface ExtentList {
  readonly length: number;
  logicalBlock(index: number): number;
  physicalBlock(index: number): number;
  blockCount(index: number): number;
}

/** Records in a tree block: what is left beside the header and the checksum behind the last record. */
export function recordsPerBlock(blockBytes: number): number {
  return Math.floor((blockBytes - HEADER_BYTES - 4) / RECORD_BYTES);
}

/** Blocks that the tree of `extentCount` extents needs outside of the inode. */
export function extentTreeBlockCount(extentCount: number, blockBytes: number): number {
  let blockCount = 0;
  for (let records = extentCount; records > ROOT_RECORDS; ) {
    records = Math.ceil(records / recordsPerBlock(blockBytes));
    blockCount += records;
  }
  return blockCount;
}

function encodeHeader(view: DataView, recordCount: number, maximum: number, depth: number): void {
  view.setUint16(0, MAGIC, true);
  view.setUint16(2, recordCount, true);
  view.setUint16(4, maximum, true);
  view.setUint16(6, depth, true);
}

type RecordWriter = (view: DataView, offset: number, index: number) => void;

/** A tree that fits into the inode, as nearly all do: byte by byte, for there may be millions. */
function encodeShortTree(extents: ExtentList): Uint8Array {
  const root = new Uint8Array(BLOCK_MAP_BYTES);
  put16(root, 0, MAGIC);
  put16(root, 2, extents.length);
  put16(root, 4, ROOT_RECORDS);
  for (let index = 0; index < extents.length; index++) {
    const offset = HEADER_BYTES + index * RECORD_BYTES;
    put32(root, offset, extents.logicalBlock(index));
    put16(root, offset + 4, extents.blockCount(index));
    put32(root, offset + 8, extents.physicalBlock(index));
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
 * Encodes an extent tree, leaves first, each block full but the last of its level.
 *
 * @param writeBlock is given each block outside of the inode and returns the block number that it got
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
    view.setUint32(offset, extents.logicalBlock(index), true);
    view.setUint16(offset + 4, extents.blockCount(index), true);
    view.setUint32(offset + 8, extents.physicalBlock(index), true); // ee_start_hi (offset 6) stays 0
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
      view.setUint32(tail, crc32c(inodeSeed, bytes, 0, tail), true);
      level.push({ firstLogicalBlock: view.getUint32(HEADER_BYTES, true), block: writeBlock(bytes) });
    }
    recordCount = level.length;
    writeRecord = (view, offset, index) => {
      const child = level[index] as { firstLogicalBlock: number; block: number };
      view.setUint32(offset, child.firstLogicalBlock, true);
      view.setUint32(offset + 4, child.block, true); // ei_leaf_hi (offset 8) stays 0
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

/** Thrown for a tree that breaks the format; the message is a clause. */
export class ExtentTreeError extends Error {}

/**
 * Yields the extents of a tree in the order of their logical blocks.
 *
 * @param readBlock reads a block outside of the inode
 * @param inodeSeed the seed of the blocks' checksums, or `undefined` where there are none
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
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const recordCount = view.getUint16(2, true);
  const maximum = view.getUint16(4, true);
  const depth = view.getUint16(6, true);
  const tail = HEADER_BYTES + maximum * RECORD_BYTES;
  if (view.getUint16(0, true) !== MAGIC || recordCount > maximum || tail > bytes.length) {
    throw new ExtentTreeError('its extent tree has a node with a broken header');
  }
  if (depth > MAXIMUM_DEPTH || (expectedDepth !== undefined && depth !== expectedDepth)) {
    throw new ExtentTreeError('its extent tree has a node of the wrong depth');
  }
  // Only the root of an empty file has nothing in it; this also keeps a damaged tree from growing without end.
  if (recordCount === 0 && (expectedDepth !== undefined || depth > 0)) {
    throw new ExtentTreeError('its extent tree has a node without records');
  }
  if (expectedDepth !== undefined && inodeSeed !== undefined) {
    if (tail + 4 > bytes.length || view.getUint32(tail, true) !== crc32c(inodeSeed, bytes, 0, tail)) {
      throw new ExtentTreeError('its extent tree has a block that does not match its checksum');
    }
  }
  for (let index = 0; index < recordCount; index++) {
    const offset = HEADER_BYTES + index * RECORD_BYTES;
    if (depth > 0) {
      const block = view.getUint32(offset + 4, true) + view.getUint16(offset + 8, true) * TWO_TO_32;
      yield* decodeNode(readBlock(block), depth - 1, readBlock, inodeSeed);
      continue;
    }
    const length = view.getUint16(offset + 4, true);
    const initialized = length <= MAXIMUM_EXTENT_BLOCKS;
    yield {
      logicalBlock: view.getUint32(offset, true),
      physicalBlock: view.getUint32(offset + 8, true) + view.getUint16(offset + 6, true) * TWO_TO_32,
      blockCount: initialized ? length : length - MAXIMUM_EXTENT_BLOCKS,
      initialized,
    };
  }
}
