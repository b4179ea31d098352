import { type Entry, parentPath } from '../lib/formats/entry/entry.ts';
import { UserError } from '../lib/formats/error/user-error.ts';

/** Linux: MAXSYMLINKS. */
const MAX_LINKS = 40;

/**
 * Resolves the symbolic links in a path of a tree. A link cannot lead out of the root of the tree.
 *
 * @param last whether a link at the path itself is also followed
 * @param lookUp returns the entry at a path of the tree
 * @param where the origin of the path, for error messages
 * @returns the real path
 */
export function resolveLinks(
  path: string,
  last: boolean,
  lookUp: (path: string) => Entry | undefined,
  where: string,
): string {
  const left = path.split('/');
  let at = '';
  let links = 0;
  while (left.length > 0) {
    const name = left.shift() ?? '';
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (at === '') throw new UserError(`${where}: a symbolic link in its path leads out of the root`);
      at = parentPath(at);
      continue;
    }
    const next = at === '' ? name : `${at}/${name}`;
    const entry = lookUp(next);
    if (entry?.type === 'symlink' && (left.length > 0 || last)) {
      links += 1;
      if (links > MAX_LINKS)
        throw new UserError(`${where}: its path has more than ${MAX_LINKS} symbolic links`);
      left.unshift(...entry.target.split('/'));
      if (entry.target.startsWith('/')) at = '';
      continue;
    }
    at = next;
  }
  return at;
}
