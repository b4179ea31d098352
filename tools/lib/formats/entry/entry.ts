/**
 * Models a file-system tree for all readers and writers of this project.
 *
 * A tree is a list of entries sorted by path. An entry has no time: an image has one time for all
 * its files, which is an option of the writer.
 */

import { encodeName } from './name.ts';

/**
 * Extended attributes by full name (`security.capability`, `user.comment`). Values are raw bytes.
 */
export type Xattrs = ReadonlyMap<string, Uint8Array>;

export interface EntryMetadata {
  /**
   * Path relative to the root of the tree: no leading or trailing slash, no empty, `.` or `..`
   * component. The path of the root directory is the empty string. `name.ts` describes bytes that
   * are not UTF-8.
   */
  readonly path: string;
  /**
   * The twelve permission bits, `0o0000` to `0o7777`: set-uid, set-gid, sticky, and three times
   * rwx.
   */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly xattrs: Xattrs;
}

export type FileEntry = EntryMetadata & { readonly type: 'file'; readonly sizeBytes: number };
export type DirectoryEntry = EntryMetadata & { readonly type: 'directory' };
export type SymlinkEntry = EntryMetadata & { readonly type: 'symlink'; readonly target: string };
/**
 * Another name of the file at `target`, a path of the same tree. The metadata of the link is
 * ignored.
 */
export type HardLinkEntry = EntryMetadata & { readonly type: 'hardlink'; readonly target: string };
export type DeviceEntry = EntryMetadata & {
  readonly type: 'character-device' | 'block-device';
  readonly major: number;
  readonly minor: number;
};
/** Tar archives cannot store sockets. */
export type SpecialEntry = EntryMetadata & { readonly type: 'fifo' | 'socket' };

export type Entry = FileEntry | DirectoryEntry | SymlinkEntry | HardLinkEntry | DeviceEntry | SpecialEntry;

export const NO_XATTRS: Xattrs = new Map();

/** From this code unit on, the order of UTF-16 differs from the order of the bytes of a name. */
const SURROGATE_FIRST = 0xd800;

/**
 * Compares paths by their bytes ({@link encodeName}): a directory sorts before everything in it.
 */
export function comparePaths(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const difference = left.charCodeAt(index) - right.charCodeAt(index);
    if (difference === 0) continue;
    const isByteOrder = left.charCodeAt(index) < SURROGATE_FIRST && right.charCodeAt(index) < SURROGATE_FIRST;
    return isByteOrder ? difference : Buffer.compare(encodeName(left), encodeName(right));
  }
  return left.length - right.length;
}

/** Returns the directory that contains `path`; the empty string for a top-level entry. */
export function parentPath(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

/** Returns the last component of `path`. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * Converts a path from outside (`./etc/passwd`, `/etc/passwd`, `etc/`) to the form of
 * {@link EntryMetadata.path}.
 *
 * @returns the normal form, or `undefined` if the path has a `..` component, which could leave the
 * root, or a NUL
 */
export function normalizePath(path: string): string | undefined {
  if (path.includes('\0')) return undefined;
  const components = path.split('/').filter((component) => component !== '' && component !== '.');
  if (components.includes('..')) return undefined;
  return components.join('/');
}
