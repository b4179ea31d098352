/** Finds the inode tables of an existing file system: reads group descriptors on demand. */
import { COMPAT, INCOMPAT, RO_COMPAT } from './features.ts';
import { SUPERBLOCK_OFFSET_BYTES } from './format-superblock.ts';
import { isSparseGroup } from './geometry.ts';
import { decodeGroupDescriptor, isDescriptorIntact } from './group.ts';
import type { Superblock } from './superblock.ts';

/** Reports whether a group begins with a superblock (ext4_bg_has_super in Linux). */
export function groupHasSuperblock(superblock: Superblock, group: number): boolean {
  if (group === 0) return true;
  if ((superblock.compat & COMPAT.sparseSuper2) !== 0) return superblock.backupGroups.includes(group);
  return (superblock.roCompat & RO_COMPAT.sparseSuper) === 0 || isSparseGroup(group);
}

/**
 * Returns the place of block `position` of the table of descriptors ("Meta Block Groups" in the
 * kernel's ext4 documentation; descriptor_loc in fs/ext4/super.c).
 */
export function descriptorBlock(superblock: Superblock, position: number): number {
  const { blockBytes, blocksPerGroup, descriptorBytes, firstDataBlock, firstMetaBlock, incompat } =
    superblock;
  const superblockBlock = Math.floor(SUPERBLOCK_OFFSET_BYTES / blockBytes);
  if ((incompat & INCOMPAT.metaBg) === 0 || position < firstMetaBlock) return superblockBlock + 1 + position;
  const group = position * Math.floor(blockBytes / descriptorBytes);
  // With blocks of 1 KiB, the second block of the first group has the superblock, even if the group
  // begins with block 0.
  const isShifted = position === 0 && superblockBlock > firstDataBlock;
  const blocksBefore = (groupHasSuperblock(superblock, group) ? 1 : 0) + (isShifted ? 1 : 0);
  return firstDataBlock + group * blocksPerGroup + blocksBefore;
}

/** Keeps one block of descriptors, because neighbouring inodes are in neighbouring groups. */
export class GroupReader {
  readonly #superblock: Superblock;
  readonly #readBlock: (block: number) => Uint8Array;
  readonly #fail: (problem: string) => never;
  readonly #perBlock: number;
  #position = -1;
  #tables: (number | undefined)[] = [];
  #block: Uint8Array = new Uint8Array(0);

  constructor(
    superblock: Superblock,
    readBlock: (block: number) => Uint8Array,
    fail: (problem: string) => never,
  ) {
    this.#superblock = superblock;
    this.#readBlock = readBlock;
    this.#fail = fail;
    this.#perBlock = Math.floor(superblock.blockBytes / superblock.descriptorBytes);
  }

  /** Returns the first block of a group's inode table. */
  inodeTable(group: number): number {
    const position = Math.floor(group / this.#perBlock);
    if (position !== this.#position) {
      this.#block = this.#readBlock(descriptorBlock(this.#superblock, position));
      this.#tables = [];
      this.#position = position;
    }
    const index = group % this.#perBlock;
    const known = this.#tables[index];
    if (known !== undefined) return known;
    const { descriptorBytes } = this.#superblock;
    const bytes = this.#block.subarray(index * descriptorBytes, (index + 1) * descriptorBytes);
    if (!isDescriptorIntact(this.#superblock, bytes, group)) {
      this.#fail(`the descriptor of block group ${group} does not match its checksum`);
    }
    const table = decodeGroupDescriptor(bytes).inodeTable;
    this.#tables[index] = table;
    return table;
  }
}
