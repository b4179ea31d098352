/**
 * The items of a layer: entries and deletions. A deletion is a whiteout of the OCI image
 * specification (layer.md, "Whiteouts"): an empty file `.wh.NAME` deletes NAME from the layers
 * below, and `.wh..wh..opq` deletes everything that they have in its directory.
 */

import { baseName, type Entry, NO_XATTRS, parentPath } from '../../formats/entry/entry.ts';
import { UserError } from '../../formats/error/user-error.ts';

const WHITEOUT_PREFIX = '.wh.';
const META_PREFIX = '.wh..wh.';
const OPAQUE_NAME = '.wh..wh..opq';

/** The bytes of a file: all at once, or a function that starts to read them. */
export type Content = Uint8Array | (() => Iterable<Uint8Array> | AsyncIterable<Uint8Array>);

/** An entry that exists. */
export interface PresentItem {
  readonly kind: 'entry';
  readonly entry: Entry;
}
/**
 * A deletion from the layers below: of `path` (`whiteout`), or of everything in the directory at
 * `path` (`opaque`).
 */
export interface DeletionItem {
  readonly kind: 'whiteout' | 'opaque';
  readonly path: string;
}

function inDirectory(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

/** Encodes a deletion as a tar entry. */
export function deletionEntry(item: DeletionItem): Entry {
  const path =
    item.kind === 'opaque'
      ? inDirectory(item.path, OPAQUE_NAME)
      : inDirectory(parentPath(item.path), WHITEOUT_PREFIX + baseName(item.path));
  return { type: 'file', path, sizeBytes: 0, mode: 0, uid: 0, gid: 0, xattrs: NO_XATTRS };
}

/**
 * Decodes a tar entry of a layer. Returns `undefined` for other metadata of union file systems,
 * which has no meaning here.
 *
 * @param origin the name of the layer, for errors
 */
export function layerItem(entry: Entry, origin: string): PresentItem | DeletionItem | undefined {
  if (!entry.path.includes(WHITEOUT_PREFIX)) return { kind: 'entry', entry };
  const directory = parentPath(entry.path);
  if (directory.split('/').some((name) => name.startsWith(WHITEOUT_PREFIX))) {
    throw new UserError(`${origin}: entry ${entry.path}: it is inside a whiteout`);
  }
  const name = baseName(entry.path);
  if (!name.startsWith(WHITEOUT_PREFIX)) return { kind: 'entry', entry };
  if (name === OPAQUE_NAME) return { kind: 'opaque', path: directory };
  if (name.startsWith(META_PREFIX)) return undefined;
  const deleted = name.slice(WHITEOUT_PREFIX.length);
  if (deleted === '' || deleted === '.' || deleted === '..') {
    throw new UserError(`${origin}: entry ${entry.path}: a whiteout without a name`);
  }
  return { kind: 'whiteout', path: inDirectory(directory, deleted) };
}
