/** Finds the inode that each block of an ext4 file system belongs to. */
import { MODE } from '../../lib/formats/entry/linux-types.ts';
import { decodeExtent, decodeExtentIndex } from '../../lib/formats/ext4/extents.ts';
import {
  EXTENT_HEADER,
  EXTENT_MAGIC,
  EXTENT_RECORD_BYTES,
  MAXIMUM_EXTENT_DEPTH,
} from '../../lib/formats/ext4/format-extent.ts';
import { INODE, INODE_FLAGS } from '../../lib/formats/ext4/format-inode.ts';
import { DIRECT_WORDS, LEVELS, WORD_BYTES } from '../../lib/formats/ext4/indirect.ts';
import { viewOf } from '../../lib/formats/structure/view.ts';
import type { ImageSource } from '../bytes/source.ts';

/** Consecutive blocks with one owner. */
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

/** The inode tables of a file system. */
export interface InodeTables {
  readonly source: ImageSource;
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly inodeBytes: number;
  readonly inodesPerGroup: number;
  /** By group: the first block of its inode table, and the number of inodes that were ever used. */
  readonly tables: readonly { readonly startBlock: number; readonly usedInodes: number }[];
}

const AT = INODE.at;
const MAPPED_TYPES: readonly number[] = [MODE.file, MODE.directory, MODE.symlink];
const TWO_TO_32 = 2 ** 32;
/** Limits the memory for a fragmented or damaged file system. */
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
      const bytes = Uint8Array.from(source.read(offset, count * inodeBytes));
      for (let index = 0; index < count; index++) {
        const inode = bytes.subarray(index * inodeBytes, (index + 1) * inodeBytes);
        this.#scanInode(group * inodesPerGroup + first + index + 1, inode);
      }
    }
  }

  #scanInode(inodeNumber: number, inode: Uint8Array): void {
    const view = viewOf(inode);
    const mode = AT.i_mode.get(view);
    if (mode === 0 && AT.i_links_count.get(view) === 0) return;
    const xattrBlock = AT.i_file_acl_lo.get(view) + AT.i_file_acl_high.get(view) * TWO_TO_32;
    this.#own(xattrBlock, 1, inodeNumber, 'extended attributes');
    const flags = AT.i_flags.get(view);
    const type = mode & MODE.mask;
    const kind =
      type === MODE.directory ? 'directory block' : type === MODE.symlink ? 'symbolic link' : 'data';
    if ((flags & INODE_FLAGS.inlineData) !== 0) return;
    const map = AT.i_block.bytes(inode);
    if ((flags & INODE_FLAGS.extents) !== 0) {
      this.#scanExtents(map, inodeNumber, kind, MAXIMUM_EXTENT_DEPTH);
    } else if (AT.i_blocks_lo.get(view) > 0 && MAPPED_TYPES.includes(type)) {
      const words = viewOf(map);
      for (let index = 0; index < DIRECT_WORDS + LEVELS; index++) {
        const level = Math.max(0, index - DIRECT_WORDS + 1);
        this.#scanPointer(words.getUint32(index * WORD_BYTES, true), level, inodeNumber, kind);
      }
    }
  }

  #own(startBlock: number, blockCount: number, inodeNumber: number, kind: OwnedRun['kind']): boolean {
    const isValid = startBlock > 0 && startBlock + blockCount <= this.#tables.blockCount;
    if (!isValid || this.runs.length >= MAX_RUNS) return false;
    this.runs.push({ startBlock, blockCount, inodeNumber, kind });
    return true;
  }

  /** Reads a block. Returns a copy: the source may reuse its buffer while children are scanned. */
  #block(block: number): Uint8Array {
    const { source, blockBytes } = this.#tables;
    return Uint8Array.from(source.read(block * blockBytes, blockBytes));
  }

  #scanExtents(node: Uint8Array, inodeNumber: number, kind: OwnedRun['kind'], depthLeft: number): void {
    const view = viewOf(node);
    if (EXTENT_HEADER.at.eh_magic.get(view) !== EXTENT_MAGIC || depthLeft < 0) return;
    const capacity = Math.floor((node.length - EXTENT_HEADER.sizeBytes) / EXTENT_RECORD_BYTES);
    const count = Math.min(EXTENT_HEADER.at.eh_entries.get(view), capacity);
    const depth = EXTENT_HEADER.at.eh_depth.get(view);
    for (let index = 0; index < count; index++) {
      const offset = EXTENT_HEADER.sizeBytes + index * EXTENT_RECORD_BYTES;
      if (depth === 0) {
        const { physicalBlock, blockCount } = decodeExtent(view, offset);
        this.#own(physicalBlock, blockCount, inodeNumber, kind);
        continue;
      }
      const child = decodeExtentIndex(view, offset);
      if (!this.#own(child, 1, inodeNumber, 'extent tree')) continue;
      this.#scanExtents(this.#block(child), inodeNumber, kind, Math.min(depth, depthLeft) - 1);
    }
  }

  /**
   * Scans a pointer in a block map of ext2 or ext3: at level 0, it refers to data, otherwise to
   * pointers.
   */
  #scanPointer(block: number, level: number, inodeNumber: number, kind: OwnedRun['kind']): void {
    if (block === 0) return;
    if (!this.#own(block, 1, inodeNumber, level === 0 ? kind : 'block map') || level === 0) return;
    const words = viewOf(this.#block(block));
    for (let offset = 0; offset < words.byteLength; offset += WORD_BYTES) {
      this.#scanPointer(words.getUint32(offset, true), level - 1, inodeNumber, kind);
    }
  }
}
