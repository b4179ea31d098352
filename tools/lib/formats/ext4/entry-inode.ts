/** Builds the inode of an entry. */
import type { Entry } from '../entry/entry.ts';
import { typeOf } from '../entry/linux-types.ts';
import { encodeName } from '../entry/name.ts';
import { INODE_FLAGS } from './format-inode.ts';
import { BLOCK_BYTES } from './geometry.ts';
import { BLOCK_MAP_BYTES, encodeDevice, type Inode, SECTOR_BYTES } from './inode.ts';
import { isBlockSymlink } from './plan.ts';

export const SECTORS_PER_BLOCK = BLOCK_BYTES / SECTOR_BYTES;

/** The place of an inode's content. */
export interface MappedContents {
  /** i_block. */
  readonly blockMap: Uint8Array;
  /** The number of blocks of data and of the extent tree. */
  readonly blocks: number;
}

/** The facts that the file system adds to an entry. */
export interface EntryFacts {
  readonly linkCount: number;
  /** The block of extended attributes, or 0. */
  readonly xattrBlock: number;
  readonly sizeBytes: number;
  /** Whether the entry is a directory with an index. */
  readonly isIndexed: boolean;
  /** Maps the blocks of an entry that has blocks. */
  mapContents(): MappedContents;
}

/** Builds the inode of an entry that is not a hard link. */
export function entryInode(entry: Entry, facts: EntryFacts): Inode {
  const { linkCount, xattrBlock } = facts;
  const common = {
    mode: typeOf(entry).mode | entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    linkCount,
    xattrBlock,
  };
  const xattrSectors = xattrBlock === 0 ? 0 : SECTORS_PER_BLOCK;
  const unmapped = { ...common, sizeBytes: 0, sectorCount: xattrSectors, flags: 0 };
  if (entry.type === 'character-device' || entry.type === 'block-device') {
    return { ...unmapped, blockMap: encodeDevice(entry.major, entry.minor) };
  }
  if (entry.type === 'fifo' || entry.type === 'socket') {
    return { ...unmapped, blockMap: new Uint8Array(BLOCK_MAP_BYTES) };
  }
  if (entry.type === 'symlink' && !isBlockSymlink(entry)) {
    const target = encodeName(entry.target);
    const blockMap = new Uint8Array(BLOCK_MAP_BYTES);
    blockMap.set(target);
    return { ...unmapped, sizeBytes: target.length, blockMap };
  }
  const { blockMap, blocks } = facts.mapContents();
  return {
    ...common,
    sizeBytes: facts.sizeBytes,
    sectorCount: blocks * SECTORS_PER_BLOCK + xattrSectors,
    flags: INODE_FLAGS.extents | (facts.isIndexed ? INODE_FLAGS.index : 0),
    blockMap,
  };
}
