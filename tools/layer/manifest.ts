/** What goes into a layer, as data: the manifest that the `rootfs` rule writes (docs/formats/layer.md, "The manifest of the layer tool"). */

import { NO_XATTRS, normalizePath, type Xattrs } from '../lib/formats/entry/entry.ts';
import { UserError } from '../lib/formats/error/user-error.ts';

export interface ManifestEntry {
  /** `tree` is a directory of the build with everything in it. */
  readonly type: 'file' | 'tree' | 'directory' | 'symlink';
  readonly path: string;
  readonly mode: number;
  /** Mode of the directories of a tree. */
  readonly directoryMode: number;
  readonly uid: number;
  readonly gid: number;
  readonly xattrs: Xattrs;
  /** File or directory to read. */
  readonly source: string;
  /** Of a symbolic link. */
  readonly target: string;
}

const TYPES: ReadonlySet<unknown> = new Set(['file', 'tree', 'directory', 'symlink']);
const KEYS: ReadonlySet<string> = new Set([
  'type',
  'path',
  'mode',
  'directoryMode',
  'uid',
  'gid',
  'xattrs',
  'source',
  'target',
]);
const DEFAULT_MODE = { file: 0o644, tree: 0o644, directory: 0o755, symlink: 0o777 } as const;
const DEFAULT_DIRECTORY_MODE = 0o755;
const MAX_ID = 0xffffffff;

type Fields = Readonly<Record<string, unknown>>;
type Fail = (rule: string) => never;

function modeOf(value: unknown, name: string, fallback: number, fail: Fail): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'string' || !/^[0-7]{3,4}$/.test(value)) {
    fail(`${name} ${JSON.stringify(value)} is not a text of three or four octal digits, such as "0755"`);
  }
  return Number.parseInt(value, 8);
}

function idOf(value: unknown, name: string, fail: Fail): number {
  if (value === undefined) return 0;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > MAX_ID) {
    fail(`${name} ${JSON.stringify(value)} is not a number from 0 to 2^32 - 1`);
  }
  return value;
}

function xattrsOf(value: unknown, fail: Fail): Xattrs {
  if (value === undefined) return NO_XATTRS;
  if (typeof value !== 'object' || value === null) fail('xattrs is not an object of name to base64');
  const xattrs = new Map<string, Uint8Array>();
  for (const [name, text] of Object.entries(value)) {
    if (!/^[a-z]+\.[^=\0]+$/.test(name) || typeof text !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
      fail(`xattr ${JSON.stringify(name)} is not a name with a value in base64`);
    }
    xattrs.set(name, Buffer.from(text, 'base64'));
  }
  return xattrs;
}

function textOf(value: unknown, name: string, type: string, fail: Fail): string {
  if (typeof value !== 'string' || value === '') fail(`a ${type} needs its ${name}`);
  return value;
}

function parseEntry(value: unknown, index: number, file: string): ManifestEntry {
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Fields;
  const shown = typeof fields['path'] === 'string' ? fields['path'] : `number ${index + 1}`;
  const fail: Fail = (rule) => {
    throw new UserError(`${file}: entry ${shown}: ${rule}`);
  };
  const unknown = Object.keys(fields).find((key) => !KEYS.has(key));
  if (unknown !== undefined)
    fail(`the key ${JSON.stringify(unknown)} is unknown; known are ${[...KEYS].join(', ')}`);
  if (!TYPES.has(fields['type'])) {
    fail(`the type ${JSON.stringify(fields['type'])} is unknown; known are ${[...TYPES].join(', ')}`);
  }
  const type = fields['type'] as ManifestEntry['type'];
  if (typeof fields['path'] !== 'string') fail('it has no path');
  const path = normalizePath(fields['path']);
  if (path === undefined) fail('its path leaves the root through ".." or holds a NUL');
  if (path === '' && (type === 'file' || type === 'symlink')) fail(`the root cannot be a ${type}`);
  return {
    type,
    path,
    mode: modeOf(fields['mode'], 'mode', DEFAULT_MODE[type], fail),
    directoryMode: modeOf(fields['directoryMode'], 'directoryMode', DEFAULT_DIRECTORY_MODE, fail),
    uid: idOf(fields['uid'], 'uid', fail),
    gid: idOf(fields['gid'], 'gid', fail),
    xattrs: xattrsOf(fields['xattrs'], fail),
    source: type === 'file' || type === 'tree' ? textOf(fields['source'], 'source', type, fail) : '',
    target: type === 'symlink' ? textOf(fields['target'], 'target', type, fail) : '',
  };
}

/**
 * Reads a manifest.
 *
 * @param file its name, for errors
 * @throws UserError naming file, entry and rule
 */
export function parseManifest(value: unknown, file: string): ManifestEntry[] {
  const entries =
    typeof value === 'object' && value !== null && 'entries' in value ? value.entries : undefined;
  if (!Array.isArray(entries)) throw new UserError(`${file}: it has no list "entries"`);
  return entries.map((entry, index) => parseEntry(entry, index, file));
}
