/** Selects a part of a tree as a separate tree. */

import type { Inode, TreeEntry } from './file-tree.ts';
import { at, hardLink } from './file-tree.ts';

export interface Selection {
  /** The directory that becomes the root. Default: the root. */
  readonly subtree?: string;
  /** Whether to leave out `path` (a path in the whole tree) and everything in it. */
  readonly exclude?: (path: string) => boolean;
}

/**
 * Selects from sorted entries. If the first name of a file is not selected and another one is, that
 * one becomes the file.
 *
 * @returns the selected entries under their new paths, sorted; empty if `subtree` does not exist
 */
export function selectEntries<Source>(
  entries: Iterable<TreeEntry<Source>>,
  { subtree = '', exclude }: Selection,
): TreeEntry<Source>[] {
  if (subtree === '' && exclude === undefined) return Array.from(entries);
  const selected: TreeEntry<Source>[] = [];
  const paths = new Map<Inode<Source>, string>();
  const excluded = new Set<string>();
  for (const { entry, inode, implied } of entries) {
    const { path } = entry;
    if (subtree !== '' && path !== subtree && !path.startsWith(`${subtree}/`)) continue;
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    if (path !== '' && (excluded.has(parent) || exclude?.(path))) {
      excluded.add(path);
      continue;
    }
    const newPath = subtree === '' ? path : path.slice(subtree.length + 1);
    if (entry.type === 'directory') {
      selected.push({ entry: at(entry, newPath), inode, implied });
      continue;
    }
    const first = paths.get(inode);
    if (first === undefined) paths.set(inode, newPath);
    const newEntry = first === undefined ? at(inode.entry, newPath) : hardLink(inode.entry, newPath, first);
    selected.push({ entry: newEntry, inode, implied });
  }
  return selected;
}
