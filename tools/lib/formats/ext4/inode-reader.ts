/** Reads the superblock, the inodes and their blocks from an existing file system. */

import type { BlockSource } from '../block/block.ts';
import { MODE } from '../entry/linux-types.ts';
import { UserError } from '../error/user-error.ts';
import { decodeExtentTree, ExtentTreeError, type StoredExtent } from './extents.ts';
import { INCOMPAT, RO_COMPAT, refusedFeatures } from './features.ts';
import { GROUP_DESCRIPTOR } from './format-group.ts';
import { INODE, INODE_FLAGS } from './format-inode.ts';
import { SUPERBLOCK_OFFSET_BYTES } from './format-superblock.ts';
import { GroupReader } from './group-reader.ts';
import { decodeBlockMap } from './indirect.ts';
import { decodeInode, REFUSED_INODE_FLAGS, type StoredInode } from './inode.ts';
import { decodeSuperblock, STATE, SUPERBLOCK_BYTES, type Superblock } from './superblock.ts';

/** The size of the window through which inodes are read. */
const WINDOW_BYTES = 1 << 16;
const MINIMUM_INODE_BYTES = INODE.at.i_extra_isize.offsetBytes;
const MINIMUM_DESCRIPTOR_BYTES = GROUP_DESCRIPTOR.at.bg_block_bitmap_hi.offsetBytes;
const MINIMUM_WIDE_DESCRIPTOR_BYTES = GROUP_DESCRIPTOR.sizeBytes;
/**
 * The limit of Linux without the large_dir feature. This reader applies it with the feature too.
 */
const MAXIMUM_DIRECTORY_BYTES = 2 ** 31;

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

/** Reports whether the sizes in the superblock are consistent. */
function isSane(superblock: Superblock): boolean {
  const { inodeBytes, blockBytes, descriptorBytes, blocksPerGroup, inodesPerGroup, incompat } = superblock;
  const isWide = (incompat & INCOMPAT.bit64) !== 0;
  return (
    inodeBytes >= MINIMUM_INODE_BYTES &&
    inodeBytes <= blockBytes &&
    isPowerOfTwo(inodeBytes) &&
    descriptorBytes >= (isWide ? MINIMUM_WIDE_DESCRIPTOR_BYTES : MINIMUM_DESCRIPTOR_BYTES) &&
    descriptorBytes <= blockBytes &&
    isPowerOfTwo(descriptorBytes) &&
    blocksPerGroup > 0 &&
    inodesPerGroup > 0 &&
    inodesPerGroup <= blockBytes * 8 &&
    superblock.blockCount > superblock.firstDataBlock
  );
}

/** Refuses a file system that is not supported, is damaged, or needs recovery. */
function checkSuperblock(
  superblock: Superblock,
  sourceBytes: number,
  fail: (problem: string) => never,
): void {
  const { incompat, roCompat, state } = superblock;
  if ((incompat & INCOMPAT.recover) !== 0 || (roCompat & RO_COMPAT.orphanPresent) !== 0) {
    fail('its journal has to be replayed first; mount and unmount it, or run e2fsck on it');
  }
  if ((state & STATE.clean) === 0 || (state & STATE.errors) !== 0) {
    fail('it was not unmounted cleanly or has known errors; run e2fsck on it');
  }
  const refused = refusedFeatures(incompat);
  if (refused.length > 0) fail(`it has features that are not supported: ${refused.join(', ')}`);
  if (!isSane(superblock)) fail('its superblock contradicts itself; run e2fsck on it');
  const sizeBytes = superblock.blockCount * superblock.blockBytes;
  if (sizeBytes > sourceBytes) {
    fail(`it is cut off: it has ${sizeBytes} bytes, but only ${sourceBytes} are present`);
  }
}

/** Returns the same bytes as a plain array: `slice` copies them, unlike that of a Buffer. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export class InodeReader {
  readonly superblock: Superblock;
  readonly #source: BlockSource;
  readonly #name: string;
  readonly #groups: GroupReader;
  #window: Uint8Array = new Uint8Array(0);
  #windowStartBytes = 0;

  constructor(source: BlockSource, name: string) {
    this.#source = source;
    this.#name = name;
    if (source.sizeBytes < SUPERBLOCK_OFFSET_BYTES + SUPERBLOCK_BYTES) {
      this.fail(undefined, 'there is no ext4 superblock');
    }
    const superblock = decodeSuperblock(plain(source.read(SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK_BYTES)));
    if (typeof superblock === 'string') this.fail(undefined, superblock);
    const fail = (problem: string): never => this.fail(undefined, problem);
    checkSuperblock(superblock, source.sizeBytes, fail);
    this.superblock = superblock;
    this.#groups = new GroupReader(
      superblock,
      (block) => {
        if (block >= superblock.blockCount)
          fail('its group descriptors are outside the file system; run e2fsck on it');
        return this.readBlocks(undefined, block, 1);
      },
      fail,
    );
  }

  /** The checksum seed, or `undefined` if the file system has no checksums. */
  get seed(): number | undefined {
    const { roCompat, checksumSeed } = this.superblock;
    return (roCompat & RO_COMPAT.metadataCsum) === 0 ? undefined : checksumSeed;
  }

  /** Throws the error for a broken inode, or for the file system if `inodeNumber` is undefined. */
  fail(inodeNumber: number | undefined, problem: string): never {
    const where = inodeNumber === undefined ? '' : `inode ${inodeNumber}: `;
    throw new UserError(`${this.#name}: ${where}${problem}`);
  }

  inode(inodeNumber: number): StoredInode {
    const { inodeCount, inodesPerGroup, inodeBytes, blockBytes } = this.superblock;
    if (inodeNumber < 1 || inodeNumber > inodeCount) this.fail(inodeNumber, 'the inode does not exist');
    const table = this.#groups.inodeTable(Math.floor((inodeNumber - 1) / inodesPerGroup));
    const offsetBytes = table * blockBytes + ((inodeNumber - 1) % inodesPerGroup) * inodeBytes;
    const inode = decodeInode(this.#readWindow(offsetBytes, inodeBytes), inodeNumber, this.seed);
    if (inode === undefined) this.fail(inodeNumber, 'it does not match its checksum');
    const refused = REFUSED_INODE_FLAGS.find(({ flag }) => (inode.flags & flag) !== 0);
    if (refused !== undefined) this.fail(inodeNumber, `it is ${refused.what}, which is not supported`);
    return inode;
  }

  /**
   * Reads bytes of the image through the window, so that neighbouring inodes need no further read.
   */
  #readWindow(offsetBytes: number, lengthBytes: number): Uint8Array {
    let start = offsetBytes - this.#windowStartBytes;
    if (start < 0 || start + lengthBytes > this.#window.length) {
      this.#windowStartBytes = offsetBytes - (offsetBytes % WINDOW_BYTES);
      start = offsetBytes - this.#windowStartBytes;
      const length = Math.min(WINDOW_BYTES, this.#source.sizeBytes - this.#windowStartBytes);
      if (length < start + lengthBytes) this.fail(undefined, 'an inode table is outside the file system');
      this.#window = plain(this.#source.read(this.#windowStartBytes, length));
    }
    return this.#window.subarray(start, start + lengthBytes);
  }

  /**
   * Reads blocks of an inode, or of the file system if `inodeNumber` is undefined. Checks their
   * numbers.
   */
  readBlocks(inodeNumber: number | undefined, block: number, count: number): Uint8Array {
    const { blockCount, blockBytes } = this.superblock;
    if (block === 0 || block + count > blockCount) {
      this.fail(inodeNumber, `it refers to the invalid block ${block}`);
    }
    return plain(this.#source.read(block * blockBytes, count * blockBytes));
  }

  /**
   * Yields the extents of an inode in order, for both kinds of block map. Checks that they are
   * inside the file system, do not overlap, and have no more blocks than the file system.
   */
  *extents(inodeNumber: number, inode: StoredInode): Generator<StoredExtent> {
    const { blockCount } = this.superblock;
    let nextLogicalBlock = 0;
    let blocks = 0;
    try {
      for (const extent of this.#mappedExtents(inodeNumber, inode)) {
        if (extent.logicalBlock < nextLogicalBlock || extent.blockCount === 0) {
          this.fail(inodeNumber, 'its extents overlap or are out of order');
        }
        if (extent.physicalBlock === 0 || extent.physicalBlock + extent.blockCount > blockCount) {
          this.fail(inodeNumber, `it refers to the invalid block ${extent.physicalBlock}`);
        }
        blocks += extent.blockCount;
        if (blocks > blockCount) this.fail(inodeNumber, 'it has more blocks than the whole file system');
        nextLogicalBlock = extent.logicalBlock + extent.blockCount;
        yield extent;
      }
    } catch (error) {
      if (error instanceof ExtentTreeError) this.fail(inodeNumber, error.message);
      throw error;
    }
  }

  #mappedExtents(inodeNumber: number, inode: StoredInode): Generator<StoredExtent> {
    const { blockCount, blockBytes } = this.superblock;
    let mapBlocks = 0;
    const readBlock = (block: number): Uint8Array => {
      if (++mapBlocks > blockCount)
        this.fail(inodeNumber, 'its block map has more blocks than the whole file system');
      return this.readBlocks(inodeNumber, block, 1);
    };
    if ((inode.flags & INODE_FLAGS.extents) !== 0) {
      const seed = this.seed === undefined ? undefined : inode.checksumSeed;
      return decodeExtentTree(inode.blockMap, readBlock, seed);
    }
    return decodeBlockMap(inode.blockMap, Math.ceil(inode.sizeBytes / blockBytes), blockBytes, readBlock);
  }

  /**
   * Returns all extents of a directory. Checks that they share no block, so that the names cannot
   * need more memory than the image has bytes.
   */
  directoryExtents(inodeNumber: number, inode: StoredInode): StoredExtent[] {
    const { blockBytes } = this.superblock;
    if (inode.sizeBytes > MAXIMUM_DIRECTORY_BYTES) {
      this.fail(inodeNumber, `the directory has ${inode.sizeBytes} bytes; up to 2 GiB are supported`);
    }
    const extents: StoredExtent[] = [];
    for (const extent of this.extents(inodeNumber, inode)) {
      const left = Math.ceil(inode.sizeBytes / blockBytes) - extent.logicalBlock;
      if (left <= 0) this.fail(inodeNumber, 'the directory has blocks after its end');
      extents.push({ ...extent, blockCount: Math.min(extent.blockCount, left) });
    }
    const byBlock = extents.toSorted((left, right) => left.physicalBlock - right.physicalBlock);
    byBlock.forEach((extent, index) => {
      const next = byBlock[index + 1];
      if (next !== undefined && extent.physicalBlock + extent.blockCount > next.physicalBlock) {
        this.fail(inodeNumber, `the directory has block ${next.physicalBlock} twice`);
      }
    });
    return extents;
  }
}

export function isDirectory(inode: StoredInode): boolean {
  return (inode.mode & MODE.mask) === MODE.directory;
}
