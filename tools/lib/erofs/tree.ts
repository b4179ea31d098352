/** The tree that is written: checked and linked up. */
import { comparePaths, type Entry, NO_XATTRS } from '../entry/entry.ts';
import { nameBytes } from '../entry/name.ts';
import { UserError } from '../error/user-error.ts';
import { BLOCK_BYTES, MAXIMUM_MAJOR, MAXIMUM_MINOR, MAXIMUM_NAME_BYTES, NULL_BLOCK } from './layout.ts';

/** i_nlink of an extended inode has 32 bits. */
const MAXIMUM_LINKS = 0xffffffff;
const MAXIMUM_FILE_BYTES = NULL_BLOCK * BLOCK_BYTES;
/** Linux ends a target with a NUL in its page (nd_terminate_link). */
const MAXIMUM_TARGET_BYTES = 4095;
const MAXIMUM_ID = 0xffffffff;
const MAXIMUM_PERMISSIONS = 0o7777;

const DEFAULT_ROOT: Entry = { type: 'directory', path: '', mode: 0o755, uid: 0, gid: 0, xattrs: NO_XATTRS };

export interface Tree {
  /** In path order, the root first. */
  readonly entries: readonly Entry[];
  /** By entry: itself, or the entry that a hard link stands for. */
  readonly owners: Uint32Array;
  /** By entry: its directory's. */
  readonly parents: Uint32Array;
  /** By entry; of no meaning for hard links. */
  readonly linkCounts: Uint32Array;
  /** By entry: bytes of its last component. */
  readonly nameLengths: Uint8Array;
  readonly inodeCount: number;
  /** The entries of a directory, in path order. */
  children(index: number): Uint32Array;
}

function fail(entry: Entry, problem: string): never {
  throw new UserError(`/${entry.path}: ${problem}`);
}

function checkEntry(entry: Entry): void {
  const fits = (value: number, maximum: number): boolean =>
    Number.isInteger(value) && value >= 0 && value <= maximum;
  if (!fits(entry.uid, MAXIMUM_ID) || !fits(entry.gid, MAXIMUM_ID)) {
    fail(entry, `its owner ${entry.uid}:${entry.gid} does not fit 32 bits`);
  }
  if (!fits(entry.mode, MAXIMUM_PERMISSIONS)) {
    fail(entry, `its mode ${entry.mode} is no set of the twelve permission bits`);
  }
  if (entry.type === 'file') {
    if (!Number.isSafeInteger(entry.sizeBytes) || entry.sizeBytes < 0) {
      fail(entry, `its size is not known (${entry.sizeBytes}); a file needs it before its content`);
    }
    if (entry.sizeBytes > MAXIMUM_FILE_BYTES) fail(entry, 'it is over the 16 TiB that EROFS holds');
  } else if (entry.type === 'symlink') {
    const targetBytes = nameBytes(entry.target);
    if (targetBytes === 0 || targetBytes > MAXIMUM_TARGET_BYTES || entry.target.includes('\0')) {
      fail(
        entry,
        `its target has ${targetBytes} bytes; a link takes 1 to ${MAXIMUM_TARGET_BYTES}, none of them NUL`,
      );
    }
  } else if (entry.type === 'character-device' || entry.type === 'block-device') {
    if (!fits(entry.major, MAXIMUM_MAJOR) || !fits(entry.minor, MAXIMUM_MINOR)) {
      fail(
        entry,
        `its device number ${entry.major}:${entry.minor} is over ${MAXIMUM_MAJOR}:${MAXIMUM_MINOR}`,
      );
    }
  }
}

/** Bytes of the last component, which starts at `start` of the path. */
function checkName(entry: Entry, start: number): number {
  const name = entry.path.slice(start);
  if (name === '' || name === '.' || name === '..' || name.includes('\0') || entry.path.startsWith('/')) {
    fail(entry, 'this is no path inside a file system');
  }
  const length = nameBytes(name);
  if (length > MAXIMUM_NAME_BYTES) {
    fail(entry, `its name has ${length} bytes, and EROFS takes ${MAXIMUM_NAME_BYTES}; shorten it`);
  }
  return length;
}

/** Finds directories by path; the entries of one come one after another, but for what is in its directories. */
class DirectoryIndex {
  readonly #directories = new Map<string, number>();
  readonly #entries: readonly Entry[];
  #lastPath = '';
  #lastIndex = 0;

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  add(index: number): void {
    this.#directories.set((this.#entries[index] as Entry).path, index);
  }

  /** The directory that holds `entry`, of whose path `slash` is the last slash. */
  parent(entry: Entry, slash: number): number {
    const length = Math.max(slash, 0);
    if (length === this.#lastPath.length && entry.path.startsWith(this.#lastPath)) return this.#lastIndex;
    const path = entry.path.slice(0, length);
    const parent = this.#directories.get(path);
    if (parent === undefined) {
      const isThere = this.#entries.some((other) => other.path === path);
      if (!isThere) fail(entry, `its directory ${path} is not in the tree; add it`);
      fail(entry, `${path} is not a directory, so nothing can be in it; remove one of the two`);
    }
    this.#lastPath = path;
    this.#lastIndex = parent;
    return parent;
  }
}

function linkUp(entries: readonly Entry[], parents: Uint32Array, nameLengths: Uint8Array): void {
  const directories = new DirectoryIndex(entries);
  directories.add(0);
  let previous: Entry | undefined;
  entries.forEach((entry, index) => {
    checkEntry(entry);
    if (previous !== undefined) {
      // Linux searches directories by halves: an order that only looks sorted would lose names.
      const order = comparePaths(previous.path, entry.path);
      if (order === 0) fail(entry, 'it is in the tree twice; keep one of the two');
      if (order > 0)
        throw new Error(`the entries are not sorted: ${entry.path} comes after ${previous.path}`);
    }
    previous = entry;
    if (index === 0) return;
    const slash = entry.path.lastIndexOf('/');
    nameLengths[index] = checkName(entry, slash + 1);
    parents[index] = directories.parent(entry, slash);
    if (entry.type === 'directory') directories.add(index);
  });
}

/** The entries that hard links stand for, through other hard links if need be. */
function resolveLinks(entries: readonly Entry[]): Uint32Array {
  const owners = Uint32Array.from(entries, (_, index) => index);
  if (!entries.some(({ type }) => type === 'hardlink')) return owners;
  const indexes = new Map(entries.map(({ path }, index) => [path, index]));
  entries.forEach((link, index) => {
    if (link.type === 'hardlink') owners[index] = resolveLink(entries, indexes, link);
  });
  return owners;
}

function resolveLink(entries: readonly Entry[], indexes: ReadonlyMap<string, number>, link: Entry): number {
  const seen = new Set<string>();
  for (let entry = link; entry.type === 'hardlink'; ) {
    seen.add(entry.path);
    const index = indexes.get(entry.target);
    const target = index === undefined ? undefined : entries[index];
    if (index === undefined || target === undefined) {
      fail(link, `the target ${entry.target} of its hard link is not in the tree; add it, or drop the link`);
    }
    if (target.type === 'directory') {
      fail(link, `the target ${entry.target} of its hard link is a directory; link to a file`);
    }
    if (seen.has(target.path))
      fail(link, 'its hard link leads back to itself; name the file itself as the target');
    if (target.type !== 'hardlink') return index;
    entry = target;
  }
  throw new Error(`${link.path} is no hard link`);
}

function countLinks(entries: readonly Entry[], parents: Uint32Array, owners: Uint32Array): Uint32Array {
  const counts = new Uint32Array(entries.length);
  entries.forEach((entry, index) => {
    const owner = owners[index] as number;
    counts[owner] = Math.min((counts[owner] as number) + (entry.type === 'directory' ? 2 : 1), MAXIMUM_LINKS);
    const parent = parents[index] as number;
    if (entry.type === 'directory' && index > 0) counts[parent] = (counts[parent] as number) + 1;
  });
  return counts;
}

/** Lists of children, all in one array. */
function listChildren(parents: Uint32Array): (index: number) => Uint32Array {
  const count = parents.length;
  const starts = new Uint32Array(count + 1);
  for (let index = 1; index < count; index++) {
    const slot = (parents[index] as number) + 1;
    starts[slot] = (starts[slot] as number) + 1;
  }
  for (let index = 0; index < count; index++) {
    starts[index + 1] = (starts[index + 1] as number) + (starts[index] as number);
  }
  const list = new Uint32Array(count);
  const next = starts.slice();
  for (let index = 1; index < count; index++) {
    const parent = parents[index] as number;
    const slot = next[parent] as number;
    list[slot] = index;
    next[parent] = slot + 1;
  }
  return (index) => list.subarray(starts[index], starts[index + 1]);
}

/**
 * Checks a tree.
 *
 * @param given sorted by path; a root is added where missing
 * @throws UserError for an entry that EROFS cannot hold
 */
export function buildTree(given: readonly Entry[]): Tree {
  const entries = given[0]?.path === '' ? given : [DEFAULT_ROOT, ...given];
  if (entries[0]?.type !== 'directory') throw new UserError('/: the root is no directory');
  const parents = new Uint32Array(entries.length);
  const nameLengths = new Uint8Array(entries.length);
  linkUp(entries, parents, nameLengths);
  const owners = resolveLinks(entries);
  return {
    entries,
    owners,
    parents,
    nameLengths,
    inodeCount: owners.reduce((count, owner, index) => (owner === index ? count + 1 : count), 0),
    linkCounts: countLinks(entries, parents, owners),
    children: listChildren(parents),
  };
}
