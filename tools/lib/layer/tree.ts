/**
 * A file tree that entries are put into one after another, as `tar x` would on a disk, but without following anything: what a
 * later entry replaces, what a hard link shares, what a whiteout takes away.
 */

import { baseName, comparePaths, type Entry, NO_XATTRS, parentPath } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';

/** What the names of a hard-linked file have in common. */
export interface Inode<Source> {
  /** The metadata, under the path it came with. */
  readonly entry: Entry;
  /** Where the content of a file comes from. */
  readonly source: Source | undefined;
}

export interface TreeEntry<Source> {
  /** A file's first path is the file, and each further one a hard link to the first. */
  readonly entry: Entry;
  readonly inode: Inode<Source>;
  /** A directory that no entry names, but that entries lie in: mode 0755, owner 0:0. */
  readonly implied: boolean;
}

interface Leaf<Source> {
  readonly inode: Inode<Source>;
  readonly children?: undefined;
}
interface Directory<Source> {
  inode: Inode<Source>;
  implied: boolean;
  readonly children: Map<string, Node<Source>>;
}
type Node<Source> = Leaf<Source> | Directory<Source>;

const IMPLIED_MODE = 0o755;

function impliedDirectory<Source>(path: string): Directory<Source> {
  const entry: Entry = { type: 'directory', path, mode: IMPLIED_MODE, uid: 0, gid: 0, xattrs: NO_XATTRS };
  return { inode: { entry, source: undefined }, implied: true, children: new Map() };
}

/** Refuses to step from a name into something that is no directory. */
function refuseStep(origin: string, path: string, entry: Entry, at: string): never {
  const reason =
    entry.type === 'symlink'
      ? `${at} is a symbolic link (to ${entry.target}); put it at the real path`
      : `${at} is not a directory but a ${entry.type}`;
  throw new UserError(`${origin}: entry ${path}: ${reason}`);
}

export class FileTree<Source> {
  readonly #root: Directory<Source> = impliedDirectory('');

  /** The directory at `path`; makes those that are missing where `make` says so. */
  #directory(path: string, entryPath: string, origin: string, make: boolean): Directory<Source> | undefined {
    let node: Directory<Source> = this.#root;
    if (path === '') return node;
    let at = '';
    for (const name of path.split('/')) {
      at = at === '' ? name : `${at}/${name}`;
      let child: Node<Source> | undefined = node.children.get(name);
      if (child === undefined) {
        if (!make) return undefined;
        child = impliedDirectory(at);
        node.children.set(name, child);
      }
      if (child.children === undefined) refuseStep(origin, entryPath, child.inode.entry, at);
      node = child;
    }
    return node;
  }

  #putDirectory(entry: Entry, origin: string): void {
    const inode = { entry, source: undefined };
    if (entry.path === '') {
      this.#root.inode = inode;
      this.#root.implied = false;
      return;
    }
    const parent = this.#directory(parentPath(entry.path), entry.path, origin, true) as Directory<Source>;
    const name = baseName(entry.path);
    const present = parent.children.get(name);
    if (present?.children === undefined) {
      parent.children.set(name, { inode, implied: false, children: new Map() });
    } else {
      present.inode = inode;
      present.implied = false;
    }
  }

  /**
   * Puts an entry where its path says. A directory over a directory keeps what is in it; everything else replaces what was there.
   *
   * @param origin the archive or layer that the entry comes from, for errors
   * @throws UserError where the path goes through something that is no directory, or a hard link's target is missing or a directory
   */
  put(entry: Entry, source: Source | undefined, origin: string): void {
    if (entry.type === 'directory') {
      this.#putDirectory(entry, origin);
      return;
    }
    const inode = entry.type === 'hardlink' ? this.#linked(entry, entry.target, origin) : { entry, source };
    const parent = this.#directory(parentPath(entry.path), entry.path, origin, true) as Directory<Source>;
    parent.children.set(baseName(entry.path), { inode });
  }

  #linked(entry: Entry, target: string, origin: string): Inode<Source> {
    const node = this.#directory(parentPath(target), entry.path, origin, false)?.children.get(
      baseName(target),
    );
    if (node === undefined) {
      throw new UserError(
        `${origin}: entry ${entry.path}: it is a hard link to ${target}, which is not there`,
      );
    }
    if (node.children !== undefined) {
      throw new UserError(
        `${origin}: entry ${entry.path}: it is a hard link to ${target}, which is a directory`,
      );
    }
    return node.inode;
  }

  /** Takes away what is at `path`, with all that is in it. Nothing there is no error. */
  remove(path: string, origin: string): void {
    this.#directory(parentPath(path), path, origin, false)?.children.delete(baseName(path));
  }

  /** Takes away what is in the directory at `path`. No directory there is no error. */
  removeChildren(path: string, origin: string): void {
    const node =
      path === ''
        ? this.#root
        : this.#directory(parentPath(path), path, origin, false)?.children.get(baseName(path));
    node?.children?.clear();
  }

  /** What is at `path` itself (a symbolic link is not followed). */
  get(path: string): Inode<Source> | undefined {
    let node: Node<Source> | undefined = this.#root;
    if (path === '') return node.inode;
    for (const name of path.split('/')) node = node?.children?.get(name);
    return node?.inode;
  }

  /** Everything, sorted by path, the root directory first. */
  entries(): TreeEntry<Source>[] {
    const found: { path: string; node: Node<Source> }[] = [];
    const walk = (path: string, node: Node<Source>): void => {
      found.push({ path, node });
      for (const [name, child] of node.children ?? []) walk(path === '' ? name : `${path}/${name}`, child);
    };
    walk('', this.#root);
    found.sort((left, right) => comparePaths(left.path, right.path));
    const paths = new Map<Inode<Source>, string>();
    return found.map(({ path, node }) => {
      if (node.children !== undefined) {
        return { entry: at(node.inode.entry, path), inode: node.inode, implied: node.implied };
      }
      const first = paths.get(node.inode);
      if (first === undefined) paths.set(node.inode, path);
      const entry =
        first === undefined ? at(node.inode.entry, path) : hardLink(node.inode.entry, path, first);
      return { entry, inode: node.inode, implied: false };
    });
  }
}

/** The entry under another path. */
export function at(entry: Entry, path: string): Entry {
  return entry.path === path ? entry : { ...entry, path };
}

/** One more name for `entry`, whose first one is `target`. */
export function hardLink(entry: Entry, path: string, target: string): Entry {
  const { mode, uid, gid, xattrs } = entry;
  return { type: 'hardlink', path, target, mode, uid, gid, xattrs };
}
