/**
 * A file tree that is built by adding one entry after another, as `tar x` does on a disk. It
 * handles entries that replace earlier ones, hard links and deletions, and never follows a symbolic
 * link.
 */

import { baseName, comparePaths, type Entry, NO_XATTRS, parentPath } from '../../formats/entry/entry.ts';
import { UserError } from '../../formats/error/user-error.ts';

/** The part that all names of a hard-linked file share. */
export interface Inode<Source> {
  /** The metadata, with the path of its own entry. */
  readonly entry: Entry;
  /** The source of the content of a file. */
  readonly source: Source | undefined;
}

export interface TreeEntry<Source> {
  /**
   * The entry for the first path of a file is the file; for each other path, it is a hard link to
   * the first.
   */
  readonly entry: Entry;
  readonly inode: Inode<Source>;
  /**
   * Whether the directory has no entry of its own and exists only because entries are in it: mode
   * 0755, owner 0:0.
   */
  readonly implied: boolean;
}

/** A node that is not a directory. {@link FileTree.entries} usually returns it unchanged. */
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

/** Throws the error for a path in which a component before the last is not a directory. */
function refuseStep(origin: string, path: string, entry: Entry, at: string): never {
  const reason =
    entry.type === 'symlink'
      ? `${at} is a symbolic link (to ${entry.target}); put it at the real path`
      : `${at} is not a directory but a ${entry.type}`;
  throw new UserError(`${origin}: entry ${path}: ${reason}`);
}

export class FileTree<Source> {
  readonly #root: Directory<Source> = impliedDirectory('');
  /** The directory that was found last: neighbours in an archive usually share it. */
  #last: Directory<Source> | undefined;
  /** Files with several names. */
  readonly #linked = new Set<Inode<Source>>();

  /** Whether the root directory is empty. */
  get isEmpty(): boolean {
    return this.#root.children.size === 0;
  }

  /** Finds the directory at `path`. Creates missing directories if `make` is true. */
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
   * Puts an entry at its path. A directory that replaces a directory keeps its children. Every
   * other entry replaces an existing one completely.
   *
   * @param origin the archive or layer of the entry, for errors
   * @throws UserError if the path goes through something that is not a directory, or if the target
   *   of a hard link is missing or is a directory
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

  /** Clears the cache of {@link #directory}, so that a removed directory is not found again. */
  #forgetDirectory(gone: Node<Source> | undefined): void {
    if (gone?.children !== undefined) this.#last = undefined;
  }

  #target(entry: Entry, target: string, origin: string): Inode<Source> {
    const node = this.#directory(parentPath(target), entry.path, origin, false)?.children.get(
      baseName(target),
    );
    if (node === undefined) {
      throw new UserError(
        `${origin}: entry ${entry.path}: it is a hard link to ${target}, which does not exist`,
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

  /** Removes the entry at `path`, with everything in it. A missing path is not an error. */
  remove(path: string, origin: string): void {
    const children = this.#directory(parentPath(path), path, origin, false)?.children;
    this.#forgetDirectory(children?.get(baseName(path)));
    children?.delete(baseName(path));
  }

  /** Removes everything in the directory at `path`. A missing directory is not an error. */
  removeChildren(path: string, origin: string): void {
    const node =
      path === ''
        ? this.#root
        : this.#directory(parentPath(path), path, origin, false)?.children.get(baseName(path));
    this.#forgetDirectory(node);
    node?.children?.clear();
  }

  /** Returns the inode at `path`. A symbolic link is not followed. */
  get(path: string): Inode<Source> | undefined {
    let node: Node<Source> | undefined = this.#root;
    if (path === '') return node.inode;
    for (const name of path.split('/')) node = node?.children?.get(name);
    return node?.inode;
  }

  /** Lists everything, sorted by path. The root directory is the first. */
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

  /**
   * Turns the first remaining name of a file into the file, and its other names into hard links to
   * it.
   */
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

/** Gives an existing directory the metadata of an entry. */
function describe<Source>(directory: Directory<Source>, inode: Inode<Source>): void {
  directory.entry = inode.entry;
  directory.inode = inode;
  directory.implied = false;
}

/** Returns the entry under another path. */
export function at(entry: Entry, path: string): Entry {
  return entry.path === path ? entry : { ...entry, path };
}

/** Returns a further name for `entry`, whose first name is `target`. */
export function hardLink(entry: Entry, path: string, target: string): Entry {
  const { mode, uid, gid, xattrs } = entry;
  return { type: 'hardlink', path, target, mode, uid, gid, xattrs };
}
