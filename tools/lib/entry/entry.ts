/**
 * The model of a file-system tree that every reader and writer of this project shares.
 *
 * A tree is a list of entries sorted by path. An entry carries no time: every image of this project has one
 * time stamp for everything, which is an option of the writer.
 */

/** Extended attributes by full name (`security.capability`, `user.comment`), values as raw bytes. */
export type Xattrs = ReadonlyMap<string, Uint8Array>;

export interface EntryMetadata {
  /**
   * Path relative to the root of the tree: no leading or trailing slash, no empty, `.` or `..` component.
   * The root directory itself is the empty string.
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
export type FifoEntry = EntryMetadata & { readonly type: 'fifo' };

export type Entry = FileEntry | DirectoryEntry | SymlinkEntry | HardLinkEntry | DeviceEntry | FifoEntry;

export const NO_XATTRS: Xattrs = new Map();

/** Orders paths by their UTF-8 bytes, so that a directory comes before everything in it. */
export function comparePaths(left: string, right: string): number {
  if (left === right) return 0;
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
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
