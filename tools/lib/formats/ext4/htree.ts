/**
 * Plans and encodes the blocks of directories. A directory of more than one block has an index:
 * "Hash Tree Directories" in the kernel's ext4 documentation (directory.rst).
 */

import { crc32c, crc32cWord } from '../crc32c/crc32c.ts';
import { FILE_TYPE } from '../entry/linux-types.ts';
import {
  type DirectoryEntry,
  DOT,
  DOT_DOT,
  encodeEntry,
  encodeLeaf,
  entryBytes,
  leafBytes,
} from './directory.ts';
import {
  DX_COUNT_LIMIT,
  DX_ENTRY,
  DX_NODE,
  DX_ROOT,
  DX_ROOT_INFO_BYTES,
  DX_TAIL,
} from './format-directory.ts';
import { hashName } from './htree-hash.ts';
import { HASH_HALF_MD4 } from './superblock.ts';

const ROOT = DX_ROOT.at;
const DOT_BYTES = entryBytes(DOT.length);
const DOT_DOT_BYTES = entryBytes(DOT_DOT.length);
/** The size of the entries that every directory begins with. */
export const LINEAR_START_BYTES = DOT_BYTES + DOT_DOT_BYTES;
/** Set in the hash of a leaf that begins with the last hash of the previous leaf. */
const CONTINUED = 1;

function recordLimit(blockBytes: number, recordsOffset: number): number {
  return Math.floor((blockBytes - recordsOffset - DX_TAIL.sizeBytes) / DX_ENTRY.sizeBytes);
}

/** The distribution of one directory's names over blocks. */
export interface DirectoryPlan {
  /**
   * The number of blocks: one linear block; or index root, index nodes and leaves, in this order.
   */
  readonly blockCount: number;
  /** Undefined for a directory of one linear block. */
  readonly index?: {
    /** The positions of the names, in hash order. */
    readonly order: Uint32Array;
    readonly hashes: Uint32Array;
    /** The start of each leaf in `order`. */
    readonly leafStarts: readonly number[];
    readonly nodeCount: number;
  };
}

/** Plans a directory. Returns `undefined` if an index of two levels cannot hold all names. */
export function planDirectory(
  names: readonly Uint8Array[],
  blockBytes: number,
  hashStart: Int32Array,
): DirectoryPlan | undefined {
  let linearBytes = LINEAR_START_BYTES;
  for (const name of names) linearBytes += entryBytes(name.length);
  if (linearBytes <= leafBytes(blockBytes)) return { blockCount: 1 };

  const hashes = Uint32Array.from(names, (name) => hashName(name, hashStart));
  const order = Uint32Array.from(names, (_, position) => position);
  // Names are in a fixed order. Names with equal hashes keep it.
  order.sort((left, right) => (hashes[left] as number) - (hashes[right] as number) || left - right);
  const leafStarts: number[] = [];
  let used = Number.POSITIVE_INFINITY;
  order.forEach((position, index) => {
    const bytes = entryBytes((names[position] as Uint8Array).length);
    if (used + bytes > leafBytes(blockBytes)) {
      leafStarts.push(index);
      used = 0;
    }
    used += bytes;
  });
  const rootLimit = recordLimit(blockBytes, DX_ROOT.sizeBytes);
  const nodeLimit = recordLimit(blockBytes, DX_NODE.sizeBytes);
  const nodeCount = leafStarts.length <= rootLimit ? 0 : Math.ceil(leafStarts.length / nodeLimit);
  if (nodeCount > rootLimit) return undefined;
  return { blockCount: 1 + nodeCount + leafStarts.length, index: { order, hashes, leafStarts, nodeCount } };
}

interface IndexRecord {
  readonly hash: number;
  /** The logical block of the directory. */
  readonly block: number;
}

/** Writes limit, count, records and checksum of an index block. All other fields must be set. */
function encodeIndexRecords(
  block: Uint8Array,
  offset: number,
  records: readonly IndexRecord[],
  inodeSeed: number,
): void {
  const view = new DataView(block.buffer);
  const limit = recordLimit(block.length, offset);
  records.forEach((record, index) => {
    DX_ENTRY.at.hash.set(view, record.hash, offset + index * DX_ENTRY.sizeBytes);
    DX_ENTRY.at.block.set(view, record.block, offset + index * DX_ENTRY.sizeBytes);
  });
  // The first record has no hash: it covers all hashes below that of the second one.
  DX_COUNT_LIMIT.at.limit.set(view, limit, offset);
  DX_COUNT_LIMIT.at.count.set(view, records.length, offset);
  const tail = offset + limit * DX_ENTRY.sizeBytes;
  // The checksum covers the used records, dt_reserved, and a zero instead of dt_checksum.
  const crc = crc32cWord(crc32c(inodeSeed, block, 0, offset + records.length * DX_ENTRY.sizeBytes), 0);
  DX_TAIL.at.dt_checksum.set(view, crc32cWord(crc, 0), tail);
}

function encodeIndexRoot(
  directory: DirectoryIdentity,
  levels: number,
  records: readonly IndexRecord[],
  blockBytes: number,
  inodeSeed: number,
): Uint8Array {
  const block = new Uint8Array(blockBytes);
  const [dot, dotDot] = dots(directory);
  encodeEntry(block, ROOT['dot.inode'].offsetBytes, DOT_BYTES, dot);
  encodeEntry(block, ROOT['dotdot.inode'].offsetBytes, blockBytes - DOT_BYTES, dotDot);
  const view = new DataView(block.buffer);
  ROOT['dx_root_info.hash_version'].set(view, HASH_HALF_MD4);
  ROOT['dx_root_info.info_length'].set(view, DX_ROOT_INFO_BYTES);
  ROOT['dx_root_info.indirect_levels'].set(view, levels);
  encodeIndexRecords(block, DX_ROOT.sizeBytes, records, inodeSeed);
  return block;
}

function encodeIndexNode(records: readonly IndexRecord[], blockBytes: number, inodeSeed: number): Uint8Array {
  const block = new Uint8Array(blockBytes);
  // An unused entry over the whole block hides the records from a driver without indexes.
  encodeEntry(block, 0, blockBytes, { inode: 0, fileType: 0, name: new Uint8Array(0) });
  encodeIndexRecords(block, DX_NODE.sizeBytes, records, inodeSeed);
  return block;
}

export interface DirectoryIdentity {
  readonly inode: number;
  readonly parentInode: number;
}

function dots(directory: DirectoryIdentity): [DirectoryEntry, DirectoryEntry] {
  return [
    { inode: directory.inode, fileType: FILE_TYPE.directory, name: DOT },
    { inode: directory.parentInode, fileType: FILE_TYPE.directory, name: DOT_DOT },
  ];
}

/** Yields the blocks of a directory in order. `entries` have the order of the planned names. */
export function* encodeDirectory(
  plan: DirectoryPlan,
  directory: DirectoryIdentity,
  entries: readonly DirectoryEntry[],
  blockBytes: number,
  inodeSeed: number,
): Generator<Uint8Array> {
  if (plan.index === undefined) {
    yield encodeLeaf([...dots(directory), ...entries], blockBytes, inodeSeed);
    return;
  }
  const { order, hashes, leafStarts, nodeCount } = plan.index;
  const hashAt = (index: number): number => hashes[order[index] as number] as number;
  const leaves = leafStarts.map((start, leaf): IndexRecord => {
    const continued = start > 0 && hashAt(start - 1) === hashAt(start);
    return { hash: (hashAt(start) | (continued ? CONTINUED : 0)) >>> 0, block: 1 + nodeCount + leaf };
  });
  if (nodeCount === 0) {
    yield encodeIndexRoot(directory, 0, leaves, blockBytes, inodeSeed);
  } else {
    const nodeLimit = recordLimit(blockBytes, DX_NODE.sizeBytes);
    const groups = Array.from({ length: nodeCount }, (_, node) =>
      leaves.slice(node * nodeLimit, (node + 1) * nodeLimit),
    );
    const nodes = groups.map((group, node) => ({ hash: (group[0] as IndexRecord).hash, block: 1 + node }));
    yield encodeIndexRoot(directory, 1, nodes, blockBytes, inodeSeed);
    for (const group of groups) yield encodeIndexNode(group, blockBytes, inodeSeed);
  }
  for (let leaf = 0; leaf < leafStarts.length; leaf++) {
    const positions = order.subarray(leafStarts[leaf], leafStarts[leaf + 1]);
    const leafEntries = Array.from(positions, (position) => entries[position] as DirectoryEntry);
    yield encodeLeaf(leafEntries, blockBytes, inodeSeed);
  }
}
