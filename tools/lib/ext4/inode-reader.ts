/** Superblock, group descriptors and inodes of an existing file system. */
import type { BlockSource } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import { decodeExtentTree, ExtentTreeError, type StoredExtent } from './extents.ts';
import { decodeInodeTable, isDescriptorIntact } from './group.ts';
import { decodeInode, INODE_FLAGS, type StoredInode } from './inode.ts';
import {
  decodeSuperblock,
  INCOMPAT,
  RO_COMPAT,
  STATE,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET_BYTES,
  type Superblock,
} from './superblock.ts';

/** s_feature_incompat that reading copes with. */
const READABLE_INCOMPAT =
  INCOMPAT.filetype |
  INCOMPAT.extents |
  INCOMPAT.bit64 |
  INCOMPAT.flexBg |
  INCOMPAT.csumSeed |
  INCOMPAT.largeDir;
/** Inodes are read through a window of this size. */
const WINDOW_BYTES = 1 << 16;
const MINIMUM_INODE_BYTES = 128;
const MINIMUM_DESCRIPTOR_BYTES = 32;
const MAXIMUM_DESCRIPTOR_BYTES = 1024;

/** Refuses what cannot be read, or what a recovery would change. */
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
  const unknown = incompat & ~READABLE_INCOMPAT;
  if (unknown !== 0) fail(`it has features that are not supported (incompatible 0x${unknown.toString(16)})`);
  const { inodeBytes, blockBytes, descriptorBytes, blocksPerGroup, inodesPerGroup, blockCount } = superblock;
  const isSane =
    inodeBytes >= MINIMUM_INODE_BYTES &&
    inodeBytes <= blockBytes &&
    (inodeBytes & (inodeBytes - 1)) === 0 &&
    descriptorBytes >= MINIMUM_DESCRIPTOR_BYTES &&
    descriptorBytes <= MAXIMUM_DESCRIPTOR_BYTES &&
    blocksPerGroup > 0 &&
    blocksPerGroup <= blockBytes * 8 &&
    inodesPerGroup > 0 &&
    blockCount > superblock.firstDataBlock;
  if (!isSane) fail('its superblock contradicts itself');
  if (blockCount * blockBytes > sourceBytes) {
    fail(`it is cut off: it has ${blockCount * blockBytes} bytes, and only ${sourceBytes} are there`);
  }
}

/** The same bytes as a plain array: a Buffer's `slice` would share memory where this code wants a copy. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Reads inodes and the blocks that they map. */
export class InodeReader {
  readonly superblock: Superblock;
  readonly #source: BlockSource;
  readonly #name: string;
  readonly #inodeTables: Float64Array;
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
    checkSuperblock(superblock, source.sizeBytes, (problem) => this.fail(undefined, problem));
    this.superblock = superblock;
    this.#inodeTables = this.#readInodeTables();
  }

  /** The seed of checksums, or `undefined` where the file system has none. */
  get seed(): number | undefined {
    const { roCompat, checksumSeed } = this.superblock;
    return (roCompat & RO_COMPAT.metadataCsum) === 0 ? undefined : checksumSeed;
  }

  /** Throws the error for a broken inode, or for the whole file system. */
  fail(inodeNumber: number | undefined, problem: string): never {
    const where = inodeNumber === undefined ? '' : `inode ${inodeNumber}: `;
    throw new UserError(`${this.#name}: ${where}${problem}`);
  }

  #readInodeTables(): Float64Array {
    const { blockCount, firstDataBlock, blocksPerGroup, descriptorBytes, blockBytes } = this.superblock;
    const groupCount = Math.ceil((blockCount - firstDataBlock) / blocksPerGroup);
    const offsetBytes = (firstDataBlock + 1) * blockBytes;
    if (offsetBytes + groupCount * descriptorBytes > this.#source.sizeBytes) {
      this.fail(undefined, 'its superblock contradicts itself');
    }
    const table = plain(this.#source.read(offsetBytes, groupCount * descriptorBytes));
    return Float64Array.from({ length: groupCount }, (_, group) => {
      const bytes = table.subarray(group * descriptorBytes, (group + 1) * descriptorBytes);
      if (this.seed !== undefined && !isDescriptorIntact(bytes, group, this.seed)) {
        this.fail(undefined, `the descriptor of block group ${group} does not match its checksum`);
      }
      return decodeInodeTable(bytes);
    });
  }

  inode(inodeNumber: number): StoredInode {
    const { inodeCount, inodesPerGroup, inodeBytes, blockBytes } = this.superblock;
    const table = this.#inodeTables[Math.floor((inodeNumber - 1) / inodesPerGroup)];
    if (inodeNumber < 1 || inodeNumber > inodeCount || table === undefined) {
      this.fail(inodeNumber, 'there is no such inode');
    }
    const offsetBytes = table * blockBytes + ((inodeNumber - 1) % inodesPerGroup) * inodeBytes;
    const inode = decodeInode(this.#readWindow(offsetBytes, inodeBytes), inodeNumber, this.seed);
    return inode ?? this.fail(inodeNumber, 'it does not match its checksum');
  }

  /** Bytes of the image, through a window that serves neighbours too. */
  #readWindow(offsetBytes: number, lengthBytes: number): Uint8Array {
    let start = offsetBytes - this.#windowStartBytes;
    if (start < 0 || start + lengthBytes > this.#window.length) {
      this.#windowStartBytes = offsetBytes - (offsetBytes % WINDOW_BYTES);
      start = offsetBytes - this.#windowStartBytes;
      const length = Math.min(WINDOW_BYTES, this.#source.sizeBytes - this.#windowStartBytes);
      if (length < start + lengthBytes) this.fail(undefined, 'an inode table lies past its end');
      this.#window = plain(this.#source.read(this.#windowStartBytes, length));
    }
    return this.#window.subarray(start, start + lengthBytes);
  }

  readBlocks(inodeNumber: number, block: number, count: number): Uint8Array {
    const { blockCount, blockBytes } = this.superblock;
    if (block === 0 || block + count > blockCount)
      this.fail(inodeNumber, `it has block ${block}, which is none`);
    return plain(this.#source.read(block * blockBytes, count * blockBytes));
  }

  /** The extents of an inode, in order and checked not to overlap. */
  *extents(inodeNumber: number, inode: StoredInode): Generator<StoredExtent> {
    if ((inode.flags & INODE_FLAGS.extents) === 0) {
      if (inode.sectorCount === 0) return;
      this.fail(inodeNumber, 'its blocks are not mapped by extents, which is not supported');
    }
    const seed = this.seed === undefined ? undefined : inode.checksumSeed;
    let nextBlock = 0;
    try {
      for (const extent of decodeExtentTree(
        inode.blockMap,
        (block) => this.readBlocks(inodeNumber, block, 1),
        seed,
      )) {
        if (extent.logicalBlock < nextBlock || extent.blockCount === 0) {
          this.fail(inodeNumber, 'its extents overlap or are out of order');
        }
        nextBlock = extent.logicalBlock + extent.blockCount;
        yield extent;
      }
    } catch (error) {
      if (error instanceof ExtentTreeError) this.fail(inodeNumber, error.message);
      throw error;
    }
  }
}
