/**
 * What a layer says about one path. Deletions are the whiteouts of the OCI image specification (layer.md, "Whiteouts"): an empty file
 * `.wh.NAME` deletes NAME of the layers below, and `.wh..wh..opq` all that they have in its directory.
 */

import { baseName, type Entry, NO_XATTRS, parentPath } from '../../formats/entry/entry.ts';
import { UserError } from '../../formats/error/user-error.ts';

const WHITEOUT_PREFIX = '.wh.';
const META_PREFIX = '.wh..wh.';
const OPAQUE_NAME = '.wh..wh..opq';

/** The bytes of a file: all at once, or a function that starts to read them. */
export type Content = Uint8Array | (() => Iterable<Uint8Array> | AsyncIterable<Uint8Array>);

/** There is this entry. */
export interface PresentItem {
  readonly kind: 'entry';
  readonly entry: Entry;
}
/** What lower layers have at `path` is deleted (`whiteout`), or what they have in the directory at `path` (`opaque`). */
export interface DeletionItem {
  readonly kind: 'whiteout' | 'opaque';
  readonly path: string;
}

function inDirectory(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

/** The tar entry that stands for a deletion. */
export function deletionEntry(item: DeletionItem): Entry {
  const path =
    item.kind === 'opaque'
      ? inDirectory(item.path, OPAQUE_NAME)
      : inDirectory(parentPath(item.path), WHITEOUT_PREFIX + baseName(item.path));
  return { type: 'file', path, sizeBytes: 0, mode: 0, uid: 0, gid: 0, xattrs: NO_XATTRS };
}

/**
 * Reads a tar entry as what it says in a layer; `undefined` for the other metadata of union file systems, which says nothing.
 *
 * @param origin the layer's name, for errors
 */
export function layerItem(entry: Entry, origin: string): PresentItem | DeletionItem | undefined {
  if (!entry.path.includes(WHITEOUT_PREFIX)) return { kind: 'entry', entry };
  const directory = parentPath(entry.path);
  if (directory.split('/').some((name) => name.startsWith(WHITEOUT_PREFIX))) {
    throw new UserError(`${origin}: entry ${entry.path}: it lies in a whiteout`);
  }
  const name = baseName(entry.path);
  if (!name.startsWith(WHITEOUT_PREFIX)) return { kind: 'entry', entry };
  if (name === OPAQUE_NAME) return { kind: 'opaque', path: directory };
  if (name.startsWith(META_PREFIX)) return undefined;
  const deleted = name.slice(WHITEOUT_PREFIX.length);
  if (deleted === '' || deleted === '.' || deleted === '..') {
    throw new UserError(`${origin}: entry ${entry.path}: a whiteout of no name`);
  }
  return { kind: 'whiteout', path: inDirectory(directory, deleted) };
}
