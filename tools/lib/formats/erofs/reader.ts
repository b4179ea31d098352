/** Reads EROFS images of this writer and of mkfs.erofs. */
import type { BlockSource } from '../block/block.ts';
import { baseName, type Entry, parentPath } from '../entry/entry.ts';
import { inodeEntry } from '../entry/inode-entry.ts';
import { FILE_TYPE, MODE } from '../entry/linux-types.ts';
import { decodeName } from '../entry/name.ts';
import type { TreeReader, TreeRecord } from '../entry/tree-reader.ts';
import { TreeWalk } from '../entry/walk.ts';
import type { DataRun } from './data-map.ts';
import { decompressExtent } from './decompress.ts';
import { readDirectory } from './directory-reader.ts';
import { INCOMPATIBLE } from './format.ts';
import { decodeDevice } from './inode.ts';
import { InodeReader, type PlacedInode } from './inode-reader.ts';
import { DataMapError } from './mapped-inode.ts';
import type { ErofsSuperblock } from './superblock.ts';

/** The largest size of the pieces of {@link ErofsReader.readFile}. */
const PIECE_BYTES = 1 << 20;
const ZEROS = new Uint8Array(PIECE_BYTES);
/** Linux does not read longer targets. */
const MAXIMUM_TARGET_BYTES = 4096;

/** One name in the file system. */
export interface ErofsRecord extends TreeRecord {
  /** The number of the inode, which is its slot. */
  readonly nid: number;
}

/** A part of a file that is stored. The bytes between such parts read as zeros. */
export interface DataRange {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

interface Step {
  /** Sorts steps in path order: the name; that of a descent ends with a slash. */
  readonly key: Uint8Array;
  readonly name: string;
  readonly nid: number;
  /** The directory that has the name. */
  readonly directoryNid: number;
  readonly isDirectory: boolean;
  readonly isDescent: boolean;
}

function isDirectory(inode: PlacedInode): boolean {
  return (inode.mode & MODE.mask) === MODE.directory;
}

export class ErofsReader implements TreeReader {
  readonly #inodes: InodeReader;
  /** The directory of the last lookup: callers often look up neighbours. */
  #lastDirectory: { readonly path: string; readonly nids: ReadonlyMap<string, number> } | undefined;

  constructor(source: BlockSource, name: string) {
    this.#inodes = new InodeReader(source, name);
  }

  get superblock(): ErofsSuperblock {
    return this.#inodes.superblock;
  }

  /** Yields every name in path order, the root first. */
  *walk(): Generator<ErofsRecord> {
    const { rootNid } = this.superblock;
    const firstPaths = new Map<number, string>();
    const visited = new Set<number>([rootNid]);
    const root = this.#inodes.inode(rootNid);
    if (!isDirectory(root)) this.#inodes.fail(rootNid, 'the root is not a directory');
    yield this.#record('', root, firstPaths);
    const walk = new TreeWalk<Step>();
    walk.enter('', this.#steps(root, rootNid));
    for (const { path, step } of walk.steps()) {
      const inode = this.#inodes.inode(step.nid);
      if (isDirectory(inode) !== step.isDirectory)
        this.#inodes.fail(step.nid, `/${path} has another type than its directory says`);
      if (!step.isDescent) {
        yield this.#record(path, inode, firstPaths);
        continue;
      }
      if (visited.has(step.nid)) this.#inodes.fail(step.nid, 'the directory has two names');
      visited.add(step.nid);
      walk.enter(path, this.#steps(inode, step.directoryNid));
    }
  }

  /**
   * Finds the inode of `path`, without following symbolic links.
   *
   * @returns its number, or `undefined` if the path does not exist
   */
  lookup(path: string): number | undefined {
    return path === '' ? this.superblock.rootNid : this.#children(parentPath(path))?.get(baseName(path));
  }

  /**
   * Yields the content of a regular file in pieces of at most 1 MiB, holes as zeros.
   *
   * @param file its path or its nid; the caller must not change the pieces
   */
  *readFile(file: string | number): Generator<Uint8Array> {
    const inode = this.#open(file);
    for (const run of this.#inodes.runs(inode)) yield* this.#readRun(inode, run);
  }

  /** Yields the stored parts of a regular file, in order. */
  *dataRanges(file: string | number): Generator<DataRange> {
    for (const { kind, positionBytes, lengthBytes } of this.#inodes.runs(this.#open(file))) {
      if (kind !== 'hole') yield { offsetBytes: positionBytes, lengthBytes };
    }
  }

  #open(file: string | number): PlacedInode {
    const nid = typeof file === 'number' ? file : this.lookup(file);
    const inode = nid === undefined ? undefined : this.#inodes.inode(nid);
    if (inode === undefined || (inode.mode & MODE.mask) !== MODE.file)
      throw new Error(`${file} is not a regular file`);
    return inode;
  }

  *#readRun(inode: PlacedInode, run: DataRun): Generator<Uint8Array> {
    const content = run.kind === 'compressed' ? this.#decompress(inode, run) : undefined;
    for (let done = 0; done < run.lengthBytes; done += PIECE_BYTES) {
      const count = Math.min(PIECE_BYTES, run.lengthBytes - done);
      if (run.kind === 'hole') yield ZEROS.subarray(0, count);
      else if (run.kind === 'stored') yield this.#inodes.read(run.offsetBytes + done, count);
      else yield (content as Uint8Array).subarray(done, done + count);
    }
  }

  #decompress(inode: PlacedInode, run: Extract<DataRun, { kind: 'compressed' }>): Uint8Array {
    const hasPadding = (this.superblock.incompatible & INCOMPATIBLE.zeroPadding) !== 0;
    try {
      return decompressExtent(
        this.#inodes.read(run.extent.offsetBytes, run.extent.storedBytes),
        run.extent,
        hasPadding,
      );
    } catch (error) {
      if (error instanceof DataMapError) this.#inodes.fail(inode.nid, error.message);
      throw error;
    }
  }

  #children(path: string): ReadonlyMap<string, number> | undefined {
    if (this.#lastDirectory?.path === path) return this.#lastDirectory.nids;
    const nid = this.lookup(path);
    const inode = nid === undefined ? undefined : this.#inodes.inode(nid);
    if (inode === undefined || !isDirectory(inode)) return undefined;
    const entries = readDirectory(this.#inodes, inode, undefined);
    const nids = new Map(entries.map((entry) => [decodeName(entry.name), entry.nid]));
    this.#lastDirectory = { path, nids };
    return nids;
  }

  #steps(inode: PlacedInode, parentNid: number): Step[] {
    const steps: Step[] = [];
    let hasDescent = false;
    for (const { name: key, nid, fileType } of readDirectory(this.#inodes, inode, parentNid)) {
      const name = decodeName(key);
      const child = fileType === FILE_TYPE.directory;
      steps.push({ key, name, nid, directoryNid: inode.nid, isDirectory: child, isDescent: false });
      if (!child) continue;
      hasDescent = true;
      steps.push({
        key: Buffer.concat([key, Buffer.of(0x2f)]),
        name,
        nid,
        directoryNid: inode.nid,
        isDirectory: true,
        isDescent: true,
      });
    }
    return hasDescent ? steps.sort((left, right) => Buffer.compare(left.key, right.key)) : steps;
  }

  #record(path: string, inode: PlacedInode, firstPaths: Map<number, string>): ErofsRecord {
    const { nid, linkCount, seconds, nanoseconds } = inode;
    const entry = this.#entry(path, inode, firstPaths);
    if (!isDirectory(inode) && linkCount > 1 && entry.type !== 'hardlink') firstPaths.set(nid, path);
    return { entry, nid, linkCount, modificationTime: { seconds, nanoseconds } };
  }

  #entry(path: string, inode: PlacedInode, firstPaths: ReadonlyMap<number, string>): Entry {
    const { nid, mode, uid, gid } = inode;
    const xattrs = this.#inodes.xattrs(inode);
    const target = firstPaths.get(nid);
    if (target !== undefined) {
      return { path, mode: mode & ~MODE.mask, uid, gid, xattrs, type: 'hardlink', target };
    }
    return inodeEntry(
      { path, mode, uid, gid, xattrs },
      {
        sizeBytes: inode.sizeBytes,
        symlinkTarget: () => this.#symlinkTarget(inode),
        device: () => decodeDevice(inode.union),
        fail: (problem) => this.#inodes.fail(nid, problem),
      },
    );
  }

  #symlinkTarget(inode: PlacedInode): string {
    if (inode.sizeBytes === 0 || inode.sizeBytes > MAXIMUM_TARGET_BYTES)
      this.#inodes.fail(inode.nid, 'the symbolic link is broken');
    const parts: Uint8Array[] = [];
    for (const run of this.#inodes.runs(inode))
      for (const piece of this.#readRun(inode, run)) parts.push(Uint8Array.from(piece));
    const target = Buffer.concat(parts);
    if (target.includes(0)) this.#inodes.fail(inode.nid, 'the symbolic link is broken');
    return decodeName(target);
  }
}

/**
 * Opens an EROFS image.
 *
 * @param name of the image in error messages, for example its file name
 * @throws UserError if the image is damaged or not supported
 */
export function readErofs(source: BlockSource, name = 'the EROFS image'): ErofsReader {
  return new ErofsReader(source, name);
}
