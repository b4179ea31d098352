/** Which inode each block of an ext4 file system belongs to, and as what. */
import type { ImageSource } from '../bytes/source.ts';

/** Blocks in a row with one owner. */
export interface OwnedRun {
  readonly startBlock: number;
  readonly blockCount: number;
  readonly inodeNumber: number;
  readonly kind:
    | 'data'
    | 'directory block'
    | 'symbolic link'
    | 'extent tree'
    | 'block map'
    | 'extended attributes';
}

/** What the blocks of inodes are found by. */
export interface InodeTables {
  readonly source: ImageSource;
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly inodeBytes: number;
  readonly inodesPerGroup: number;
  /** The block of each group's inode table, and how many inodes at its start were ever used. */
  readonly tables: readonly { readonly startBlock: number; readonly usedInodes: number }[];
}

/** The kernel's ext4 documentation: i_mode, i_flags, ext4_extent_header. */
const TYPE_MASK = 0xf000;
const TYPE_DIRECTORY = 0x4000;
const TYPE_SYMLINK = 0xa000;
const TYPE_FILE = 0x8000;
const FLAG_EXTENTS = 0x80000;
const FLAG_INLINE_DATA = 0x10000000;
const EXTENT_MAGIC = 0xf30a;
const EXTENT_NODE_BYTES = 12;
const MAX_EXTENT_DEPTH = 5;
/** An extent that is set aside has this on top of its length. */
const UNWRITTEN_LENGTH = 32768;
const DIRECT_BLOCKS = 12;
const BLOCK_MAP = { offset: 0x28, length: 60 } as const;
const TWO_TO_32 = 2 ** 32;
/** Bounds the memory that a fragmented or damaged file system can take. */
const MAX_RUNS = 1_000_000;
const READ_INODES = 1024;

export class OwnerScan {
  readonly runs: OwnedRun[] = [];
  readonly #tables: InodeTables;

  constructor(tables: InodeTables) {
    this.#tables = tables;
    for (const [group] of tables.tables.entries()) this.#scanGroup(group);
    this.runs.sort((left, right) => left.startBlock - right.startBlock);
  }

  #scanGroup(group: number): void {
    const { source, blockBytes, inodeBytes, inodesPerGroup, tables } = this.#tables;
    const { startBlock, usedInodes } = tables[group] as InodeTables['tables'][number];
    for (let first = 0; first < usedInodes; first += READ_INODES) {
      const count = Math.min(READ_INODES, usedInodes - first);
      const offset = startBlock * blockBytes + first * inodeBytes;
      if (offset + count * inodeBytes > source.sizeBytes) return;
      const bytes = Buffer.from(source.read(offset, count * inodeBytes));
      for (let index = 0; index < count; index++) {
        const inode = bytes.subarray(index * inodeBytes, (index + 1) * inodeBytes);
        this.#scanInode(group * inodesPerGroup + first + index + 1, inode);
      }
    }
  }

  #scanInode(inodeNumber: number, inode: Buffer): void {
    const mode = inode.readUInt16LE(0);
    if (mode === 0 && inode.readUInt16LE(0x1a) === 0) return;
    const xattrBlock = inode.readUInt32LE(0x68) + inode.readUInt16LE(0x76) * TWO_TO_32;
    this.#own(xattrBlock, 1, inodeNumber, 'extended attributes');
    const flags = inode.readUInt32LE(0x20);
    const type = mode & TYPE_MASK;
    const kind =
      type === TYPE_DIRECTORY ? 'directory block' : type === TYPE_SYMLINK ? 'symbolic link' : 'data';
    if ((flags & FLAG_INLINE_DATA) !== 0) return;
    const map = inode.subarray(BLOCK_MAP.offset, BLOCK_MAP.offset + BLOCK_MAP.length);
    if ((flags & FLAG_EXTENTS) !== 0) this.#scanExtents(map, inodeNumber, kind, MAX_EXTENT_DEPTH);
    else if (inode.readUInt32LE(0x1c) > 0 && [TYPE_FILE, TYPE_DIRECTORY, TYPE_SYMLINK].includes(type)) {
      for (let index = 0; index < DIRECT_BLOCKS + 3; index++) {
        this.#scanPointer(
          map.readUInt32LE(index * 4),
          Math.max(0, index - DIRECT_BLOCKS + 1),
          inodeNumber,
          kind,
        );
      }
    }
  }

  #own(startBlock: number, blockCount: number, inodeNumber: number, kind: OwnedRun['kind']): boolean {
    const isValid = startBlock > 0 && startBlock + blockCount <= this.#tables.blockCount;
    if (!isValid || this.runs.length >= MAX_RUNS) return false;
    this.runs.push({ startBlock, blockCount, inodeNumber, kind });
    return true;
  }

  #block(block: number): Buffer {
    const { source, blockBytes } = this.#tables;
    return Buffer.from(source.read(block * blockBytes, blockBytes));
  }

  #scanExtents(node: Buffer, inodeNumber: number, kind: OwnedRun['kind'], depthLeft: number): void {
    if (node.readUInt16LE(0) !== EXTENT_MAGIC || depthLeft < 0) return;
    const capacity = Math.floor(node.length / EXTENT_NODE_BYTES) - 1;
    const count = Math.min(node.readUInt16LE(2), capacity);
    const depth = node.readUInt16LE(6);
    for (let index = 1; index <= count; index++) {
      const entry = node.subarray(index * EXTENT_NODE_BYTES, (index + 1) * EXTENT_NODE_BYTES);
      if (depth === 0) {
        const length = entry.readUInt16LE(4);
        const start = entry.readUInt32LE(8) + entry.readUInt16LE(6) * TWO_TO_32;
        this.#own(start, length > UNWRITTEN_LENGTH ? length - UNWRITTEN_LENGTH : length, inodeNumber, kind);
        continue;
      }
      const child = entry.readUInt32LE(4) + entry.readUInt16LE(8) * TWO_TO_32;
      if (!this.#own(child, 1, inodeNumber, 'extent tree')) continue;
      this.#scanExtents(this.#block(child), inodeNumber, kind, Math.min(depth, depthLeft) - 1);
    }
  }

  /**
   * A pointer of the block maps of ext2 and ext3: to data at level 0, else to a block of pointers.
   */
  #scanPointer(block: number, level: number, inodeNumber: number, kind: OwnedRun['kind']): void {
    if (block === 0) return;
    if (!this.#own(block, 1, inodeNumber, level === 0 ? kind : 'block map') || level === 0) return;
    const pointers = this.#block(block);
    for (let offset = 0; offset < pointers.length; offset += 4) {
      this.#scanPointer(pointers.readUInt32LE(offset), level - 1, inodeNumber, kind);
    }
  }
}
