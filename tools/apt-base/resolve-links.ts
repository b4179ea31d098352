import { type Entry, parentPath } from '../lib/formats/entry/entry.ts';
import { UserError } from '../lib/formats/error/user-error.ts';

/** Linux: MAXSYMLINKS. */
const MAX_LINKS = 40;

/**
 * Follows symbolic links on the way to a path, inside of a tree: a link cannot lead out of its root.
 *
 * @param last whether a link at the path itself is followed too
 * @param lookUp what is at a path of the tree
 * @param where what the path comes from, for errors
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
      if (at === '') throw new UserError(`${where}: a symbolic link on the way leads out of the root`);
      at = parentPath(at);
      continue;
    }
    const next = at === '' ? name : `${at}/${name}`;
    const entry = lookUp(next);
    if (entry?.type === 'symlink' && (left.length > 0 || last)) {
      links += 1;
      if (links > MAX_LINKS)
        throw new UserError(`${where}: more than ${MAX_LINKS} symbolic links on the way`);
      left.unshift(...entry.target.split('/'));
      if (entry.target.startsWith('/')) at = '';
      continue;
    }
    at = next;
  }
  return at;
}
