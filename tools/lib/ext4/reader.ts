/** Reads ext4 file systems: those of this project's writer, and those that Linux has changed. */
import type { BlockSource } from '../block/block.ts';
import { type Entry, type EntryMetadata, NO_XATTRS, type Xattrs } from '../entry/entry.ts';
import { decodeName, encodeName } from '../entry/name.ts';
import type { Timestamp, TreeReader, TreeRecord } from '../entry/tree-reader.ts';
import { type DirectoryEntry, DirectoryError, decodeBlock } from './directory.ts';
import { BLOCK_MAP_BYTES, decodeDevice, INODE_FLAGS, MODE, ROOT_INODE, type StoredInode } from './inode.ts';
import { InodeReader } from './inode-reader.ts';
import type { Superblock } from './superblock.ts';
import { decodeBodyXattrs, decodeXattrBlock, XattrError } from './xattr.ts';

/** Pieces that {@link Ext4Reader.readFile} gives are not larger. */
const PIECE_BYTES = 1 << 20;
const ZEROS = new Uint8Array(PIECE_BYTES);

/** One name of a file system. */
export interface Ext4Record extends TreeRecord {
  readonly inodeNumber: number;
  /** When the inode was changed last; a kernel sets it with every change. */
  readonly changeTime: Timestamp;
}

/** Part of a file that holds data; what lies between such parts reads as zeros. */
export interface DataRange {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** One directory on the way of {@link Ext4Reader.walk}. */
interface Visit {
  readonly path: string;
  /** In the order of whole paths: a directory's content comes where its name and a slash sort. */
  readonly steps: readonly Step[];
  next: number;
}

interface Step {
  readonly key: Buffer;
  readonly name: string;
  readonly inodeNumber: number;
  readonly isDescent: boolean;
}

function isDirectory(inode: StoredInode): boolean {
  return (inode.mode & MODE.mask) === MODE.directory;
}

export class Ext4Reader implements TreeReader {
  readonly #inodes: InodeReader;
  /** The block of attributes read last: neighbours often share one. */
  #lastXattrs: { block: number; xattrs: [string, Uint8Array][] } | undefined;

  constructor(source: BlockSource, name: string) {
    this.#inodes = new InodeReader(source, name);
  }

  get superblock(): Superblock {
    return this.#inodes.superblock;
  }

  /**
   * Yields every name in path order, the root first.
   *
   * @throws UserError where the file system is damaged
   */
  *walk(): Generator<Ext4Record> {
    const firstPaths = new Map<number, string>();
    const visited = new Set<number>([ROOT_INODE]);
    const root = this.#inodes.inode(ROOT_INODE);
    if (!isDirectory(root)) this.#inodes.fail(ROOT_INODE, 'the root is no directory');
    yield this.#record('', ROOT_INODE, root, firstPaths);
    const visits: Visit[] = [{ path: '', steps: this.#steps(ROOT_INODE, root), next: 0 }];
    for (let visit = visits.at(-1); visit !== undefined; visit = visits.at(-1)) {
      const step = visit.steps[visit.next++];
      if (step === undefined) {
        visits.pop();
        continue;
      }
      const path = visit.path === '' ? step.name : `${visit.path}/${step.name}`;
      const inode = this.#inodes.inode(step.inodeNumber);
      if (!step.isDescent) {
        yield this.#record(path, step.inodeNumber, inode, firstPaths);
        continue;
      }
      if (visited.has(step.inodeNumber)) this.#inodes.fail(step.inodeNumber, 'the directory has two names');
      visited.add(step.inodeNumber);
      visits.push({ path, steps: this.#steps(step.inodeNumber, inode), next: 0 });
    }
  }

  /** The inode number of `path`, which may not go through symbolic links; `undefined` where nothing is there. */
  lookup(path: string): number | undefined {
    let inodeNumber = ROOT_INODE;
    for (const component of path === '' ? [] : path.split('/')) {
      const inode = this.#inodes.inode(inodeNumber);
      if (!isDirectory(inode)) return undefined;
      const name = encodeName(component);
      const found = this.#directoryEntries(inodeNumber, inode).find((entry) => name.equals(entry.name));
      if (found === undefined) return undefined;
      inodeNumber = found.inode;
    }
    return inodeNumber;
  }

  /**
   * Yields the content of a regular file in pieces of at most 1 MiB, holes as zeros.
   *
   * @param file its path or its inode number; the pieces must not be changed
   */
  *readFile(file: string | number): Generator<Uint8Array> {
    const { inodeNumber, inode } = this.#open(file);
    let position = 0;
    for (const range of this.#dataRanges(inodeNumber, inode)) {
      yield* zeros(range.offsetBytes - position);
      for (let done = 0; done < range.lengthBytes; done += PIECE_BYTES) {
        yield this.#readRange(inodeNumber, range, done, Math.min(PIECE_BYTES, range.lengthBytes - done));
      }
      position = range.offsetBytes + range.lengthBytes;
    }
    yield* zeros(inode.sizeBytes - position);
  }

  /** Yields the parts of a regular file that have blocks, in order. */
  *dataRanges(file: string | number): Generator<DataRange> {
    const { inodeNumber, inode } = this.#open(file);
    for (const { offsetBytes, lengthBytes } of this.#dataRanges(inodeNumber, inode)) {
      yield { offsetBytes, lengthBytes };
    }
  }

  #open(file: string | number): { inodeNumber: number; inode: StoredInode } {
    const inodeNumber = typeof file === 'number' ? file : this.lookup(file);
    const inode = inodeNumber === undefined ? undefined : this.#inodes.inode(inodeNumber);
    if (inodeNumber === undefined || inode === undefined || (inode.mode & MODE.mask) !== MODE.file) {
      throw new Error(`${file} is no regular file`);
    }
    return { inodeNumber, inode };
  }

  *#dataRanges(
    inodeNumber: number,
    inode: StoredInode,
  ): Generator<DataRange & { readonly physicalBlock: number }> {
    const { blockBytes } = this.superblock;
    for (const { logicalBlock, physicalBlock, blockCount, initialized } of this.#inodes.extents(
      inodeNumber,
      inode,
    )) {
      const offsetBytes = logicalBlock * blockBytes;
      const lengthBytes = Math.min(blockCount * blockBytes, inode.sizeBytes - offsetBytes);
      // Space may be set aside past the end of the file.
      if (initialized && lengthBytes > 0) yield { offsetBytes, lengthBytes, physicalBlock };
    }
  }

  #readRange(
    inodeNumber: number,
    range: DataRange & { readonly physicalBlock: number },
    startBytes: number,
    lengthBytes: number,
  ): Uint8Array {
    const { blockBytes } = this.superblock;
    const block = range.physicalBlock + startBytes / blockBytes;
    const bytes = this.#inodes.readBlocks(inodeNumber, block, Math.ceil(lengthBytes / blockBytes));
    return bytes.length === lengthBytes ? bytes : bytes.subarray(0, lengthBytes);
  }

  #directoryEntries(inodeNumber: number, inode: StoredInode): DirectoryEntry[] {
    const { blockBytes } = this.superblock;
    const seed = this.#inodes.seed === undefined ? undefined : inode.checksumSeed;
    const isIndexed = (inode.flags & INODE_FLAGS.index) !== 0;
    if ((inode.flags & INODE_FLAGS.inlineData) !== 0) {
      this.#inodes.fail(inodeNumber, 'its content is inside of the inode, which is not supported');
    }
    const entries: DirectoryEntry[] = [];
    try {
      for (const range of this.#dataRanges(inodeNumber, inode)) {
        for (let done = 0; done < range.lengthBytes; done += blockBytes) {
          const block = this.#readRange(inodeNumber, range, done, blockBytes);
          const isIndexRoot = isIndexed && range.offsetBytes + done === 0;
          entries.push(...decodeBlock(block, seed, isIndexRoot));
        }
      }
    } catch (error) {
      if (error instanceof DirectoryError) this.#inodes.fail(inodeNumber, error.message);
      throw error;
    }
    return entries;
  }

  #steps(inodeNumber: number, inode: StoredInode): Step[] {
    const steps: Step[] = [];
    for (const entry of this.#directoryEntries(inodeNumber, inode)) {
      const key = Buffer.from(entry.name);
      if (key.length === 0 || key.includes(0) || key.includes(0x2f)) {
        this.#inodes.fail(
          inodeNumber,
          `its entry ${JSON.stringify(key.toString('latin1'))} has an impossible name`,
        );
      }
      const name = decodeName(entry.name);
      steps.push({ key, name, inodeNumber: entry.inode, isDescent: false });
      if (isDirectory(this.#inodes.inode(entry.inode))) {
        const descentKey = Buffer.concat([key, Buffer.of(0x2f)]);
        steps.push({ key: descentKey, name, inodeNumber: entry.inode, isDescent: true });
      }
    }
    return steps.sort((left, right) => Buffer.compare(left.key, right.key));
  }

  #record(
    path: string,
    inodeNumber: number,
    inode: StoredInode,
    firstPaths: Map<number, string>,
  ): Ext4Record {
    const { linkCount, changeTime, modificationTime } = inode;
    const entry = this.#entry(path, inodeNumber, inode, firstPaths);
    if (!isDirectory(inode) && linkCount > 1 && entry.type !== 'hardlink') firstPaths.set(inodeNumber, path);
    return { entry, inodeNumber, linkCount, changeTime, modificationTime };
  }

  #entry(
    path: string,
    inodeNumber: number,
    inode: StoredInode,
    firstPaths: ReadonlyMap<number, string>,
  ): Entry {
    const { mode, uid, gid } = inode;
    const metadata = (): EntryMetadata => ({
      path,
      mode: mode & ~MODE.mask,
      uid,
      gid,
      xattrs: this.#xattrs(inodeNumber, inode),
    });
    const target = firstPaths.get(inodeNumber);
    if (target !== undefined) return { ...metadata(), type: 'hardlink', target };
    switch (mode & MODE.mask) {
      case MODE.file:
        if ((inode.flags & INODE_FLAGS.inlineData) !== 0) {
          this.#inodes.fail(inodeNumber, 'its content is inside of the inode, which is not supported');
        }
        return { ...metadata(), type: 'file', sizeBytes: inode.sizeBytes };
      case MODE.directory:
        return { ...metadata(), type: 'directory' };
      case MODE.symlink:
        return { ...metadata(), type: 'symlink', target: this.#symlinkTarget(inodeNumber, inode) };
      case MODE.characterDevice:
        return { ...metadata(), type: 'character-device', ...decodeDevice(inode.blockMap) };
      case MODE.blockDevice:
        return { ...metadata(), type: 'block-device', ...decodeDevice(inode.blockMap) };
      case MODE.fifo:
        return { ...metadata(), type: 'fifo' };
      case MODE.socket:
        return { ...metadata(), type: 'socket' };
      default:
        return this.#inodes.fail(inodeNumber, `/${path} is of no known type (mode 0${mode.toString(8)})`);
    }
  }

  #symlinkTarget(inodeNumber: number, inode: StoredInode): string {
    if ((inode.flags & INODE_FLAGS.extents) === 0) {
      if (inode.sizeBytes >= BLOCK_MAP_BYTES) this.#inodes.fail(inodeNumber, 'the symbolic link is broken');
      return decodeName(inode.blockMap.subarray(0, inode.sizeBytes));
    }
    const range = this.#dataRanges(inodeNumber, inode).next().value;
    if (range === undefined || range.offsetBytes !== 0 || range.lengthBytes !== inode.sizeBytes) {
      this.#inodes.fail(inodeNumber, 'the symbolic link is broken');
    }
    return decodeName(this.#readRange(inodeNumber, range, 0, range.lengthBytes));
  }

  #xattrs(inodeNumber: number, inode: StoredInode): Xattrs {
    try {
      const found = [...decodeBodyXattrs(inode.body)];
      if (inode.xattrBlock !== 0) found.push(...this.#blockXattrs(inodeNumber, inode.xattrBlock));
      return found.length === 0 ? NO_XATTRS : new Map(found);
    } catch (error) {
      if (error instanceof XattrError) this.#inodes.fail(inodeNumber, error.message);
      throw error;
    }
  }

  #blockXattrs(inodeNumber: number, block: number): [string, Uint8Array][] {
    if (this.#lastXattrs?.block !== block) {
      const bytes = this.#inodes.readBlocks(inodeNumber, block, 1);
      this.#lastXattrs = { block, xattrs: [...decodeXattrBlock(bytes, block, this.#inodes.seed)] };
    }
    return this.#lastXattrs.xattrs;
  }
}

function* zeros(lengthBytes: number): Generator<Uint8Array> {
  for (let done = 0; done < lengthBytes; done += PIECE_BYTES) {
    yield ZEROS.subarray(0, Math.min(PIECE_BYTES, lengthBytes - done));
  }
}

/**
 * Opens an ext4 file system.
 *
 * @param name what error messages call it, for example the image's file name
 * @throws UserError for anything but an intact file system whose journal is empty
 */
export function readExt4(source: BlockSource, name = 'the ext4 file system'): Ext4Reader {
  return new Ext4Reader(source, name);
}
