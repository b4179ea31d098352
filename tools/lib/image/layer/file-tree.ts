/**
 * A file tree that entries are put into one after another, as `tar x` would on a disk, but without following anything: what a
 * later entry replaces, what a hard link shares, what a whiteout takes away.
 */

import { baseName, comparePaths, type Entry, NO_XATTRS, parentPath } from '../../formats/entry/entry.ts';
import { UserError } from '../../formats/error/user-error.ts';

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

/** What stands at a path; as it is, mostly, one of the {@link TreeEntry} that are asked for in the end. */
interface Leaf<Source> extends TreeEntry<Source> {
  readonly children: undefined;
}
interface Directory<Source> extends TreeEntry<Source> {
  entry: Entry;
  inode: Inode<Source>;
  implied: boolean;
  readonly children: Map<string, Node<Source>>;
}
type Node<Source> = Leaf<Source> | Directory<Source>;

const IMPLIED_MODE = 0o755;

function impliedDirectory<Source>(path: string): Directory<Source> {
  const entry: Entry = { type: 'directory', path, mode: IMPLIED_MODE, uid: 0, gid: 0, xattrs: NO_XATTRS };
  return { entry, inode: { entry, source: undefined }, implied: true, children: new Map() };
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
  /** The directory that was looked up last: in an archive, neighbours mostly share it. */
  #last: Directory<Source> | undefined;
  /** Files that have several names. */
  readonly #linked = new Set<Inode<Source>>();

  /** Whether nothing is in the root directory. */
  get isEmpty(): boolean {
    return this.#root.children.size === 0;
  }

  /** The directory at `path`; makes those that are missing where `make` says so. */
  #directory(path: string, entryPath: string, origin: string, make: boolean): Directory<Source> | undefined {
    if (path === '') return this.#root;
    if (this.#last?.entry.path === path) return this.#last;
    const found = this.#walk(path, entryPath, origin, make);
    this.#last = found;
    return found;
  }

  #walk(path: string, entryPath: string, origin: string, make: boolean): Directory<Source> | undefined {
    let node: Directory<Source> = this.#root;
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
      describe(this.#root, inode);
      return;
    }
    const parent = this.#directory(parentPath(entry.path), entry.path, origin, true) as Directory<Source>;
    const name = baseName(entry.path);
    const present = parent.children.get(name);
    if (present?.children === undefined) {
      parent.children.set(name, { entry, inode, implied: false, children: new Map() });
    } else {
      describe(present, inode);
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
    const inode = entry.type === 'hardlink' ? this.#target(entry, entry.target, origin) : { entry, source };
    const parent = this.#directory(parentPath(entry.path), entry.path, origin, true) as Directory<Source>;
    const name = baseName(entry.path);
    const present = parent.children.get(name);
    if (present !== undefined) this.#forgetDirectory(present);
    parent.children.set(name, { entry, inode, implied: false, children: undefined });
  }

  /** A directory that goes away must not be found any more. */
  #forgetDirectory(gone: Node<Source> | undefined): void {
    if (gone?.children !== undefined) this.#last = undefined;
  }

  #target(entry: Entry, target: string, origin: string): Inode<Source> {
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
    this.#linked.add(node.inode);
    return node.inode;
  }

  /** Takes away what is at `path`, with all that is in it. Nothing there is no error. */
  remove(path: string, origin: string): void {
    const children = this.#directory(parentPath(path), path, origin, false)?.children;
    this.#forgetDirectory(children?.get(baseName(path)));
    children?.delete(baseName(path));
  }

  /** Takes away what is in the directory at `path`. No directory there is no error. */
  removeChildren(path: string, origin: string): void {
    const node =
      path === ''
        ? this.#root
        : this.#directory(parentPath(path), path, origin, false)?.children.get(baseName(path));
    this.#forgetDirectory(node);
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
    const found: TreeEntry<Source>[] = [];
    const walk = (node: Node<Source>): void => {
      found.push(node);
      if (node.children !== undefined) for (const child of node.children.values()) walk(child);
    };
    walk(this.#root);
    found.sort((left, right) => comparePaths(left.entry.path, right.entry.path));
    if (this.#linked.size > 0) this.#nameLinks(found);
    return found;
  }

  /** Makes the first of a file's names (of those that are left) the file, and the others hard links to it. */
  #nameLinks(found: TreeEntry<Source>[]): void {
    const paths = new Map<Inode<Source>, string>();
    found.forEach(({ entry, inode }, index) => {
      if (!this.#linked.has(inode)) return;
      const first = paths.get(inode);
      if (first === undefined) paths.set(inode, entry.path);
      const named =
        first === undefined ? at(inode.entry, entry.path) : hardLink(inode.entry, entry.path, first);
      found[index] = { entry: named, inode, implied: false };
    });
  }
}

/** Gives a directory that is there already the metadata of an entry. */
function describe<Source>(directory: Directory<Source>, inode: Inode<Source>): void {
  directory.entry = inode.entry;
  directory.inode = inode;
  directory.implied = false;
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
