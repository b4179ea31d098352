/** Follows symbolic links within a model of a tree, so that a path cannot leave it. */
import { UserError } from '../error/user-error.ts';
import { type Entry, parentPath, type SymlinkEntry } from './entry.ts';

/** path_resolution(7): the kernel follows at most 40 symbolic links. */
const LINKS_MAX = 40;

export interface ResolvedPath {
  /** The path without symbolic links. */
  readonly path: string;
  /** The symbolic links that were followed, in order. */
  readonly links: readonly SymlinkEntry[];
  /** The entry at `path`; `undefined` if it does not exist. */
  readonly entry: Entry | undefined;
}

/** Returns the target of a symbolic link, as components from the root. */
function linkTarget(link: SymlinkEntry): string[] {
  const target = link.target.split('/');
  return link.target.startsWith('/') ? target : [...parentPath(link.path).split('/'), ...target];
}

/**
 * Follows the symbolic links in all components of `path`. `..` at the root stays at the root, as in
 * Linux.
 *
 * @param tree returns the entry at a path
 * @throws UserError if there are more than 40 links, for example in a loop
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
      throw new UserError(`${path}: too many symbolic links; the last one is ${entry.path}`);
    }
    pending.push(...linkTarget(entry).reverse());
    current = [];
  }
  const resolved = current.join('/');
  return { path: resolved, links, entry: tree.get(resolved) };
}
