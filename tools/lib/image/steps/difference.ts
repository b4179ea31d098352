/**
 * Finds the changes that turn one file tree into another, in the form of a layer. It reads no file:
 * it works on paths, metadata and inode numbers.
 */
import { type Entry, parentPath, type Xattrs } from '../../formats/entry/entry.ts';

/** One name in a tree, listed in path order. */
export interface ListedEntry {
  /** Every name of a file after its first in the list is a `hardlink`. */
  readonly entry: Entry;
  /** Names of the same file have the same number. */
  readonly inode: number;
  /**
   * Whether the file, or the list of names of a directory, was changed after the first tree was
   * made.
   */
  readonly isTouched: boolean;
}

export type Change =
  | { readonly kind: 'entry'; readonly entry: Entry }
  | { readonly kind: 'whiteout'; readonly path: string };

/** Compares the contents of two files of the same size, one from each tree. */
export type ContentComparison = (before: Node, after: Node) => boolean;

/** A name and its file. */
export interface Node {
  readonly path: string;
  readonly inode: number;
  readonly isTouched: boolean;
  /** The entry of the file itself, never a `hardlink`. */
  readonly entry: Entry;
}

interface Tree {
  readonly nodes: ReadonlyMap<string, Node>;
  /** The names of everything but directories, by inode number, in path order. */
  readonly names: ReadonlyMap<number, readonly Node[]>;
}

function index(listing: Iterable<ListedEntry>): Tree {
  const nodes = new Map<string, Node>();
  const names = new Map<number, Node[]>();
  for (const { entry, inode, isTouched } of listing) {
    const first = names.get(inode);
    const node: Node = { path: entry.path, inode, isTouched, entry: first?.[0]?.entry ?? entry };
    nodes.set(entry.path, node);
    if (entry.type === 'directory') continue;
    if (first === undefined) names.set(inode, [node]);
    else first.push(node);
  }
  return { nodes, names };
}

function haveSameXattrs(left: Xattrs, right: Xattrs): boolean {
  if (left.size !== right.size) return false;
  for (const [name, value] of left) {
    const other = right.get(name);
    if (other === undefined || Buffer.compare(value, other) !== 0) return false;
  }
  return true;
}

/** Compares everything but the paths and the contents. */
function haveSameMetadata(left: Entry, right: Entry): boolean {
  if (left.mode !== right.mode || left.uid !== right.uid || left.gid !== right.gid) return false;
  if (!haveSameXattrs(left.xattrs, right.xattrs)) return false;
  switch (left.type) {
    case 'file':
      return right.type === 'file' && left.sizeBytes === right.sizeBytes;
    case 'symlink':
      return right.type === 'symlink' && left.target === right.target;
    case 'character-device':
    case 'block-device':
      return right.type === left.type && left.major === right.major && left.minor === right.minor;
    default:
      return left.type === right.type;
  }
}

function isSame(before: Node | undefined, after: Node, hasSameContent: ContentComparison): boolean {
  if (before === undefined) return false;
  if (before.inode === after.inode && !after.isTouched) return true;
  if (!haveSameMetadata(before.entry, after.entry)) return false;
  return after.entry.type !== 'file' || hasSameContent(before, after);
}

/** Returns the entries of one file: its first name is the file, the others are hard links to it. */
function entriesOf(names: readonly Node[]): Entry[] {
  const [first] = names;
  if (first === undefined) return [];
  const { mode, uid, gid, xattrs } = first.entry;
  return names.map(({ path }) =>
    path === first.path
      ? { ...first.entry, path }
      : { type: 'hardlink', path, target: first.path, mode, uid, gid, xattrs },
  );
}

/**
 * Finds the file of the first tree that is unchanged in the second: it has the same metadata and
 * content, and it has no new name. Names that are gone do not matter; they get whiteouts.
 *
 * @returns the inode number in the first tree, or `undefined` if the file has changed
 */
function sameFile(
  names: readonly Node[],
  before: Tree,
  hasSameContent: ContentComparison,
): number | undefined {
  const [first] = names;
  const original = first && before.nodes.get(first.path);
  if (first === undefined || original === undefined) return undefined;
  if (names.some(({ path }) => before.nodes.get(path)?.inode !== original.inode)) return undefined;
  return isSame(original, first, hasSameContent) ? original.inode : undefined;
}

function changedFiles(before: Tree, after: Tree, hasSameContent: ContentComparison): Change[] {
  // If one file became two, only one of them is unchanged. The other is a copy, so it belongs to
  // the layer.
  const kept = new Set<number>();
  return [...after.names.values()].flatMap((names) => {
    const original = sameFile(names, before, hasSameContent);
    if (original !== undefined && !kept.has(original)) {
      kept.add(original);
      return [];
    }
    return entriesOf(names).map((entry): Change => ({ kind: 'entry', entry }));
  });
}

function changedDirectories(before: Tree, after: Tree): Change[] {
  return [...after.nodes.values()].flatMap((node): Change[] => {
    if (node.entry.type !== 'directory') return [];
    const original = before.nodes.get(node.path);
    return original !== undefined && haveSameMetadata(original.entry, node.entry)
      ? []
      : [{ kind: 'entry', entry: node.entry }];
  });
}

/** Returns a whiteout for each name that is gone, except below a directory that is gone too. */
function deletions(before: Tree, after: Tree): Change[] {
  return [...before.nodes.keys()]
    .filter((path) => !after.nodes.has(path) && after.nodes.get(parentPath(path))?.entry.type === 'directory')
    .map((path) => ({ kind: 'whiteout', path }));
}

/**
 * Compares two trees, each listed in path order.
 *
 * The result depends only on the content of the trees, not on how the second was made from the
 * first: a file that was written again with the same content and metadata is unchanged, even if its
 * inode number differs.
 */
export function findChanges(
  before: Iterable<ListedEntry>,
  after: Iterable<ListedEntry>,
  hasSameContent: ContentComparison,
): Change[] {
  const first = index(before);
  const second = index(after);
  return [
    ...deletions(first, second),
    ...changedDirectories(first, second),
    ...changedFiles(first, second, hasSameContent),
  ];
}
