/** Encodes everything of an image except the content of files. */
import { baseName, type Entry } from '../entry/entry.ts';
import { FILE_TYPE, typeOf } from '../entry/linux-types.ts';
import { encodeName } from '../entry/name.ts';
import { viewOf } from '../structure/view.ts';
import { type DirectoryEntry, encodeDirectory } from './directory.ts';
import { planDirectory, SELF } from './directory-plan.ts';
import { alignUp, BLOCK_BYTES, DATA_LAYOUT, SHARED_XATTR, SLOT_BYTES, SLOTS_PER_BLOCK } from './format.ts';
import { encodeDevice, encodeInode, inodeBytes } from './inode.ts';
import type { PlannedTree } from './layout.ts';
import { type CompressionSettings, encodeSuperblock } from './superblock.ts';
import { encodeBody } from './xattr.ts';

/** A part of the image. */
export interface MetadataChunk {
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
}

/** Inodes are encoded in chunks of about this size. */
const CHUNK_BYTES = 1 << 20;
const SELF_NAME = Buffer.from('.');
const PARENT_NAME = Buffer.from('..');

function encodeTreeDirectory(planned: PlannedTree, index: number): Uint8Array {
  const { tree, layout } = planned;
  const entries = Array.from(planDirectory(tree, index).order, (child): DirectoryEntry => {
    if (child >= 0) {
      const owner = tree.entries[tree.owners[child] as number] as Entry;
      const name = encodeName(baseName((tree.entries[child] as Entry).path));
      return { nid: layout.slots[child] as number, fileType: typeOf(owner).fileType, name };
    }
    const target = child === SELF ? index : (tree.parents[index] as number);
    const name = child === SELF ? SELF_NAME : PARENT_NAME;
    return { nid: layout.slots[target] as number, fileType: FILE_TYPE.directory, name };
  });
  return encodeDirectory(entries);
}

/** Encodes the content of a directory or a symbolic link; `undefined` for other types. */
function ownContent(planned: PlannedTree, index: number): Uint8Array | undefined {
  const entry = planned.tree.entries[index] as Entry;
  if (entry.type === 'directory') return encodeTreeDirectory(planned, index);
  return entry.type === 'symlink' ? encodeName(entry.target) : undefined;
}

/** Returns i_u of every inode except those of compressed files. */
function inodeUnion(planned: PlannedTree, entry: Entry, index: number): number {
  const isDevice = entry.type === 'character-device' || entry.type === 'block-device';
  return isDevice ? encodeDevice(entry.major, entry.minor) : (planned.layout.firstBlocks[index] as number);
}

/**
 * The form in which the content of a compressed file is stored. It is known only after compression.
 */
export interface StoredContent {
  readonly layout: number;
  readonly union: number;
}

/**
 * Writes the inode of an entry, its extended attributes, and the inline content of directories and
 * links.
 *
 * @param bytes begin at the slot of the inode, and are zero
 * @param stored replaces the planned layout and i_u
 */
export function encodeEntry(
  planned: PlannedTree,
  index: number,
  bytes: Uint8Array,
  stored?: StoredContent,
): void {
  const { tree, layout, xattrs, options } = planned;
  const entry = tree.entries[index] as Entry;
  const isExtended = layout.extended[index] === 1;
  const body = xattrs.bodies[index];
  const sizeBytes = layout.sizes[index] as number;
  const inode = {
    isExtended,
    layout: stored?.layout ?? (layout.layouts[index] as number),
    xattrBytes: body?.sizeBytes ?? 0,
    mode: typeOf(entry).mode | entry.mode,
    linkCount: tree.linkCounts[index] as number,
    sizeBytes,
    union: stored?.union ?? inodeUnion(planned, entry, index),
    number: index + 1,
    uid: entry.uid,
    gid: entry.gid,
  };
  encodeInode(viewOf(bytes), 0, inode, options.timeSeconds);
  const headBytes = inodeBytes(isExtended);
  if (body !== undefined) {
    const ids = body.sharedOffsets.map((offset) => offset / SHARED_XATTR.sizeBytes);
    encodeBody(bytes.subarray(headBytes, headBytes + body.sizeBytes), ids, body.inline);
  }
  if (inode.layout !== DATA_LAYOUT.inline || entry.type === 'file') return;
  const tail = ownContent(planned, index)?.subarray(sizeBytes - (sizeBytes % BLOCK_BYTES));
  if (tail !== undefined) bytes.set(tail, headBytes + inode.xattrBytes);
}

/** Returns the entries with inodes, in the order of their slots. */
function inodeOrder({ tree, layout }: PlannedTree): Uint32Array {
  const count = tree.entries.length;
  // Slot and position in one number: sorting numbers is fast, and needs no comparison function.
  const keys = Float64Array.from(layout.slots, (slot, index) => slot * count + index);
  const order = keys.sort().map((key) => key % count);
  return Uint32Array.from(order.filter((index) => tree.owners[index] === index));
}

/**
 * Counts the bytes of an inode and its inline content; the inline content of files is written
 * later.
 */
function encodedBytes({ layout, xattrs }: PlannedTree, index: number): number {
  const head = inodeBytes(layout.extended[index] === 1) + (xattrs.bodies[index]?.sizeBytes ?? 0);
  return layout.layouts[index] === DATA_LAYOUT.inline
    ? head + ((layout.sizes[index] as number) % BLOCK_BYTES)
    : head;
}

function* encodeInodes(planned: PlannedTree): Generator<MetadataChunk> {
  const { layout } = planned;
  const order = inodeOrder(planned);
  const { start: firstBlock, end: endBlock } = layout.inodeBlocks;
  const blockOf = (position: number): number =>
    position < order.length
      ? Math.floor((layout.slots[order[position] as number] as number) / SLOTS_PER_BLOCK)
      : endBlock;
  /** Reports whether the block of an inode has no bytes of the previous inode. */
  const startsBlock = (position: number): boolean => {
    const before = order[position - 1] as number;
    const beforeEnd = (layout.slots[before] as number) * SLOT_BYTES + encodedBytes(planned, before);
    return blockOf(position) * BLOCK_BYTES >= beforeEnd && blockOf(position) !== blockOf(position - 1);
  };
  let buffer = new Uint8Array(0);
  for (let position = 0, block = firstBlock; position < order.length; ) {
    let end = position + 1;
    while (end < order.length && !((blockOf(end) - block) * BLOCK_BYTES >= CHUNK_BYTES && startsBlock(end)))
      end++;
    const lengthBytes = (blockOf(end) - block) * BLOCK_BYTES;
    if (buffer.length < lengthBytes) buffer = new Uint8Array(lengthBytes);
    const bytes = buffer.subarray(0, lengthBytes).fill(0);
    for (; position < end; position++) {
      const index = order[position] as number;
      const offset = (layout.slots[index] as number) * SLOT_BYTES - block * BLOCK_BYTES;
      encodeEntry(planned, index, bytes.subarray(offset, offset + encodedBytes(planned, index)));
    }
    yield { offsetBytes: block * BLOCK_BYTES, bytes };
    block = blockOf(end);
  }
}

/** Yields the blocks of directories and symbolic links. */
function* encodeBlocks(planned: PlannedTree): Generator<MetadataChunk> {
  const { tree, layout } = planned;
  for (let index = 0; index < tree.entries.length; index++) {
    const type = (tree.entries[index] as Entry).type;
    if (type !== 'directory' && type !== 'symlink') continue;
    const sizeBytes = layout.sizes[index] as number;
    const isInline = layout.layouts[index] === DATA_LAYOUT.inline;
    const blockBytes = isInline ? sizeBytes - (sizeBytes % BLOCK_BYTES) : sizeBytes;
    if (blockBytes === 0) continue;
    const bytes = new Uint8Array(alignUp(blockBytes, BLOCK_BYTES));
    bytes.set((ownContent(planned, index) as Uint8Array).subarray(0, blockBytes));
    yield { offsetBytes: (layout.firstBlocks[index] as number) * BLOCK_BYTES, bytes };
  }
}

function* encodeSharedXattrs({ xattrs, layout }: PlannedTree): Generator<MetadataChunk> {
  if (xattrs.sharedBytes === 0) return;
  const bytes = new Uint8Array(alignUp(xattrs.sharedBytes, BLOCK_BYTES));
  let offset = 0;
  for (const xattr of xattrs.shared) {
    bytes.set(xattr, offset);
    offset += xattr.length;
  }
  yield { offsetBytes: layout.xattrBlock * BLOCK_BYTES, bytes };
}

function compressionSettings({ options }: PlannedTree): CompressionSettings | undefined {
  if (options.compression === undefined) return undefined;
  const { algorithm, clusterBytes } = options.compression;
  return algorithm === 'zstd'
    ? { algorithm, windowLog: Math.log2(clusterBytes) }
    : { algorithm, maximumClusterBlocks: clusterBytes / BLOCK_BYTES };
}

/** Encodes the superblock of an image that uses `usedBlocks` blocks. */
export function encodeTreeSuperblock(planned: PlannedTree, usedBlocks: number): MetadataChunk {
  const { tree, layout, options } = planned;
  const bytes = encodeSuperblock({
    rootNid: layout.slots[0] as number,
    inodeCount: tree.inodeCount,
    timeSeconds: options.timeSeconds,
    usedBlocks,
    xattrBlock: layout.xattrBlock,
    uuid: options.uuid,
    label: options.label,
    compression: compressionSettings(planned),
  });
  return { offsetBytes: 0, bytes };
}

/**
 * Yields everything except the superblock and the content of files, in whole blocks. A chunk is
 * valid until the next one is requested.
 */
export function* encodeMetadata(planned: PlannedTree): Generator<MetadataChunk> {
  yield* encodeInodes(planned);
  yield* encodeBlocks(planned);
  yield* encodeSharedXattrs(planned);
}
