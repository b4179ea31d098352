/** Checks a list of entries, and links the entries to a tree for the writer of a file system. */
import { comparePaths, type Entry } from '../entry/entry.ts';
import { printableName } from '../entry/name.ts';
import { checkEntry, checkName, fail, type TreeLimits } from './check.ts';
import { PathIndex } from './path-index.ts';

export type { TreeLimits } from './check.ts';
export { PathIndex } from './path-index.ts';

export interface LinkedTree {
  /** All entries in path order, the root first. */
  readonly entries: readonly Entry[];
  /** The positions of entries by path. */
  readonly indexes: PathIndex;
  /** By entry: its own position, or that of the file that a hard link names. */
  readonly owners: Uint32Array;
  /** By entry: the position of its directory. */
  readonly parents: Uint32Array;
  /** By entry: the number of its names and sub-directories. Unused for hard links. */
  readonly linkCounts: Uint32Array;
  /** By entry: the number of bytes of its last component. */
  readonly nameLengths: Uint8Array;
  /** The number of entries that are not hard links. */
  readonly inodeCount: number;
  /** Returns the entries of a directory in path order. */
  children(index: number): Uint32Array;
}

/** Checks each entry and the order of paths, and finds the directory of each entry. */
function linkUp(
  entries: readonly Entry[],
  indexes: PathIndex,
  limits: TreeLimits,
  { parents, nameLengths }: { readonly parents: Uint32Array; readonly nameLengths: Uint8Array },
): void {
  let lastPath = '';
  let lastIndex = 0;
  entries.forEach((entry, index) => {
    checkEntry(entry, limits);
    if (index === 0) return;
    const previous = entries[index - 1] as Entry;
    const order = comparePaths(previous.path, entry.path);
    if (order === 0) fail(entry, 'it is in the tree twice; keep one of the two');
    if (order > 0) throw new Error(`the entries are not sorted: ${entry.path} comes after ${previous.path}`);
    const slash = entry.path.lastIndexOf('/');
    nameLengths[index] = checkName(entry, slash + 1, limits);
    const path = entry.path.slice(0, Math.max(slash, 0));
    if (path !== lastPath) {
      lastIndex = directoryOf(entry, path, entries, indexes);
      lastPath = path;
    }
    parents[index] = lastIndex;
  });
}

function directoryOf(entry: Entry, path: string, entries: readonly Entry[], indexes: PathIndex): number {
  const parent = indexes.get(path);
  if (parent === undefined) {
    return fail(entry, `its directory ${printableName(path)} is not in the tree; add it`);
  }
  if (entries[parent]?.type === 'directory') return parent;
  return fail(
    entry,
    `${printableName(path)} is not a directory, so nothing can be in it; remove one of the two`,
  );
}

/** Finds the file that a hard link names, also through other hard links. */
function resolveLink(entries: readonly Entry[], indexes: PathIndex, link: Entry): number {
  const seen = new Set<string>();
  for (let entry = link; entry.type === 'hardlink'; ) {
    seen.add(entry.path);
    const shown = printableName(entry.target);
    const index = indexes.get(entry.target);
    const target = index === undefined ? undefined : entries[index];
    if (index === undefined || target === undefined) {
      return fail(link, `the target ${shown} of its hard link is not in the tree; add it, or drop the link`);
    }
    if (target.type === 'directory') {
      fail(link, `the target ${shown} of its hard link is a directory; link to a file`);
    }
    if (seen.has(target.path)) {
      fail(link, 'its hard link leads back to itself; name the file itself as the target');
    }
    if (target.type !== 'hardlink') return index;
    entry = target;
  }
  throw new Error(`${link.path} is not a hard link`);
}

function countLinks(entries: readonly Entry[], parents: Uint32Array, owners: Uint32Array): Uint32Array {
  const counts = new Uint32Array(entries.length);
  entries.forEach((entry, index) => {
    const owner = owners[index] as number;
    counts[owner] = (counts[owner] as number) + (entry.type === 'directory' ? 2 : 1);
    const parent = parents[index] as number;
    if (entry.type === 'directory' && index > 0) counts[parent] = (counts[parent] as number) + 1;
  });
  return counts;
}

/** Returns a function that lists the entries of a directory. All lists share one array. */
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
 * Checks a tree and links its entries.
 *
 * @param entries sorted by path, the root first
 * @throws UserError if the file system does not support an entry, or if a directory is missing
 */
export function linkTree(entries: readonly Entry[], limits: TreeLimits): LinkedTree {
  const [root] = entries;
  if (root?.path !== '') throw new Error('the entries have no root');
  if (root.type !== 'directory') fail(root, 'the root is not a directory');
  const indexes = new PathIndex(entries);
  const parents = new Uint32Array(entries.length);
  const nameLengths = new Uint8Array(entries.length);
  linkUp(entries, indexes, limits, { parents, nameLengths });
  const owners = Uint32Array.from(entries, (entry, index) =>
    entry.type === 'hardlink' ? resolveLink(entries, indexes, entry) : index,
  );
  return {
    entries,
    indexes,
    owners,
    parents,
    nameLengths,
    inodeCount: owners.reduce((count, owner, index) => (owner === index ? count + 1 : count), 0),
    linkCounts: countLinks(entries, parents, owners),
    children: listChildren(parents),
  };
}
