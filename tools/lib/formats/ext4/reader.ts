/** Reads ext4 file systems of this writer and of mke2fs, also after Linux has changed them. */

import type { BlockSource } from '../block/block.ts';
import { baseName, type Entry, parentPath } from '../entry/entry.ts';
import { inodeEntry } from '../entry/inode-entry.ts';
import { MODE } from '../entry/linux-types.ts';
import { decodeName, printableName } from '../entry/name.ts';
import type { Timestamp, TreeReader, TreeRecord } from '../entry/tree-reader.ts';
import { TreeWalk } from '../entry/walk.ts';
import { ContentReader, type DataRange, PIECE_BYTES } from './content-reader.ts';
import { decodeDevice, ROOT_INODE, type StoredInode } from './inode.ts';
import { InodeReader, isDirectory } from './inode-reader.ts';
import type { Superblock } from './superblock.ts';

const ZEROS = new Uint8Array(PIECE_BYTES);
/** Linux opens paths of at most 4,096 bytes. Only a hostile image has a much longer path. */
const MAXIMUM_PATH_LENGTH = 65_536;

/** One name in the file system. */
export interface Ext4Record extends TreeRecord {
  readonly inodeNumber: number;
  /** The time of the last change to the inode. Kernels set it with every change. */
  readonly changeTime: Timestamp;
  /** The time of the inode's creation; `undefined` if inodes have no room for it. */
  readonly creationTime: Timestamp | undefined;
}

interface Step {
  /** Sorts steps in path order: the name; that of a descent ends with a slash. */
  readonly key: Buffer;
  readonly name: string;
  readonly inodeNumber: number;
  readonly isDescent: boolean;
}

/** The state of a walk. */
interface Progress {
  readonly directories: Set<number>;
  /** By inode number: the first path of a file with several names. */
  readonly firstPaths: Map<number, string>;
  directoryBlocks: number;
}

export class Ext4Reader implements TreeReader {
  readonly #inodes: InodeReader;
  readonly #content: ContentReader;
  /** The directory of the last lookup: callers often look up neighbours. */
  #lastDirectory: { readonly path: string; readonly inodeNumbers: ReadonlyMap<string, number> } | undefined;

  constructor(source: BlockSource, name: string) {
    this.#inodes = new InodeReader(source, name);
    this.#content = new ContentReader(this.#inodes);
  }

  get superblock(): Superblock {
    return this.#inodes.superblock;
  }

  /**
   * Yields every name in path order, the root first.
   *
   * @throws UserError if the file system is damaged
   */
  *walk(): Generator<Ext4Record> {
    const progress: Progress = { directories: new Set(), firstPaths: new Map(), directoryBlocks: 0 };
    const root = this.#inodes.inode(ROOT_INODE);
    if (!isDirectory(root)) this.#inodes.fail(ROOT_INODE, 'the root is not a directory');
    yield this.#record('', ROOT_INODE, root, progress);
    const walk = new TreeWalk<Step>();
    walk.enter('', this.#steps('', ROOT_INODE, root, progress));
    for (const { path, step } of walk.steps()) {
      const inode = this.#inodes.inode(step.inodeNumber);
      if (step.isDescent) walk.enter(path, this.#steps(path, step.inodeNumber, inode, progress));
      else yield this.#record(path, step.inodeNumber, inode, progress);
    }
  }

  /**
   * Finds the inode of `path`, without following symbolic links.
   *
   * @returns its number, or `undefined` if the path does not exist
   */
  lookup(path: string): number | undefined {
    return path === '' ? ROOT_INODE : this.#children(parentPath(path))?.get(baseName(path));
  }

  /**
   * Returns the inode numbers in a directory by name, or `undefined` if `path` is not a directory.
   */
  #children(path: string): ReadonlyMap<string, number> | undefined {
    if (this.#lastDirectory?.path === path) return this.#lastDirectory.inodeNumbers;
    const inodeNumber = this.lookup(path);
    const inode = inodeNumber === undefined ? undefined : this.#inodes.inode(inodeNumber);
    if (inodeNumber === undefined || inode === undefined || !isDirectory(inode)) return undefined;
    const { entries } = this.#content.directory(inodeNumber, inode);
    const inodeNumbers = new Map(entries.map((entry) => [decodeName(entry.name), entry.inode]));
    this.#lastDirectory = { path, inodeNumbers };
    return inodeNumbers;
  }

  /**
   * Yields the content of a regular file in pieces of at most 1 MiB, holes as zeros.
   *
   * @param file its path or its inode number; the caller must not change the pieces
   */
  *readFile(file: string | number): Generator<Uint8Array> {
    const { inodeNumber, inode } = this.#open(file);
    let position = 0;
    for (const { offsetBytes, bytes } of this.#content.pieces(inodeNumber, inode)) {
      yield* zeros(offsetBytes - position);
      yield bytes;
      position = offsetBytes + bytes.length;
    }
    yield* zeros(inode.sizeBytes - position);
  }

  /** Yields the parts of a regular file that hold data, in order. */
  *dataRanges(file: string | number): Generator<DataRange> {
    const { inodeNumber, inode } = this.#open(file);
    yield* this.#content.dataRanges(inodeNumber, inode);
  }

  #open(file: string | number): { inodeNumber: number; inode: StoredInode } {
    const inodeNumber = typeof file === 'number' ? file : this.lookup(file);
    const inode = inodeNumber === undefined ? undefined : this.#inodes.inode(inodeNumber);
    if (inodeNumber === undefined || inode === undefined || (inode.mode & MODE.mask) !== MODE.file) {
      throw new Error(`${file} is not a regular file`);
    }
    return { inodeNumber, inode };
  }

  /** Enters a directory and returns its steps. */
  #steps(path: string, inodeNumber: number, inode: StoredInode, progress: Progress): Step[] {
    if (progress.directories.has(inodeNumber)) {
      this.#inodes.fail(inodeNumber, 'the directory has two names');
    }
    progress.directories.add(inodeNumber);
    const { entries, blockCount } = this.#content.directory(inodeNumber, inode);
    progress.directoryBlocks += blockCount;
    if (progress.directoryBlocks > this.superblock.blockCount) {
      this.#inodes.fail(inodeNumber, 'the directory has blocks that belong to other directories');
    }
    const steps: Step[] = [];
    for (const entry of entries) {
      const key = Buffer.from(entry.name);
      const name = decodeName(entry.name);
      if (key.length === 0 || key.includes(0) || key.includes(0x2f)) {
        this.#inodes.fail(inodeNumber, `its entry "${printableName(name)}" has an impossible name`);
      }
      if (path.length + name.length >= MAXIMUM_PATH_LENGTH) {
        this.#inodes.fail(inodeNumber, `its path is over ${MAXIMUM_PATH_LENGTH} characters long`);
      }
      steps.push({ key, name, inodeNumber: entry.inode, isDescent: false });
      if (isDirectory(this.#inodes.inode(entry.inode))) {
        const descentKey = Buffer.concat([key, Buffer.of(0x2f)]);
        steps.push({ key: descentKey, name, inodeNumber: entry.inode, isDescent: true });
      }
    }
    steps.sort((left, right) => Buffer.compare(left.key, right.key));
    this.#checkUnique(inodeNumber, steps);
    return steps;
  }

  #checkUnique(inodeNumber: number, sorted: readonly Step[]): void {
    for (let index = 1; index < sorted.length; index++) {
      const step = sorted[index] as Step;
      if (step.key.equals((sorted[index - 1] as Step).key)) {
        this.#inodes.fail(inodeNumber, `it has the name "${printableName(step.name)}" twice`);
      }
    }
  }

  #record(path: string, inodeNumber: number, inode: StoredInode, { firstPaths }: Progress): Ext4Record {
    const { linkCount, changeTime, modificationTime, creationTime } = inode;
    const entry = this.#entry(path, inodeNumber, inode, firstPaths);
    if (!isDirectory(inode) && linkCount > 1 && entry.type !== 'hardlink') firstPaths.set(inodeNumber, path);
    return { entry, inodeNumber, linkCount, changeTime, modificationTime, creationTime };
  }

  #entry(
    path: string,
    inodeNumber: number,
    inode: StoredInode,
    firstPaths: ReadonlyMap<number, string>,
  ): Entry {
    const { mode, uid, gid, sizeBytes } = inode;
    const xattrs = this.#content.xattrs(inodeNumber, inode);
    const target = firstPaths.get(inodeNumber);
    if (target !== undefined) {
      return { path, mode: mode & ~MODE.mask, uid, gid, xattrs, type: 'hardlink', target };
    }
    return inodeEntry(
      { path, mode, uid, gid, xattrs },
      {
        sizeBytes,
        symlinkTarget: () => decodeName(this.#content.symlinkTarget(inodeNumber, inode)),
        device: () => decodeDevice(inode.blockMap),
        fail: (problem) => this.#inodes.fail(inodeNumber, problem),
      },
    );
  }
}

function* zeros(lengthBytes: number): Generator<Uint8Array> {
  for (let done = 0; done < lengthBytes; done += PIECE_BYTES) {
    yield ZEROS.subarray(0, Math.min(PIECE_BYTES, lengthBytes - done));
  }
}

/**
 * Opens an ext2, ext3 or ext4 file system.
 *
 * The reader keeps in memory one window of inodes, one block of descriptors, the names in the
 * directories on the way to the current one, and the first paths of files with several names. This
 * is never more than the metadata of the image.
 *
 * @param name of the image in error messages, for example its file name
 * @throws UserError if the file system is damaged or not supported, or if its journal has to be
 *   replayed
 */
export function readExt4(source: BlockSource, name = 'the ext4 file system'): Ext4Reader {
  return new Ext4Reader(source, name);
}
