/** The tree that is written: checked, numbered, linked up. */

import { type Entry, NO_XATTRS } from '../entry/entry.ts';
import { MAXIMUM_MAJOR, MAXIMUM_MINOR } from '../entry/linux-types.ts';
import { printableName } from '../entry/name.ts';
import { UserError } from '../error/user-error.ts';
import { type LinkedTree, linkTree, type TreeLimits } from '../linked-tree/linked-tree.ts';
import { MAXIMUM_NAME_BYTES } from './directory.ts';
import { BLOCK_BYTES } from './geometry.ts';
import { FIRST_FREE_INODE, ROOT_INODE } from './inode.ts';

const LIMITS: TreeLimits = {
  format: 'ext4',
  nameBytes: MAXIMUM_NAME_BYTES,
  // A target ends with a NUL in its block.
  targetBytes: BLOCK_BYTES - 1,
  // A file has 2^32 - 1 blocks at most.
  fileBytes: (2 ** 32 - 1) * BLOCK_BYTES,
  major: MAXIMUM_MAJOR,
  minor: MAXIMUM_MINOR,
};
/** EXT4_LINK_MAX in Linux. */
const MAXIMUM_LINKS = 65_000;
/** What a directory's link count says when it has more sub-directories than fit (the dir_nlink feature). */
const UNCOUNTED_LINKS = 1;

/** Where e2fsck puts files that have lost their name. */
export const LOST_AND_FOUND = 'lost+found';

const DEFAULT_ROOT: Entry = { type: 'directory', path: '', mode: 0o755, uid: 0, gid: 0, xattrs: NO_XATTRS };
const DEFAULT_LOST_AND_FOUND: Entry = { ...DEFAULT_ROOT, path: LOST_AND_FOUND, mode: 0o700 };

/** With lost+found in its place. */
export interface Tree extends LinkedTree {
  /** Inode numbers by entry; a hard link has its target's. */
  readonly inodes: Uint32Array;
  /** The highest inode number in use. */
  readonly lastInode: number;
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

/** Link counts as inodes say them. */
function storedLinkCounts({ entries, linkCounts }: LinkedTree): Uint32Array {
  return linkCounts.map((count, index) => {
    if (count <= MAXIMUM_LINKS) return count;
    const entry = entries[index] as Entry;
    if (entry.type === 'directory') return UNCOUNTED_LINKS;
    throw new UserError(
      `/${printableName(entry.path)}: it has ${count} names, and ext4 takes ${MAXIMUM_LINKS}; copy it`,
    );
  });
}

/**
 * Checks a tree and gives each file its inode number: 2 for the root, then from 11 on in path order.
 *
 * @param given sorted by path; a root and lost+found are added where missing
 * @throws UserError for an entry that ext4 cannot hold
 */
export function buildTree(given: readonly Entry[]): Tree {
  const tree = linkTree(complete(given), LIMITS);
  const inodes = new Uint32Array(tree.entries.length);
  let nextInode = FIRST_FREE_INODE;
  tree.entries.forEach((entry, index) => {
    if (entry.type !== 'hardlink') inodes[index] = index === 0 ? ROOT_INODE : nextInode++;
  });
  tree.owners.forEach((owner, index) => {
    inodes[index] = inodes[owner] as number;
  });
  return { ...tree, inodes, linkCounts: storedLinkCounts(tree), lastInode: nextInode - 1 };
}
