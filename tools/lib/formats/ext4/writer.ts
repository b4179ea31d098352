/** Writes an ext4 file system in one pass: content directly to its place, then the metadata. */

import type { BlockSink } from '../block/block.ts';
import type { Entry, FileEntry } from '../entry/entry.ts';
import { MODE } from '../entry/linux-types.ts';
import { encodeName, nameBytes, printableName } from '../entry/name.ts';
import { UserError } from '../error/user-error.ts';
import { BlockAllocator, type BlockRun, ExtentPool } from './allocator.ts';
import { appendExtent, FileContent } from './content.ts';
import { blockNumbers, directoryContent } from './directory-content.ts';
import { entryInode, type MappedContents, SECTORS_PER_BLOCK } from './entry-inode.ts';
import { type ExtentList, encodeExtentTree } from './extents.ts';
import { INODE_FLAGS } from './format-inode.ts';
import { BLOCK_BYTES, type Geometry } from './geometry.ts';
import { type JournalInode, writeGroupMetadata } from './group-writer.ts';
import { hashStart } from './htree-hash.ts';
import { encodeInode, type Inode, inodeChecksumSeed, JOURNAL_INODE } from './inode.ts';
import { InodeTableWriter } from './inode-table.ts';
import { encodeJournalSuperblock } from './journal.ts';
import { journalBlocks, minimumTreeSizeBytes, planTreeGeometry, wantedInodes } from './minimum.ts';
import { buildTree, type Tree } from './numbered-tree.ts';
import { type CheckedOptions, checkOptions, type Ext4Options, type Ext4Summary } from './options.ts';
import {
  countDirectoryBlocks,
  type DirectoryBlocks,
  isBlockSymlink,
  placeEntryXattrs,
  type SharedXattrBlocks,
  shareXattrBlocks,
} from './plan.ts';
import { checksumSeed } from './superblock.ts';
import { WriteBuffer } from './write-buffer.ts';
import { encodeBodyXattrs, encodeXattrBlock } from './xattr.ts';

const JOURNAL_MODE = MODE.file | 0o600;
const CONTENT_OPEN = 1;
const CONTENT_CLOSED = 2;

/** Takes the content of one regular file. */
export type Ext4File = Pick<FileContent, 'write' | 'skip' | 'close'>;

export class Ext4Writer {
  readonly #sink: BlockSink;
  readonly #options: CheckedOptions;
  readonly #tree: Tree;
  readonly #geometry: Geometry;
  readonly #allocator: BlockAllocator;
  readonly #buffer: WriteBuffer;
  readonly #seed: number;
  readonly #pool = new ExtentPool();
  /** By entry: the position of its first extent in the pool, and the number of its extents. */
  readonly #firstExtents: Uint32Array;
  readonly #extentCounts: Uint32Array;
  /** By entry: CONTENT_OPEN or CONTENT_CLOSED; 0 before the file is opened. */
  readonly #contentStates: Uint8Array;
  readonly #sharedXattrs: SharedXattrBlocks;
  readonly #xattrBlockNumbers: number[] = [];
  /** By entry: the blocks of a directory. */
  readonly #directoryBlocks = new Map<number, DirectoryBlocks>();
  readonly #journalExtents: number[] = [];
  #isTreeWritten = false;
  #isFinished = false;

  /**
   * Checks the tree and places everything except the content of files.
   *
   * @param sink the image; regions that are never written must read as zeros
   * @param entries the whole tree, sorted by path; a missing root becomes `rwxr-xr-x root:root`
   * @throws UserError if ext4 does not support the tree, or if the tree does not fit in the size
   */
  constructor(sink: BlockSink, entries: readonly Entry[], options: Ext4Options) {
    this.#sink = sink;
    this.#options = checkOptions(options);
    this.#tree = buildTree(entries);
    this.#geometry = planTreeGeometry(this.#tree, this.#options);
    const { dataBlocks, inodeCount } = this.#geometry;
    if (dataBlocks < 0 || inodeCount < wantedInodes(this.#tree, this.#options)) this.full();
    this.#allocator = new BlockAllocator(this.#geometry);
    this.#buffer = new WriteBuffer(sink);
    this.#seed = checksumSeed(this.#options.uuid);
    this.#firstExtents = new Uint32Array(this.#tree.entries.length);
    this.#extentCounts = new Uint32Array(this.#tree.entries.length);
    this.#contentStates = new Uint8Array(this.#tree.entries.length);
    this.#sharedXattrs = shareXattrBlocks(this.#tree);
    this.#placeTree();
  }

  /** Allocates the blocks of everything except the content of files. */
  #placeTree(): void {
    const start = hashStart(this.#options.hashSeed);
    const { entries } = this.#tree;
    this.#journalExtents.push(...this.#allocate(journalBlocks(this.#options)));
    entries.forEach((entry, index) => {
      if (entry.type !== 'directory') return;
      const blocks = countDirectoryBlocks(this.#tree, index, start);
      this.#directoryBlocks.set(index, blocks);
      this.#keepExtents(index, this.#allocate(blocks.count));
    });
    entries.forEach((entry, index) => {
      if (isBlockSymlink(entry)) this.#keepExtents(index, this.#allocate(1));
    });
    for (const _ of this.#sharedXattrs.blocks) this.#xattrBlockNumbers.push(this.#allocateBlock());
  }

  /**
   * Writes the blocks of everything except the content of files. Callers may call it while other
   * threads copy contents. Otherwise {@link finish} calls it.
   */
  writeTree(): void {
    if (this.#isTreeWritten) return;
    this.#isTreeWritten = true;
    this.#writeJournal();
    for (const [index, blocks] of this.#directoryBlocks) this.#writeDirectory(index, blocks);
    this.#writeSymlinks();
    this.#writeXattrBlocks();
    this.#buffer.flush();
  }

  /**
   * Opens the regular file at `path` for writing its content. Open each file that is not empty
   * once, in any order. The order determines the places of the contents.
   */
  openFile(path: string): Ext4File {
    const index = this.#openIndex(path);
    return new FileContent(path, (this.#tree.entries[index] as FileEntry).sizeBytes, {
      allocator: this.#allocator,
      buffer: this.#buffer,
      full: () => this.full(),
      finished: (extents) => {
        this.#contentStates[index] = CONTENT_CLOSED;
        this.#keepExtents(index, extents);
      },
    });
  }

  /**
   * Returns the places for contents that the caller copies to the sink itself. The caller must copy
   * the blocks with data in order and leave out blocks of zeros, as {@link openFile} does, and then
   * report the copied blocks to {@link placeFile}.
   */
  get freeRuns(): readonly BlockRun[] {
    return this.#allocator.freeRuns();
  }

  /**
   * Assigns the next blocks of {@link freeRuns} to the blocks of a file that hold data.
   *
   * @param runs the logical block and count of each run of the file's blocks, ascending; other
   * blocks are holes
   * @param dataBits one bit per block of the runs, from `firstBit`; set if the block holds data
   * @returns the number of bits that belong to the file
   */
  placeFile(path: string, runs: readonly number[], dataBits: Uint8Array, firstBit: number): number {
    const index = this.#openIndex(path);
    const extents: number[] = [];
    let bit = firstBit;
    for (let run = 0; run < runs.length; run += 2) {
      const end = bit + (runs[run + 1] as number);
      const logicalOfBit = (runs[run] as number) - bit;
      while (bit < end) {
        if (!isBitSet(dataBits, bit)) {
          bit++;
          continue;
        }
        const start = bit;
        while (bit < end && isBitSet(dataBits, bit)) bit++;
        this.#allocateTo(extents, start + logicalOfBit, bit - start);
      }
    }
    this.#contentStates[index] = CONTENT_CLOSED;
    this.#keepExtents(index, extents);
    return bit - firstBit;
  }

  /**
   * Writes the remaining metadata: extents, inodes, bitmaps, superblocks. All files must be closed.
   */
  finish(): Ext4Summary {
    if (this.#isFinished) throw new Error('the file system is already finished');
    this.#isFinished = true;
    this.writeTree();
    this.#checkContent();
    const { journal, directoryCounts } = this.#writeInodes();
    this.#buffer.flush();
    const { blockCount, dataBlocks, inodeCount } = this.#geometry;
    const freeBlocks = dataBlocks - this.#allocator.allocatedBlocks;
    const usedInodes = this.#tree.lastInode;
    writeGroupMetadata(
      this.#sink,
      this.#geometry,
      this.#options,
      {
        nextBlock: this.#allocator.nextBlock,
        lastInode: usedInodes,
        directoryCounts,
        freeBlockCount: freeBlocks,
      },
      journal,
    );
    return {
      blockBytes: BLOCK_BYTES,
      blockCount,
      usedBlocks: blockCount - freeBlocks,
      freeBlocks,
      inodeCount,
      usedInodes,
      freeInodes: inodeCount - usedInodes,
    };
  }

  #openIndex(path: string): number {
    const index = this.#tree.indexes.get(path);
    const entry = index === undefined ? undefined : this.#tree.entries[index];
    if (index === undefined || entry?.type !== 'file') throw new Error(`${path} is not a file of the tree`);
    if (this.#contentStates[index] !== 0) throw new Error(`${path} was already opened`);
    this.#contentStates[index] = CONTENT_OPEN;
    return index;
  }

  /** Throws the error for a file system that is too small for the tree. */
  full(): never {
    const sizeBytes = this.#options.sizeBlocks * BLOCK_BYTES;
    const neededBytes = minimumTreeSizeBytes(this.#tree, this.#options);
    const { label } = this.#options;
    const title = `the ext4 file system ${label === '' ? '' : `"${label}" `}of ${sizeBytes} bytes`;
    if (neededBytes <= sizeBytes) {
      throw new UserError(
        `${title} is full, because its files were written alternately and have many fragments; ` +
          'write one file after the other',
      );
    }
    throw new UserError(
      `${title} is ${neededBytes - sizeBytes} bytes too small; make it ${neededBytes}, or put less into it`,
    );
  }

  #keepExtents(index: number, extents: readonly number[]): void {
    this.#firstExtents[index] = this.#pool.length;
    this.#extentCounts[index] = extents.length / 3;
    for (let offset = 0; offset < extents.length; offset += 3) {
      this.#pool.add(extents[offset] as number, extents[offset + 1] as number, extents[offset + 2] as number);
    }
  }

  #extents(index: number): ExtentList {
    return this.#pool.list(this.#firstExtents[index] as number, this.#extentCounts[index] as number);
  }

  /**
   * Allocates the logical blocks `[0, count)`. Returns the extents as {@link appendExtent} does.
   */
  #allocate(count: number): number[] {
    const extents: number[] = [];
    this.#allocateTo(extents, 0, count);
    return extents;
  }

  #allocateTo(extents: number[], logicalBlock: number, count: number): void {
    for (let done = 0; done < count; ) {
      const run = this.#allocator.allocate(count - done) ?? this.full();
      appendExtent(extents, logicalBlock + done, run.start, run.count);
      done += run.count;
    }
  }

  #allocateBlock(): number {
    return (this.#allocator.allocate(1) ?? this.full()).start;
  }

  #writeBlock(block: number, bytes: Uint8Array): void {
    this.#buffer.write(block * BLOCK_BYTES, bytes, 0, bytes.length, BLOCK_BYTES);
  }

  #writeJournal(): void {
    const count = journalBlocks(this.#options);
    if (count === 0) return;
    this.#writeBlock(this.#journalExtents[1] as number, encodeJournalSuperblock(count, BLOCK_BYTES));
  }

  #writeDirectory(index: number, { plan }: DirectoryBlocks): void {
    const blocks = blockNumbers(this.#extents(index));
    for (const bytes of directoryContent(this.#tree, index, plan, this.#options.hashSeed, this.#seed)) {
      this.#writeBlock(blocks.next().value as number, bytes);
    }
  }

  #writeSymlinks(): void {
    this.#tree.entries.forEach((entry, index) => {
      if (entry.type !== 'symlink' || !isBlockSymlink(entry)) return;
      this.#writeBlock(this.#extents(index).physicalBlock(0), encodeName(entry.target));
    });
  }

  #writeXattrBlocks(): void {
    this.#sharedXattrs.blocks.forEach(({ owner, references }, position) => {
      const { block } = placeEntryXattrs(this.#tree.entries[owner] as Entry);
      const number = this.#xattrBlockNumbers[position] as number;
      this.#writeBlock(number, encodeXattrBlock(block, BLOCK_BYTES, number, references, this.#seed));
    });
  }

  #checkContent(): void {
    this.#tree.entries.forEach((entry, index) => {
      if (entry.type !== 'file') return;
      const state = this.#contentStates[index];
      if (state === CONTENT_OPEN) throw new Error(`${entry.path} is still open`);
      if (state === 0 && entry.sizeBytes > 0) {
        throw new UserError(
          `/${printableName(entry.path)}: none of its ${entry.sizeBytes} bytes of content were written`,
        );
      }
    });
  }

  #writeInodes(): { journal: JournalInode | undefined; directoryCounts: Uint32Array } {
    const tables = new InodeTableWriter(this.#sink, this.#geometry);
    const directoryCounts = new Uint32Array(this.#geometry.groupCount);
    let journal: JournalInode | undefined;
    this.#tree.entries.forEach((entry, index) => {
      if (entry.type === 'hardlink') return;
      const inodeNumber = this.#tree.inodes[index] as number;
      const slot = tables.slot(inodeNumber);
      if (entry.xattrs.size > 0) encodeBodyXattrs(slot, placeEntryXattrs(entry).body);
      this.#encodeInode(slot, inodeNumber, this.#inode(entry, index, inodeNumber));
      if (entry.type === 'directory') {
        const group = Math.floor((inodeNumber - 1) / this.#geometry.inodesPerGroup);
        directoryCounts[group] = (directoryCounts[group] as number) + 1;
      }
      // The number of the journal's inode is between those of the root and of all other inodes.
      if (index === 0) journal = this.#writeJournalInode(tables);
    });
    tables.flush();
    return { journal, directoryCounts };
  }

  #encodeInode(slot: Uint8Array, inodeNumber: number, inode: Inode): void {
    encodeInode(slot, inode, this.#options.timeSeconds, inodeChecksumSeed(this.#seed, inodeNumber));
  }

  #writeJournalInode(tables: InodeTableWriter): JournalInode | undefined {
    if (this.#journalExtents.length === 0) return undefined;
    const pool = ExtentPool.of(this.#journalExtents);
    const contents = this.#contents(pool, 0, pool.length, JOURNAL_INODE);
    const sizeBytes = journalBlocks(this.#options) * BLOCK_BYTES;
    this.#encodeInode(tables.slot(JOURNAL_INODE), JOURNAL_INODE, {
      mode: JOURNAL_MODE,
      uid: 0,
      gid: 0,
      linkCount: 1,
      sizeBytes,
      sectorCount: contents.blocks * SECTORS_PER_BLOCK,
      flags: INODE_FLAGS.extents,
      blockMap: contents.blockMap,
      xattrBlock: 0,
    });
    return { blockMap: contents.blockMap, sizeBytes };
  }

  /** Encodes a file's extents. Returns i_block and the number of blocks of data and extent tree. */
  #contents(pool: ExtentPool, first: number, length: number, inodeNumber: number): MappedContents {
    const extents = pool.list(first, length);
    let blocks = 0;
    for (let index = 0; index < length; index++) blocks += extents.blockCount(index);
    const inodeSeed = inodeChecksumSeed(this.#seed, inodeNumber);
    const blockMap = encodeExtentTree(extents, BLOCK_BYTES, inodeSeed, (bytes) => {
      blocks++;
      const block = this.#allocateBlock();
      this.#writeBlock(block, bytes);
      return block;
    });
    return { blockMap, blocks };
  }

  #inode(entry: Entry, index: number, inodeNumber: number): Inode {
    const position = this.#sharedXattrs.blockOf.get(index);
    return entryInode(entry, {
      linkCount: this.#tree.linkCounts[index] as number,
      xattrBlock: position === undefined ? 0 : (this.#xattrBlockNumbers[position] as number),
      sizeBytes: this.#sizeBytes(entry, index),
      isIndexed: this.#directoryBlocks.get(index)?.plan?.index !== undefined,
      mapContents: () => {
        const first = this.#firstExtents[index] as number;
        return this.#contents(this.#pool, first, this.#extentCounts[index] as number, inodeNumber);
      },
    });
  }

  #sizeBytes(entry: Entry, index: number): number {
    if (entry.type === 'file') return entry.sizeBytes;
    if (entry.type === 'symlink') return nameBytes(entry.target);
    return (this.#directoryBlocks.get(index)?.count ?? 0) * BLOCK_BYTES;
  }
}

function isBitSet(bits: Uint8Array, bit: number): boolean {
  return ((bits[bit >>> 3] as number) & (1 << (bit & 7))) !== 0;
}
