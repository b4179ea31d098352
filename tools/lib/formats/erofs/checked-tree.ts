/** Checks the tree of a new image. */
import { type Entry, NO_XATTRS } from '../entry/entry.ts';
import { MAXIMUM_MAJOR, MAXIMUM_MINOR } from '../entry/linux-types.ts';
import { type LinkedTree, linkTree, type TreeLimits } from '../linked-tree/linked-tree.ts';
import { BLOCK_BYTES, MAXIMUM_NAME_BYTES, NULL_BLOCK } from './format.ts';

const LIMITS: TreeLimits = {
  format: 'EROFS',
  nameBytes: MAXIMUM_NAME_BYTES,
  // Linux needs room for a NUL after the target in its page (nd_terminate_link).
  targetBytes: 4095,
  fileBytes: NULL_BLOCK * BLOCK_BYTES,
  major: MAXIMUM_MAJOR,
  minor: MAXIMUM_MINOR,
};

const DEFAULT_ROOT: Entry = { type: 'directory', path: '', mode: 0o755, uid: 0, gid: 0, xattrs: NO_XATTRS };

export type Tree = LinkedTree;

/**
 * Checks a tree and links its entries.
 *
 * @param given sorted by path; a root is added if it is missing
 * @throws UserError for an entry that EROFS cannot hold
 */
export function buildTree(given: readonly Entry[]): Tree {
  return linkTree(given[0]?.path === '' ? given : [DEFAULT_ROOT, ...given], LIMITS);
}
