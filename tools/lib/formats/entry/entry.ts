/**
 * The model of a file-system tree that every reader and writer of this project shares.
 *
 * A tree is a list of entries sorted by path. An entry carries no time: every image of this project has one
 * time stamp for everything, which is an option of the writer.
 */

import { encodeName } from './name.ts';

/** Extended attributes by full name (`security.capability`, `user.comment`), values as raw bytes. */
export type Xattrs = ReadonlyMap<string, Uint8Array>;

export interface EntryMetadata {
  /**
   * Path relative to the root of the tree: no leading or trailing slash, no empty, `.` or `..` component.
   * The root directory itself is the empty string. Bytes that are not UTF-8 are kept as `name.ts` says.
   */
  readonly path: string;
  /** The twelve permission bits, `0o0000` to `0o7777`: set-uid, set-gid, sticky, and rwx three times. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly xattrs: Xattrs;
}

export type FileEntry = EntryMetadata & { readonly type: 'file'; readonly sizeBytes: number };
export type DirectoryEntry = EntryMetadata & { readonly type: 'directory' };
export type SymlinkEntry = EntryMetadata & { readonly type: 'symlink'; readonly target: string };
/** One more name for the file at `target` (a path of the same tree); its own metadata is ignored. */
export type HardLinkEntry = EntryMetadata & { readonly type: 'hardlink'; readonly target: string };
export type DeviceEntry = EntryMetadata & {
  readonly type: 'character-device' | 'block-device';
  readonly major: number;
  readonly minor: number;
};
/** What tar archives cannot hold of these are sockets. */
export type SpecialEntry = EntryMetadata & { readonly type: 'fifo' | 'socket' };

export type Entry = FileEntry | DirectoryEntry | SymlinkEntry | HardLinkEntry | DeviceEntry | SpecialEntry;

export const NO_XATTRS: Xattrs = new Map();

/** From here on, the order of UTF-16 code units is not that of the bytes of a name. */
const SURROGATE_FIRST = 0xd800;

/** Orders paths by their bytes ({@link encodeName}), so that a directory comes before everything in it. */
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

/** The directory that holds `path`; the empty string for a top-level entry. */
export function parentPath(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

/** The last component of `path`. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * Brings a path from outside (`./etc/passwd`, `/etc/passwd`, `etc/`) into the form of {@link EntryMetadata.path}.
 *
 * @returns the normal form, or `undefined` where the path leaves the root through a `..` component or holds a NUL.
 */
export function normalizePath(path: string): string | undefined {
  if (path.includes('\0')) return undefined;
  const components = path.split('/').filter((component) => component !== '' && component !== '.');
  if (components.includes('..')) return undefined;
  return components.join('/');
}
