import type { BlockSource } from '../block/block.ts';
import { baseName, comparePaths, type Entry, NO_XATTRS, parentPath } from '../entry/entry.ts';
import type { TreeReader, TreeRecord } from '../entry/tree-reader.ts';
import { TreeWalk } from '../entry/walk.ts';
import { UserError } from '../error/user-error.ts';
import { ChainReader, ClusterSet } from './chains.ts';
import { type FatChild, type FatListing, readDirectory } from './directory-reader.ts';
import { ATTRIBUTE, DIRECTORY_SLOT_LIMIT, SLOT_BYTES } from './format.ts';
import { nameProblem } from './names.ts';
import type { TableReader } from './table-reader.ts';
import { secondsOf } from './time.ts';
import { type FatVolume, type OpenVolume, readVolume } from './volume.ts';

/** FAT has no modes. By default, a mount shows these, without write bits if a file is read-only. */
const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;
const WRITE_BITS = 0o222;

/** The specification limits paths to 260 characters, Linux to 4096. No tree needs more levels. */
const DEPTH_LIMIT = 1000;

/** The number of directory listings that are kept for `readFile`. */
const LISTINGS_LIMIT = 4;

/** A file or directory of a volume. */
export interface FatRecord extends TreeRecord {
  /** Eight and three characters without padding, as `NAME.EXT`; empty for the root. */
  readonly shortName: string;
  /** 0 for an empty file, and for a root directory that is not a chain. */
  readonly firstCluster: number;
}

const ROOT: FatChild = {
  name: '',
  shortName: '',
  attributes: ATTRIBUTE.directory,
  firstCluster: 0,
  sizeBytes: 0,
  written: { date: 0, time: 0 },
};

interface Step {
  /** Sorts steps in path order: the name; that of a descent ends with a slash. */
  readonly key: string;
  readonly name: string;
  readonly child: FatChild;
  readonly isDescent: boolean;
}

/** An opened volume. */
export class FatReader implements TreeReader {
  readonly volume: FatVolume;
  /** The file allocation table in use. */
  readonly table: TableReader;
  /** The label of the root directory, or the empty string. */
  readonly rootLabel: string;
  readonly #source: BlockSource;
  readonly #open: OpenVolume;
  readonly #chains: ChainReader;
  readonly #root: FatChild;
  readonly #name: string;
  readonly #listings = new Map<string, ReadonlyMap<string, FatChild>>();

  /**
   * @param name the volume's name, for errors
   * @throws UserError if the source is not a FAT volume, or its tables or boot sector are damaged
   */
  constructor(source: BlockSource, name = 'volume') {
    this.#source = source;
    this.#name = name;
    this.#open = readVolume(source, name);
    this.volume = this.#open.volume;
    this.table = this.#open.table;
    this.#chains = new ChainReader(source, this.#open, name);
    this.#root = { ...ROOT, firstCluster: this.volume.rootCluster };
    this.rootLabel = this.#list(this.#root, '').label ?? '';
  }

  /**
   * Yields every name in path order, the root first.
   *
   * @throws UserError for chains that leave the volume, end early or share clusters, sizes that
   *   contradict them, and names that FAT forbids
   */
  *walk(): Generator<FatRecord> {
    const used = new ClusterSet(this.volume.clusterCount);
    yield this.#directoryRecord(this.#root, '', used);
    const walk = new TreeWalk<Step>();
    walk.enter('', this.#steps(this.#root, ''));
    for (const { path, step } of walk.steps()) {
      const { child, isDescent } = step;
      if (isDescent) {
        if (walk.depth > DEPTH_LIMIT)
          this.#chains.fail(path, `it is nested more than ${DEPTH_LIMIT} directories deep`);
        walk.enter(path, this.#steps(child, path));
      } else if (isDirectory(child)) yield this.#directoryRecord(child, path, used);
      else yield this.#fileRecord(child, path, used);
    }
  }

  /**
   * Yields the content of a file in pieces of up to 1 MiB.
   *
   * @throws UserError if the file does not exist, or its chain is damaged
   */
  *readFile(path: string): Generator<Uint8Array> {
    const child = this.#find(path);
    if (child === undefined || isDirectory(child)) {
      throw new UserError(`${this.#name}: "${path}" is not a file of the volume`);
    }
    yield* this.#chains.read(child.firstCluster, child.sizeBytes, path);
  }

  #find(path: string): FatChild | undefined {
    if (path === '') return this.#root;
    return this.#childrenOf(parentPath(path))?.get(baseName(path));
  }

  /**
   * Returns the children of a directory by name. The listings of the last few directories are kept.
   */
  #childrenOf(path: string): ReadonlyMap<string, FatChild> | undefined {
    const known = this.#listings.get(path);
    if (known !== undefined) return known;
    const directory = this.#find(path);
    if (directory === undefined || !isDirectory(directory)) return undefined;
    const children = new Map(this.#list(directory, path).children.map((child) => [child.name, child]));
    for (const oldest of this.#listings.keys()) {
      if (this.#listings.size < LISTINGS_LIMIT) break;
      this.#listings.delete(oldest);
    }
    this.#listings.set(path, children);
    return children;
  }

  #list(directory: FatChild, path: string): FatListing {
    return readDirectory(this.#clusters(directory, path), this.volume.type === 'fat32');
  }

  /** Yields the bytes of a directory: those of its chain, or the fixed area of the root. */
  *#clusters({ firstCluster }: FatChild, path: string): Generator<Uint8Array> {
    const { rootStartSector, rootEntryCount, sectorBytes, clusterBytes, type } = this.volume;
    if (path === '' && type !== 'fat32') {
      yield this.#source.read(rootStartSector * sectorBytes, rootEntryCount * SLOT_BYTES);
      return;
    }
    if (firstCluster === 0) this.#chains.fail(path, 'the directory has no clusters');
    let clusterCount = 0;
    for (const run of this.#chains.runs(firstCluster, path)) clusterCount += run.clusterCount;
    const sizeBytes = clusterCount * clusterBytes;
    if (sizeBytes > Math.max(DIRECTORY_SLOT_LIMIT * SLOT_BYTES, clusterBytes)) {
      this.#chains.fail(path, `the directory has more than ${DIRECTORY_SLOT_LIMIT} slots`);
    }
    yield* this.#chains.read(firstCluster, sizeBytes, path);
  }

  #steps(directory: FatChild, path: string): Step[] {
    const { children } = this.#list(directory, path);
    const steps: Step[] = [];
    for (const child of children) {
      const problem = nameProblem(child.name);
      if (problem !== undefined)
        this.#chains.fail(path === '' ? child.name : `${path}/${child.name}`, problem);
      steps.push({ key: child.name, name: child.name, child, isDescent: false });
      if (isDirectory(child)) steps.push({ key: `${child.name}/`, name: child.name, child, isDescent: true });
    }
    steps.sort((left, right) => comparePaths(left.key, right.key));
    for (const [index, { key }] of steps.entries()) {
      if (key === steps[index + 1]?.key) this.#chains.fail(path, `"${key}" occurs twice in this directory`);
    }
    return steps;
  }

  #directoryRecord(directory: FatChild, path: string, used: ClusterSet): FatRecord {
    if (this.volume.type === 'fat32' || path !== '') {
      if (directory.firstCluster === 0) this.#chains.fail(path, 'the directory has no clusters');
      this.#chains.claim(directory.firstCluster, used, path);
    }
    const mode = modeOf(directory, DIRECTORY_MODE);
    const entry: Entry = { path, type: 'directory', mode, uid: 0, gid: 0, xattrs: NO_XATTRS };
    const subdirectories = this.#list(directory, path).children.filter(isDirectory);
    return this.#record(directory, entry, 2 + subdirectories.length);
  }

  #fileRecord(file: FatChild, path: string, used: ClusterSet): FatRecord {
    const { sizeBytes, firstCluster } = file;
    const clusterCount = this.#chains.claim(firstCluster, used, path);
    if (clusterCount !== Math.ceil(sizeBytes / this.volume.clusterBytes)) {
      this.#chains.fail(path, `it has ${sizeBytes} bytes in a chain of ${clusterCount} clusters`);
    }
    const mode = modeOf(file, FILE_MODE);
    return this.#record(file, { path, type: 'file', sizeBytes, mode, uid: 0, gid: 0, xattrs: NO_XATTRS }, 1);
  }

  #record({ shortName, firstCluster, written }: FatChild, entry: Entry, linkCount: number): FatRecord {
    // The root has no slot for its time; the kernel shows 1970.
    const seconds = entry.path === '' ? 0 : secondsOf(written);
    const modificationTime = { seconds, nanoseconds: 0 };
    return { entry, linkCount, modificationTime, shortName, firstCluster };
  }
}

function isDirectory({ attributes }: FatChild): boolean {
  return (attributes & ATTRIBUTE.directory) !== 0;
}

function modeOf({ attributes }: FatChild, mode: number): number {
  return (attributes & ATTRIBUTE.readOnly) !== 0 ? mode & ~WRITE_BITS : mode;
}

/** Opens a volume. See {@link FatReader}. */
export function readFat(source: BlockSource, name = 'volume'): FatReader {
  return new FatReader(source, name);
}
