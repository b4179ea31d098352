/** Looks up paths in a tree that can only be walked, and follows symbolic links inside the tree. */
import { comparePaths, type Entry, parentPath, type SymlinkEntry } from '../../lib/formats/entry/entry.ts';
import { printableName } from '../../lib/formats/entry/name.ts';
import type { TreeReader, TreeRecord } from '../../lib/formats/entry/tree-reader.ts';
import { UserError } from '../../lib/formats/error/user-error.ts';

/** path_resolution(7): the kernel gives up after 40 symbolic links. */
const LINKS_MAX = 40;

/** The records at `path` and at its parents, as far as they exist. */
function recordsTo(tree: TreeReader, path: string): Map<string, TreeRecord> {
  const wanted = new Set<string>();
  for (let each = path; ; each = parentPath(each)) {
    wanted.add(each);
    if (each === '') break;
  }
  const found = new Map<string, TreeRecord>();
  for (const record of tree.walk()) {
    if (wanted.has(record.entry.path)) found.set(record.entry.path, record);
    if (found.size === wanted.size || comparePaths(record.entry.path, path) > 0) break;
  }
  return found;
}

/**
 * The target of a link as a path from the root. `..` stops at the root, as in a real file system.
 */
function linkTarget({ path, target }: SymlinkEntry, rest: readonly string[]): string {
  const start = target.startsWith('/') ? '' : parentPath(path);
  const components: string[] = [];
  for (const component of [...start.split('/'), ...target.split('/'), ...rest]) {
    if (component === '..') components.pop();
    else if (component !== '' && component !== '.') components.push(component);
  }
  return components.join('/');
}

/**
 * The first symbolic link on the path, and the components after it. The last component counts only
 * if it is followed.
 */
function linkOnTheWay(
  records: ReadonlyMap<string, TreeRecord>,
  path: string,
  followLast: boolean,
): { link: SymlinkEntry; rest: string[] } | undefined {
  const components = path.split('/');
  const last = followLast ? components.length : components.length - 1;
  for (let count = 1; count <= last; count++) {
    const entry = records.get(components.slice(0, count).join('/'))?.entry;
    if (entry?.type === 'symlink') return { link: entry, rest: components.slice(count) };
  }
  return undefined;
}

/**
 * Finds the record at a path.
 *
 * @param followLast whether a symbolic link at the path itself is followed
 * @param where the image and its part, for errors
 * @throws UserError if nothing exists there, or if symbolic links form a circle
 */
export function findRecord(tree: TreeReader, path: string, followLast: boolean, where: string): TreeRecord {
  const shown = `${where}: /${printableName(path)}`;
  let current = path;
  for (let followed = 0; followed <= LINKS_MAX; followed++) {
    const records = recordsTo(tree, current);
    const next = linkOnTheWay(records, current, followLast);
    if (next !== undefined) {
      current = linkTarget(next.link, next.rest);
      continue;
    }
    const record = records.get(current);
    if (record !== undefined) return record;
    const leads = current === path ? '' : `, which leads to /${printableName(current)}`;
    throw new UserError(`${shown}${leads}: no such file or directory`);
  }
  throw new UserError(`${shown}: too many symbolic links`);
}

/** The path to read a file's content at: hard links are read under their first name. */
export function contentPath(entry: Entry): string | undefined {
  if (entry.type === 'file') return entry.path;
  return entry.type === 'hardlink' ? entry.target : undefined;
}
