/** Checks the tree to write, and numbers its inodes. */

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
  // A file has at most 2^32 - 1 blocks.
  fileBytes: (2 ** 32 - 1) * BLOCK_BYTES,
  major: MAXIMUM_MAJOR,
  minor: MAXIMUM_MINOR,
};
/** EXT4_LINK_MAX in Linux. */
const MAXIMUM_LINKS = 65_000;
/** The link count of a directory with too many sub-directories (the dir_nlink feature). */
const UNCOUNTED_LINKS = 1;

/** The directory for files that e2fsck found without a name. */
export const LOST_AND_FOUND = 'lost+found';

const DEFAULT_ROOT: Entry = { type: 'directory', path: '', mode: 0o755, uid: 0, gid: 0, xattrs: NO_XATTRS };
const DEFAULT_LOST_AND_FOUND: Entry = { ...DEFAULT_ROOT, path: LOST_AND_FOUND, mode: 0o700 };

/** A tree with lost+found and inode numbers. */
export interface Tree extends LinkedTree {
  /** By entry: the inode number. A hard link has that of its target. */
  readonly inodes: Uint32Array;
  /** The highest inode number in use. */
  readonly lastInode: number;
}

/** Adds the root and lost+found if they are missing. */
function complete(entries: readonly Entry[]): Entry[] {
  const all = entries[0]?.path === '' ? [...entries] : [DEFAULT_ROOT, ...entries];
  // The name is ASCII, so UTF-16 units have the order of bytes.
  const after = all.findIndex((entry) => entry.path >= LOST_AND_FOUND);
  const position = after < 0 ? all.length : after;
  if (all[position]?.path !== LOST_AND_FOUND) all.splice(position, 0, DEFAULT_LOST_AND_FOUND);
  else if (all[position].type !== 'directory') {
    throw new UserError(`/${LOST_AND_FOUND}: it must be a directory on ext4; leave it out of the tree`);
  }
  return all;
}

/** Returns the link counts of inodes. */
function storedLinkCounts({ entries, linkCounts }: LinkedTree): Uint32Array {
  return linkCounts.map((count, index) => {
    if (count <= MAXIMUM_LINKS) return count;
    const entry = entries[index] as Entry;
    if (entry.type === 'directory') return UNCOUNTED_LINKS;
    throw new UserError(
      `/${printableName(entry.path)}: it has ${count} names, and ext4 allows ${MAXIMUM_LINKS}; copy the file`,
    );
  });
}

/**
 * Checks a tree and assigns inode numbers: 2 to the root, then from 11 in path order.
 *
 * @param given sorted by path; the root and lost+found may be missing
 * @throws UserError if ext4 does not support an entry
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
