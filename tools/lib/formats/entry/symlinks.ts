/** Follows the symbolic links of a tree that is only a model, so that no path ever leaves it. */
import { UserError } from '../error/user-error.ts';
import { type Entry, parentPath, type SymlinkEntry } from './entry.ts';

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

/** Where a symbolic link leads, as components from the root. */
function linkTarget(link: SymlinkEntry): string[] {
  const target = link.target.split('/');
  return link.target.startsWith('/') ? target : [...parentPath(link.path).split('/'), ...target];
}

/**
 * Follows the symbolic links in all components of `path`; `..` stops at the root, as in a real one.
 *
 * @param tree gives the entry that stands at a path, under that path
 * @throws UserError for a loop
 */
export function resolvePath(tree: { get(path: string): Entry | undefined }, path: string): ResolvedPath {
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
    if (links.length > LINKS_MAX) {
      throw new UserError(`${path}: too many symbolic links, the last one ${entry.path}`);
    }
    pending.push(...linkTarget(entry).reverse());
    current = [];
  }
  const resolved = current.join('/');
  return { path: resolved, links, entry: tree.get(resolved) };
}
