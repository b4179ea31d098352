/** Writes an ext4 file system in one pass: content goes straight to its place, what describes it follows. */

import type { BlockSink } from '../block/block.ts';
import type { Entry, FileEntry } from '../entry/entry.ts';
import { MODE } from '../entry/linux-types.ts';
import { encodeName, nameBytes } from '../entry/name.ts';
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
import { type CheckedOptions, checkOptions, type Ext4Options } from './options.ts';
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

/** Takes the content of one regular file. */
export type Ext4File = Pick<FileContent, 'write' | 'skip' | 'close'>;

/** What a finished file system holds. */
export interface Ext4Summary {
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly usedBlocks: number;
  readonly freeBlocks: number;
  readonly inodeCount: number;
  readonly usedInodes: number;
  readonly freeInodes: number;
}

export class Ext4Writer {
  readonly #sink: BlockSink;
  readonly #options: CheckedOptions;
  readonly #tree: Tree;
  readonly #geometry: Geometry;
  readonly #allocator: BlockAllocator;
  readonly #buffer: WriteBuffer;
  readonly #seed: number;
  readonly #pool = new ExtentPool();
  /** By entry: where its extents begin in the pool, and how many there are. */
  readonly #firstExtents: Uint32Array;
  readonly #extentCounts: Uint32Array;
  /** By entry: 1 once content was opened, 2 once it was closed. */
  readonly #contentStates: Uint8Array;
  readonly #sharedXattrs: SharedXattrBlocks;
  readonly #xattrBlockNumbers: number[] = [];
  /** By entry. */
  readonly #directoryBlocks = new Map<number, DirectoryBlocks>();
  readonly #journalExtents: number[] = [];
  #isTreeWritten = false;
  #isFinished = false;

  /**
   * Checks the tree and finds a place for all of it but the content of its files.
   *
   * @param sink the image; what is not written to must read as zeros
   * @param entries the whole tree, sorted by path; the root is `rwxr-xr-x root:root` where it is not given
   * @throws UserError for a tree that ext4, or the size given, cannot hold
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

  /** Finds a place for everything but the content of files. */
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
   * Writes the blocks of everything but the content of files. {@link finish} does it where it was not done before: for callers that
   * have the time for it while others copy contents.
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
   * Opens the regular file at `path` to take its content. Each file that is not empty is opened once, in any order;
   * the order decides where content lies.
   */
  openFile(path: string): Ext4File {
    const index = this.#openIndex(path);
    return new FileContent(path, (this.#tree.entries[index] as FileEntry).sizeBytes, {
      allocator: this.#allocator,
      buffer: this.#buffer,
      full: () => this.full(),
      finished: (extents) => {
        this.#contentStates[index] = 2;
        this.#keepExtents(index, extents);
      },
    });
  }

  /**
   * Where the blocks of contents go that the caller copies to the sink by itself: those that hold data one after the other, blocks of
   * zeros left out, just as {@link openFile} would have put them. {@link placeFile} then says what was copied.
   */
  get freeRuns(): readonly BlockRun[] {
    return this.#allocator.freeRuns();
  }

  /**
   * Gives a file the next blocks of {@link freeRuns} for its blocks that hold data.
   *
   * @param runs of the file's blocks, ascending: logical block and count of each; what is in none is a hole
   * @param dataBits a bit for each block of the runs from `firstBit` on, set where it holds data
   * @returns how many bits the runs took
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
    this.#contentStates[index] = 2;
    this.#keepExtents(index, extents);
    return bit - firstBit;
  }

  /** Writes what describes the content: extents, inodes, bitmaps, superblocks. Every file must be closed. */
  finish(): Ext4Summary {
    if (this.#isFinished) throw new Error('the file system was finished before');
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
    if (index === undefined || entry?.type !== 'file') throw new Error(`${path} is no file of the tree`);
    if (this.#contentStates[index] !== 0) throw new Error(`${path} was opened before`);
    this.#contentStates[index] = 1;
    return index;
  }

  /** Throws the error for a tree that the file system has too few blocks for. */
  full(): never {
    const sizeBytes = this.#options.sizeBlocks * BLOCK_BYTES;
    const neededBytes = minimumTreeSizeBytes(this.#tree, this.#options);
    const { label } = this.#options;
    const title = `the ext4 file system ${label === '' ? '' : `"${label}" `}of ${sizeBytes} bytes`;
    if (neededBytes <= sizeBytes) {
      throw new UserError(
        `${title} is full, for its files were ` +
          'written in turns and fell into many pieces; write one after the other',
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

  /** Allocates blocks `0` to `count` of a file; @returns its extents as {@link appendExtent} makes them */
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
      if (state === 1) throw new Error(`${entry.path} is still open`);
      if (state === 0 && entry.sizeBytes > 0) {
        throw new UserError(`/${entry.path}: no content came for its ${entry.sizeBytes} bytes`);
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
      // The journal's inode comes between the root's and all others.
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

  /** Encodes a file's extents; @returns i_block, and all blocks of data and of the extent tree */
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
