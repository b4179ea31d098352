/** The tree that is written: checked, numbered, linked up. */

import { baseName, comparePaths, type Entry, NO_XATTRS, parentPath } from '../entry/entry.ts';
import { nameBytes, printableName } from '../entry/name.ts';
import { UserError } from '../error/user-error.ts';
import { FILE_TYPE, MAXIMUM_NAME_BYTES } from './directory.ts';
import { BLOCK_BYTES } from './geometry.ts';
import { FIRST_FREE_INODE, MAXIMUM_MAJOR, MAXIMUM_MINOR, MODE, ROOT_INODE } from './inode.ts';
import { PathIndex } from './path-index.ts';

/** EXT4_LINK_MAX in Linux. */
const MAXIMUM_LINKS = 65_000;
/** What a directory's link count says when it has more sub-directories than fit (the dir_nlink feature). */
const UNCOUNTED_LINKS = 1;
/** A file has 2^32 - 1 blocks at most. */
const MAXIMUM_FILE_BYTES = (2 ** 32 - 1) * BLOCK_BYTES;
/** A target ends with a NUL in its block. */
const MAXIMUM_TARGET_BYTES = BLOCK_BYTES - 1;
const MAXIMUM_ID = 0xffffffff;
const MAXIMUM_PERMISSIONS = 0o7777;

/** Where e2fsck puts files that have lost their name. */
export const LOST_AND_FOUND = 'lost+found';

const DEFAULT_ROOT: Entry = { type: 'directory', path: '', mode: 0o755, uid: 0, gid: 0, xattrs: NO_XATTRS };
const DEFAULT_LOST_AND_FOUND: Entry = { ...DEFAULT_ROOT, path: LOST_AND_FOUND, mode: 0o700 };

export interface Tree {
  /** In path order, with the root as the first and lost+found in its place. */
  readonly entries: readonly Entry[];
  /** Inode numbers by entry; a hard link has its target's. */
  readonly inodes: Uint32Array;
  /** Link counts by entry, as the inode shall say them; of no meaning for hard links. */
  readonly linkCounts: Uint16Array;
  readonly parents: Uint32Array;
  /** Positions by path. */
  readonly indexes: PathIndex;
  /** The entries of a directory, in path order. */
  children(index: number): Uint32Array;
  /** The highest inode number in use. */
  readonly lastInode: number;
}

const TYPES: Readonly<Record<Exclude<Entry['type'], 'hardlink'>, { mode: number; fileType: number }>> = {
  file: { mode: MODE.file, fileType: FILE_TYPE.file },
  directory: { mode: MODE.directory, fileType: FILE_TYPE.directory },
  symlink: { mode: MODE.symlink, fileType: FILE_TYPE.symlink },
  'character-device': { mode: MODE.characterDevice, fileType: FILE_TYPE.characterDevice },
  'block-device': { mode: MODE.blockDevice, fileType: FILE_TYPE.blockDevice },
  fifo: { mode: MODE.fifo, fileType: FILE_TYPE.fifo },
  socket: { mode: MODE.socket, fileType: FILE_TYPE.socket },
};

/** i_mode and the directory entry's type; not for hard links. */
export function typeOf(entry: Entry): { mode: number; fileType: number } {
  if (entry.type === 'hardlink') throw new Error(`${entry.path} is a hard link and has no type of its own`);
  return TYPES[entry.type];
}

/** Adds what every file system has. */
function complete(entries: readonly Entry[]): Entry[] {
  const all = entries[0]?.path === '' ? [...entries] : [DEFAULT_ROOT, ...entries];
  // All ASCII, so the order of UTF-16 units is that of bytes.
  const after = all.findIndex((entry) => entry.path >= LOST_AND_FOUND);
  const position = after < 0 ? all.length : after;
  if (all[position]?.path !== LOST_AND_FOUND) all.splice(position, 0, DEFAULT_LOST_AND_FOUND);
  else if (all[position].type !== 'directory') {
    throw new UserError(`/${LOST_AND_FOUND}: it has to be a directory on ext4; leave it out of the tree`);
  }
  return all;
}

function fail(entry: Entry, problem: string): never {
  throw new UserError(`/${printableName(entry.path)}: ${problem}`);
}

function checkEntry(entry: Entry): void {
  const isId = (id: number): boolean => Number.isInteger(id) && id >= 0 && id <= MAXIMUM_ID;
  if (!isId(entry.uid) || !isId(entry.gid))
    fail(entry, `its owner ${entry.uid}:${entry.gid} does not fit 32 bits`);
  if (!Number.isInteger(entry.mode) || entry.mode < 0 || entry.mode > MAXIMUM_PERMISSIONS) {
    fail(entry, `its mode ${entry.mode} is no set of the twelve permission bits`);
  }
  if (entry.path !== '') checkName(entry, baseName(entry.path));
  if (entry.type === 'file') {
    if (!Number.isSafeInteger(entry.sizeBytes) || entry.sizeBytes < 0) {
      fail(entry, `its size is not known (${entry.sizeBytes}); a file needs it before its content`);
    }
    if (entry.sizeBytes > MAXIMUM_FILE_BYTES) fail(entry, 'it is over the 16 TiB that a file of ext4 holds');
  } else if (entry.type === 'symlink') {
    const targetBytes = nameBytes(entry.target);
    if (targetBytes === 0 || targetBytes > MAXIMUM_TARGET_BYTES || entry.target.includes('\0')) {
      fail(
        entry,
        `its target has ${targetBytes} bytes; a link takes 1 to ${MAXIMUM_TARGET_BYTES}, none of them NUL`,
      );
    }
  } else if (entry.type === 'character-device' || entry.type === 'block-device') {
    const fits = (value: number, maximum: number): boolean =>
      Number.isInteger(value) && value >= 0 && value <= maximum;
    if (!fits(entry.major, MAXIMUM_MAJOR) || !fits(entry.minor, MAXIMUM_MINOR)) {
      fail(
        entry,
        `its device number ${entry.major}:${entry.minor} is over ${MAXIMUM_MAJOR}:${MAXIMUM_MINOR}`,
      );
    }
  }
}

function checkName(entry: Entry, name: string): void {
  if (name === '' || name === '.' || name === '..' || name.includes('\0') || entry.path.startsWith('/')) {
    fail(entry, 'this is no path inside a file system');
  }
  // A UTF-16 unit makes three bytes at most, so most names need no counting.
  if (name.length * 3 > MAXIMUM_NAME_BYTES && nameBytes(name) > MAXIMUM_NAME_BYTES) {
    fail(entry, `its name has ${nameBytes(name)} bytes, and ext4 takes ${MAXIMUM_NAME_BYTES}; shorten it`);
  }
}

/** Finds the directory of each entry, after checking that paths ascend. */
function findParents(entries: readonly Entry[]): Uint32Array {
  const parents = new Uint32Array(entries.length);
  const indexes = new PathIndex(entries);
  let previous: Entry | undefined;
  let lastPath = '';
  let lastIndex: number | undefined = 0;
  entries.forEach((entry, index) => {
    checkEntry(entry);
    if (previous?.path === entry.path) fail(entry, 'it is in the tree twice; keep one of the two');
    if (previous !== undefined && entry.path < previous.path && comparePaths(previous.path, entry.path) > 0) {
      throw new Error(`the entries are not sorted: ${entry.path} comes after ${previous.path}`);
    }
    if (index > 0) {
      const path = parentPath(entry.path);
      if (path !== lastPath) {
        lastPath = path;
        lastIndex = indexes.get(path);
      }
      const parent = lastIndex;
      if (parent === undefined) {
        fail(entry, `its directory ${printableName(parentPath(entry.path))} is not in the tree; add it`);
      }
      if (entries[parent]?.type !== 'directory') {
        fail(
          entry,
          `${printableName(parentPath(entry.path))} is not a directory, so nothing can be in it; remove one of the two`,
        );
      }
      parents[index] = parent;
    }
    previous = entry;
  });
  return parents;
}

/** The entry that a hard link stands for, through other hard links if need be. */
function resolveLink(entries: readonly Entry[], indexes: PathIndex, link: Entry): number {
  const seen = new Set<string>();
  for (let entry = link; entry.type === 'hardlink'; ) {
    seen.add(entry.path);
    const index = indexes.get(entry.target);
    const target = index === undefined ? undefined : entries[index];
    if (index === undefined || target === undefined) {
      fail(
        link,
        `the target ${printableName(entry.target)} of its hard link is not in the tree; add it, or drop the link`,
      );
    }
    if (target.type === 'directory')
      fail(link, `the target ${printableName(entry.target)} of its hard link is a directory; link to a file`);
    if (seen.has(target.path))
      fail(link, 'its hard link leads back to itself; name the file itself as the target');
    if (target.type !== 'hardlink') return index;
    entry = target;
  }
  throw new Error(`${link.path} is no hard link`);
}

function countLinks(entries: readonly Entry[], parents: Uint32Array, targets: Uint32Array): Uint16Array {
  const counts = new Uint32Array(entries.length);
  entries.forEach((entry, index) => {
    const target = targets[index] as number;
    counts[target] = (counts[target] as number) + (entry.type === 'directory' ? 2 : 1);
    const parent = parents[index] as number;
    if (entry.type === 'directory' && index > 0) counts[parent] = (counts[parent] as number) + 1;
  });
  return Uint16Array.from(counts, (count, index) => {
    if (count <= MAXIMUM_LINKS) return count;
    const entry = entries[index] as Entry;
    if (entry.type !== 'directory')
      fail(entry, `it has ${count} names, and ext4 takes ${MAXIMUM_LINKS}; copy it`);
    return UNCOUNTED_LINKS;
  });
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
 * Checks a tree and gives each file its inode number: 2 for the root, then from 11 on in path order.
 *
 * @param given sorted by path; a root and lost+found are added where missing
 * @throws UserError for an entry that ext4 cannot hold
 */
export function buildTree(given: readonly Entry[]): Tree {
  const entries = complete(given);
  const parents = findParents(entries);
  const indexes = new PathIndex(entries);
  const targets = Uint32Array.from(entries, (entry, index) =>
    entry.type === 'hardlink' ? resolveLink(entries, indexes, entry) : index,
  );
  const inodes = new Uint32Array(entries.length);
  let nextInode = FIRST_FREE_INODE;
  entries.forEach((entry, index) => {
    if (entry.type !== 'hardlink') inodes[index] = index === 0 ? ROOT_INODE : nextInode++;
  });
  targets.forEach((target, index) => {
    inodes[index] = inodes[target] as number;
  });
  return {
    entries,
    inodes,
    linkCounts: countLinks(entries, parents, targets),
    parents,
    indexes,
    children: listChildren(parents),
    lastInode: nextInode - 1,
  };
}
