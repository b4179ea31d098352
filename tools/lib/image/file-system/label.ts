/** Applies SELinux labels to the entries of a file system. */

import { readFileSync } from 'node:fs';
import { comparePaths, type Entry, NO_XATTRS, type Xattrs } from '../../formats/entry/entry.ts';
import { UserError } from '../../formats/error/user-error.ts';
import { FileContexts, type FileContextsSources } from '../../formats/selinux/selinux.ts';
import { LIST, TEXT } from '../../runtime/cli/cli.ts';
import type { MergedEntry } from '../layer/merge.ts';
import { treePath } from './options.ts';
import type { SelectedTree } from './selection.ts';

/** The files of the policy, and the mount point of the file system. */
export const LABEL_OPTIONS = { 'file-contexts': LIST, 'mount-point': TEXT };

/**
 * The directory that mke2fs(8) creates. Every ext4 file system has it, even if the tree does not.
 */
const LOST_AND_FOUND = 'lost+found';
const LOST_AND_FOUND_MODE = 0o700;

/** Linux, include/uapi/linux/xattr.h: XATTR_NAME_SELINUX. */
const LABEL_XATTR = 'security.selinux';

type SourceName = keyof FileContextsSources;

/** The files that accompany `file_contexts` are recognized by their names, as in libselinux. */
const COMPANIONS: readonly (readonly [suffix: string, SourceName])[] = [
  ['.homedirs', 'homeDirectories'],
  ['.local', 'local'],
  ['.subs', 'substitutions'],
  ['.subs_dist', 'distributionSubstitutions'],
];

function sourceName(path: string): SourceName {
  return COMPANIONS.find(([suffix]) => path.endsWith(suffix))?.[1] ?? 'fileContexts';
}

/**
 * Reads the files of a policy. The suffix of a name determines the kind of the file.
 *
 * @throws UserError if a file is given twice, if `file_contexts` is missing, or if a line is
 *   invalid
 */
export function readFileContexts(paths: readonly string[]): FileContexts {
  const names = new Map<SourceName, string>();
  for (const path of paths) {
    const other = names.get(sourceName(path));
    if (other !== undefined)
      throw new UserError(`--file-contexts: ${other} and ${path} are the same kind of file`);
    names.set(sourceName(path), path);
  }
  const base = names.get('fileContexts');
  if (base === undefined) {
    throw new UserError(
      `--file-contexts: ${paths.join(', ')}: the file_contexts file that these belong to is missing`,
    );
  }
  const read = (name: SourceName) => {
    const path = names.get(name);
    return path === undefined ? {} : { [name]: { name: path, text: readFileSync(path, 'latin1') } };
  };
  return new FileContexts({
    fileContexts: { name: base, text: readFileSync(base, 'latin1') },
    ...read('homeDirectories'),
    ...read('local'),
    ...read('substitutions'),
    ...read('distributionSubstitutions'),
  });
}

function withLabel(xattrs: Xattrs, label: Uint8Array | undefined): Xattrs {
  if (label === undefined && !xattrs.has(LABEL_XATTR)) return xattrs;
  const changed = new Map(xattrs);
  if (label === undefined) changed.delete(LABEL_XATTR);
  else changed.set(LABEL_XATTR, label);
  return changed;
}

/**
 * Gives each entry the label that the policy has for its path, and removes any other label: if the
 * policy has none (`<<none>>`), the entry has no label. A file with several names has the label of
 * the first one.
 *
 * @param mountPoint the absolute path at which the root of the tree will be mounted
 */
export function labelTree(tree: SelectedTree, contexts: FileContexts, mountPoint: string): SelectedTree {
  // There are few different labels, so that most entries can share their attributes.
  const labels = new Map<string, Uint8Array>();
  const alone = new Map<string, Xattrs>();
  const prefix = mountPoint === '/' ? '' : mountPoint;
  const label = (merged: MergedEntry): MergedEntry => {
    const { entry } = merged;
    if (entry.type === 'hardlink') return merged;
    const path = entry.path === '' ? prefix || '/' : `${prefix}/${entry.path}`;
    const context = contexts.lookup(path, entry.type);
    if (context === undefined) {
      return { ...merged, entry: { ...entry, xattrs: withLabel(entry.xattrs, undefined) } };
    }
    // The kernel and every tool count the NUL at the end as a part of the value.
    const value = labels.get(context) ?? Buffer.from(`${context}\0`, 'latin1');
    labels.set(context, value);
    if (entry.xattrs.size > 0)
      return { ...merged, entry: { ...entry, xattrs: withLabel(entry.xattrs, value) } };
    const xattrs = alone.get(context) ?? withLabel(NO_XATTRS, value);
    alone.set(context, xattrs);
    return { ...merged, entry: { ...entry, xattrs } };
  };
  return { ...tree, entries: tree.entries.map(label) };
}

/**
 * Adds a lost+found owned by root to a tree that has none: one added by a file-system writer would
 * have no label.
 */
export function withLostAndFound(tree: SelectedTree): SelectedTree {
  if (tree.entries.some(({ entry }) => entry.path === LOST_AND_FOUND)) return tree;
  const entry: Entry = {
    type: 'directory',
    path: LOST_AND_FOUND,
    mode: LOST_AND_FOUND_MODE,
    uid: 0,
    gid: 0,
    xattrs: NO_XATTRS,
  };
  const after = tree.entries.findIndex((other) => comparePaths(other.entry.path, LOST_AND_FOUND) > 0);
  const added = { entry, inode: { entry, source: undefined }, implied: false };
  return { ...tree, entries: tree.entries.toSpliced(after < 0 ? tree.entries.length : after, 0, added) };
}

/**
 * Labels a tree as {@link LABEL_OPTIONS} require. Returns the tree unchanged if they name no
 * policy.
 *
 * The default mount point is the path of the subtree: for the boot partition, it is `/boot`.
 */
export function labelledTree(
  tree: SelectedTree,
  values: { readonly 'file-contexts': readonly string[]; readonly 'mount-point'?: string | undefined },
): SelectedTree {
  const files = values['file-contexts'];
  const mountPoint = values['mount-point'];
  if (files.length === 0) {
    if (mountPoint !== undefined)
      throw new UserError('--mount-point has an effect on labels only; give --file-contexts too');
    return tree;
  }
  const place = mountPoint === undefined ? tree.subtree : treePath(mountPoint, 'mount-point');
  return labelTree(tree, readFileContexts(files), `/${place}`);
}
