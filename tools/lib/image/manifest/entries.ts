import type { Entry } from '../../formats/entry/entry.ts';
import { count, listOf, mapOf, matching, object, oneOf, type Reader, text } from '../../formats/json/json.ts';

/**
 * The record of one name in a file system. Paths begin with a slash and start at the root of that
 * file system.
 */
export interface EntryRecord {
  readonly path: string;
  readonly type: Entry['type'];
  /** Permission bits in octal, four digits. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  /** Files only. */
  readonly sizeBytes?: number;
  /** Files only: SHA-256 of the content, hexadecimal. */
  readonly sha256?: string;
  /** Symbolic links: the target as written. Hard links: the absolute path of the first name. */
  readonly target?: string;
  /** Devices only: `MAJOR:MINOR`. */
  readonly device?: string;
  /** Extended attributes by full name, values in base64. */
  readonly xattrs?: Readonly<Record<string, string>>;
  /** The name of the layer that the content is read from. */
  readonly layer?: string;
}

/** The content of `*.entries.json`: everything in one file system. */
export interface EntryList {
  readonly formatVersion: 1;
  /** The directory of the whole tree that became the root of this file system: `/`, `/boot`. */
  readonly subtree: string;
  readonly entries: readonly EntryRecord[];
}

const TYPES: readonly Entry['type'][] = [
  'file',
  'directory',
  'symlink',
  'hardlink',
  'character-device',
  'block-device',
  'fifo',
  'socket',
];

/** The members that every record has. */
export const RECORD_MEMBERS = {
  path: text,
  type: oneOf(...TYPES),
  mode: matching(/^[0-7]{4,}$/, 'four octal digits'),
  uid: count,
  gid: count,
};

/** The members that some records have. */
export const OPTIONAL_RECORD_MEMBERS = {
  sizeBytes: count,
  sha256: text,
  target: text,
  device: text,
  xattrs: mapOf(text),
  layer: text,
};

/** Reads `*.entries.json`. */
export const ENTRY_LIST: Reader<EntryList> = object({
  formatVersion: oneOf(1),
  subtree: text,
  entries: listOf(object(RECORD_MEMBERS, OPTIONAL_RECORD_MEMBERS)),
});

/** Makes the record of an entry. `digest` is the SHA-256 of a file's content in hexadecimal. */
export function entryRecord(entry: Entry, digest?: string, layer?: string): EntryRecord {
  const xattrs = [...entry.xattrs].map(
    ([name, value]) => [name, Buffer.from(value).toString('base64')] as const,
  );
  return {
    path: `/${entry.path}`,
    type: entry.type,
    mode: entry.mode.toString(8).padStart(4, '0'),
    uid: entry.uid,
    gid: entry.gid,
    ...(entry.type === 'file' ? { sizeBytes: entry.sizeBytes } : {}),
    ...(digest === undefined ? {} : { sha256: digest }),
    ...(entry.type === 'symlink' ? { target: entry.target } : {}),
    ...(entry.type === 'hardlink' ? { target: `/${entry.target}` } : {}),
    ...('major' in entry ? { device: `${entry.major}:${entry.minor}` } : {}),
    ...(xattrs.length > 0 ? { xattrs: Object.fromEntries(xattrs) } : {}),
    ...(layer === undefined ? {} : { layer }),
  };
}

/**
 * Formats JSON with one record per line, so that a line diff of two manifests shows what changed.
 */
export function jsonLines(
  head: Readonly<Record<string, unknown>>,
  lists: Readonly<Record<string, readonly unknown[]>>,
): string {
  const fields = Object.entries(head).map(
    ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`,
  );
  for (const [key, records] of Object.entries(lists)) {
    const lines = records.map((record) => `\n  ${JSON.stringify(record)}`).join(',');
    fields.push(`${JSON.stringify(key)}: [${lines}${records.length > 0 ? '\n ' : ''}]`);
  }
  return `{\n ${fields.join(',\n ')}\n}\n`;
}

/** Formats `*.entries.json`. */
export function formatEntryList(list: EntryList): string {
  return jsonLines({ formatVersion: list.formatVersion, subtree: list.subtree }, { entries: list.entries });
}
