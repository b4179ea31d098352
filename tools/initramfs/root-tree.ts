/** The root file system that an initramfs takes its programs from, and how paths in it are followed. */
import { UserError } from '../lib/cli/cli.ts';
import { type Entry, normalizePath, parentPath, type SymlinkEntry } from '../lib/entry/entry.ts';

export interface RootTree {
  get(path: string): Entry | undefined;
  /** The names in a directory, sorted; empty where it is none. */
  names(path: string): readonly string[];
  /** The bytes of a file or hard link. */
  read(path: string): Promise<Uint8Array>;
}

/** path_resolution(7): the kernel gives up after 40 symbolic links. */
const LINKS_MAX = 40;

export interface ResolvedPath {
  /** The path without any symbolic link in it. */
  readonly path: string;
  /** Each symbolic link that was followed on the way. */
  readonly links: readonly SymlinkEntry[];
  /** What stands at `path`; `undefined` where nothing does. */
  readonly entry: Entry | undefined;
}

/** Where a symbolic link leads, as a path from the root; `..` stops at the root as in a real one. */
function linkTarget(link: SymlinkEntry): string[] {
  return link.target.startsWith('/')
    ? link.target.split('/')
    : [...parentPath(link.path).split('/'), ...link.target.split('/')];
}

/**
 * Follows the symbolic links in all components of `path`, within the tree.
 *
 * @throws UserError for a loop
 */
export function resolvePath(tree: Pick<RootTree, 'get'>, path: string): ResolvedPath {
  const links: SymlinkEntry[] = [];
  const pending = path.split('/').reverse();
  let current: string[] = [];
  for (let component = pending.pop(); component !== undefined; component = pending.pop()) {
    if (component === '' || component === '.') continue;
    if (component === '..') {
      current.pop();
      continue;
    }
    const next = [...current, component];
    const entry = tree.get(next.join('/'));
    if (entry?.type !== 'symlink') {
      current = next;
      continue;
    }
    links.push(entry);
    if (links.length > LINKS_MAX)
      throw new UserError(`${path}: too many symbolic links, the last one ${entry.path}`);
    pending.push(...linkTarget(entry).reverse());
    current = [];
  }
  const resolved = current.join('/');
  return { path: resolved, links, entry: tree.get(resolved) };
}

/** A path from an option in normal form. */
export function pathOption(path: string, option: string): string {
  const normal = normalizePath(path);
  if (normal === undefined || normal === '') {
    throw new UserError(`--${option}=${path}: not a path inside the root file system`);
  }
  return normal;
}
