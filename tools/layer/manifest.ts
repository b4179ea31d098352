/**
 * Reads the manifest that lists the entries of a layer. The `rootfs` rule writes it
 * (docs/formats/layer.md, "The manifest of the `layer` tool").
 */

import { NO_XATTRS, normalizePath, type Xattrs } from '../lib/formats/entry/entry.ts';
import {
  closedObject,
  count,
  listOf,
  mapOf,
  matching,
  object,
  oneOf,
  Place,
  type Reader,
  text,
} from '../lib/formats/json/json.ts';

export interface ManifestEntry {
  /** A `tree` is a directory of the build with everything in it. */
  readonly type: 'file' | 'tree' | 'directory' | 'symlink';
  readonly path: string;
  readonly mode: number;
  /** The mode of the directories in a tree. */
  readonly directoryMode: number;
  readonly uid: number;
  readonly gid: number;
  readonly xattrs: Xattrs;
  /** The file or directory to read; empty for other types. */
  readonly source: string;
  /** The target of a symbolic link; empty for other types. */
  readonly target: string;
}

const DEFAULT_MODE = { file: 0o644, tree: 0o644, directory: 0o755, symlink: 0o777 } as const;
const DEFAULT_DIRECTORY_MODE = 0o755;
const MAX_ID = 0xffffffff;

const OCTAL = matching(/^[0-7]{3,4}$/, 'a string of three or four octal digits, such as "0755"');
const MODE: Reader<number> = (value, place) => Number.parseInt(OCTAL(value, place), 8);

const ID: Reader<number> = (value, place) => {
  const id = count(value, place);
  return id <= MAX_ID ? id : place.refuse(value, 'a number from 0 to 2^32 - 1');
};

const BASE64 = mapOf(matching(/^[A-Za-z0-9+/]*={0,2}$/, 'a value in base64'));
const XATTRS: Reader<Xattrs> = (value, place) => {
  const xattrs = new Map<string, Uint8Array>();
  for (const [name, base64] of Object.entries(BASE64(value, place))) {
    if (!/^[a-z]+\.[^=\0]+$/.test(name)) {
      place.fail(`${JSON.stringify(name)} is not the name of an extended attribute, such as "user.note"`);
    }
    xattrs.set(name, Buffer.from(base64, 'base64'));
  }
  return xattrs;
};

const ENTRY = closedObject(
  { type: oneOf('file', 'tree', 'directory', 'symlink'), path: text },
  { mode: MODE, directoryMode: MODE, uid: ID, gid: ID, xattrs: XATTRS, source: text, target: text },
);
const PATH = object({ path: text });

/** Reads an entry. Its errors name the path of the entry. */
const MANIFEST_ENTRY: Reader<ManifestEntry> = (value, position) => {
  const place: Place = new Place(`${position.file}: entry ${PATH(value, position).path}`);
  const fields = ENTRY(value, place);
  const { type, source = '', target = '' } = fields;
  const path = normalizePath(fields.path);
  if (path === undefined) place.fail('its path leaves the root through ".." or contains a NUL');
  if (path === '' && (type === 'file' || type === 'symlink')) place.fail(`the root cannot be a ${type}`);
  const needsSource = type === 'file' || type === 'tree';
  if (needsSource && source === '') place.fail(`a ${type} needs a source`);
  if (type === 'symlink' && target === '') place.fail('a symlink needs a target');
  return {
    type,
    path,
    mode: fields.mode ?? DEFAULT_MODE[type],
    directoryMode: fields.directoryMode ?? DEFAULT_DIRECTORY_MODE,
    uid: fields.uid ?? 0,
    gid: fields.gid ?? 0,
    xattrs: fields.xattrs ?? NO_XATTRS,
    source: needsSource ? source : '',
    target: type === 'symlink' ? target : '',
  };
};

/** Reads a manifest. @throws UserError that names file, entry and rule */
export const MANIFEST = object({ entries: listOf(MANIFEST_ENTRY) });
