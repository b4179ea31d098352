/** Turns the headers of a member into an {@link Entry}. */

import { type Entry, normalizePath } from '../entry/entry.ts';
import { decodeName, nameBytes, printableName } from '../entry/name.ts';
import type { Timestamp } from '../entry/tree-reader.ts';
import { TypeFlag } from './format.ts';
import type { RawHeader } from './header.ts';
import { HeaderError } from './number-field.ts';
import { decimal } from './sparse-map.ts';
import { xattrsOf } from './xattr.ts';

/** The values that extended headers state for the next member. */
export interface Overrides {
  /** The records of global headers so far. They apply to all members that follow (POSIX). */
  readonly globalRecords: ReadonlyMap<string, Uint8Array>;
  records: Map<string, Uint8Array>;
  longName?: Uint8Array;
  longLink?: Uint8Array;
}

const MODE_BITS = 0o7777;
const MAX_ID = 0xffffffff;
/** Linux: NAME_MAX, and PATH_MAX without its NUL. */
const MAX_COMPONENT_BYTES = 255;
const MAX_PATH_BYTES = 4095;
/** A UTF-16 code unit becomes at most three bytes. */
const MAX_CHARACTER_BYTES = 3;
const SHOWN_NAME_BYTES = 200;
const SLASH = 0x2f;
const NANOSECOND_DIGITS = 9;
const NANOSECONDS = 1_000_000_000;
/** POSIX, "pax Extended Header", hdrcharset: the character sets whose names need no conversion. */
const CHARSETS = new Set(['BINARY', 'ISO-IR 10646 2000 UTF-8', 'ISO-IR 646 1990']);
/**
 * The records of a global header that apply to members. Other records are comments, such as the
 * commit that `git archive` writes.
 */
const GLOBAL_KEYWORDS = new Set(['path', 'linkpath', 'size', 'uid', 'gid', 'mtime', 'hdrcharset']);
const NEVER_GLOBAL = /^(GNU\.sparse\.|SCHILY\.(xattr|acl)\.|LIBARCHIVE\.xattr\.|RHT\.security\.)/;

/** Removes the NUL at the end of a GNU long name. */
function withoutNul(bytes: Uint8Array): Uint8Array {
  const nul = bytes.indexOf(0);
  return nul < 0 ? bytes : bytes.subarray(0, nul);
}

/** Returns a name of any bytes in the form for error messages. */
export function showName(bytes: Uint8Array): string {
  const name = printableName(decodeName(withoutNul(bytes).subarray(0, SHOWN_NAME_BYTES)));
  return name === '' ? '(empty name)' : name;
}

/**
 * Adds the records of a global header.
 *
 * @throws HeaderError for a record that can apply to one member only
 */
export function addGlobalRecords(
  globalRecords: Map<string, Uint8Array>,
  records: ReadonlyMap<string, Uint8Array>,
): void {
  for (const [keyword, value] of records) {
    if (NEVER_GLOBAL.test(keyword)) {
      throw new HeaderError(
        `a global header has ${printableName(keyword)}, which can apply to one member only`,
      );
    }
    if (GLOBAL_KEYWORDS.has(keyword)) globalRecords.set(keyword, value);
  }
}

/**
 * Returns the normal form of a path. Fast if the path has that form already, except for a leading
 * `./` and a trailing slash.
 */
function normalized(path: string): string | undefined {
  const start = path.startsWith('./') ? 2 : path.startsWith('/') ? 1 : 0;
  const end = path.endsWith('/') ? path.length - 1 : path.length;
  const inner = start < end ? path.slice(start, end) : '';
  const isPlain =
    inner !== '' &&
    !inner.startsWith('/') &&
    !inner.startsWith('.') &&
    !inner.endsWith('/') &&
    !inner.includes('/.') &&
    !inner.includes('//') &&
    !inner.includes('\0');
  return isPlain ? inner : normalizePath(path);
}

/** Converts a path to the form of the entry model. */
function checkedPath(bytes: Uint8Array, what: string): string {
  const text = decodeName(bytes);
  const path = normalized(text);
  if (path === undefined) {
    throw new HeaderError(
      text.includes('\0') ? `its ${what} holds a NUL` : `its ${what} leaves the root through ".."`,
    );
  }
  if (path.length * MAX_CHARACTER_BYTES > MAX_COMPONENT_BYTES) {
    if (nameBytes(path) > MAX_PATH_BYTES)
      throw new HeaderError(`its ${what} is longer than ${MAX_PATH_BYTES} bytes`);
    if (path.split('/').some((component) => nameBytes(component) > MAX_COMPONENT_BYTES)) {
      throw new HeaderError(`its ${what} has a component longer than ${MAX_COMPONENT_BYTES} bytes`);
    }
  }
  return path;
}

function override({ records, globalRecords }: Overrides, keyword: string): Uint8Array | undefined {
  const value = records.get(keyword) ?? globalRecords.get(keyword);
  // An empty value cancels a record of a global header (POSIX).
  return value === undefined || value.length === 0 ? undefined : value;
}

function number(overrides: Overrides, keyword: string, stated: () => number): number {
  const value = override(overrides, keyword);
  return value === undefined ? stated() : decimal(value, keyword);
}

/** Returns the number of bytes of stored content. */
export function memberSizeBytes(header: RawHeader, overrides: Overrides): number {
  return number(overrides, 'size', () => header.sizeBytes);
}

/** Returns the member's modification time. @throws HeaderError */
export function memberTime(header: RawHeader, overrides: Overrides): Timestamp {
  const value = override(overrides, 'mtime');
  if (value === undefined) return { seconds: header.modificationSeconds, nanoseconds: 0 };
  const text = Buffer.from(value.buffer, value.byteOffset, Math.min(value.length, 64)).toString('latin1');
  const [, sign = '', whole = '', fraction = ''] = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(text) ?? [];
  if (whole === '') throw new HeaderError('its mtime is not a decimal number');
  const nanoseconds = Number(fraction.slice(0, NANOSECOND_DIGITS).padEnd(NANOSECOND_DIGITS, '0'));
  if (sign === '') return { seconds: Number(whole), nanoseconds };
  // Nanoseconds count towards the future, but the digits of a fraction count away from zero.
  if (nanoseconds === 0) return { seconds: 0 - Number(whole), nanoseconds };
  return { seconds: -Number(whole) - 1, nanoseconds: NANOSECONDS - nanoseconds };
}

function checkCharset(overrides: Overrides): void {
  const value = override(overrides, 'hdrcharset');
  if (value === undefined) return;
  const charset = Buffer.from(value).toString('latin1');
  if (!CHARSETS.has(charset)) {
    throw new HeaderError(
      `its names are in the character set ${JSON.stringify(charset.slice(0, 40))}; only UTF-8 and BINARY are supported`,
    );
  }
}

/**
 * Converts a member to an entry.
 *
 * @param sparseName the name of a sparse file, if pax records have a name other than `path`
 * @throws HeaderError if a file system cannot store the member inside its root
 */
export function memberEntry(
  header: RawHeader,
  overrides: Overrides,
  sizeBytes: number,
  sparseName?: Uint8Array,
): Entry {
  checkCharset(overrides);
  const name = memberName(header, overrides, sparseName);
  if (name.length === 0) throw new HeaderError('its name is empty');
  const path = checkedPath(name, 'path');
  const metadata = {
    path,
    mode: header.mode & MODE_BITS,
    uid: number(overrides, 'uid', () => header.uid),
    gid: number(overrides, 'gid', () => header.gid),
    xattrs: xattrsOf(overrides.records),
  };
  if (metadata.uid > MAX_ID || metadata.gid > MAX_ID)
    throw new HeaderError('its owner is larger than 2^32 - 1');
  const entry = typedEntry(header, overrides, metadata, name.at(-1) === SLASH, sizeBytes);
  if (path === '' && entry.type !== 'directory') throw new HeaderError('the root is not a directory');
  return entry;
}

/**
 * Returns the bytes of a member's name. The name of a sparse file comes first, then that of a pax
 * record, a GNU long name, and the header.
 */
export function memberName(header: RawHeader, overrides: Overrides, sparseName?: Uint8Array): Uint8Array {
  return (
    sparseName ??
    override(overrides, 'path') ??
    (overrides.longName && withoutNul(overrides.longName)) ??
    header.name
  );
}

function linkTarget(header: RawHeader, overrides: Overrides): Uint8Array {
  return (
    override(overrides, 'linkpath') ??
    (overrides.longLink && withoutNul(overrides.longLink)) ??
    header.linkName
  );
}

function deviceNumbers(header: RawHeader, overrides: Overrides): { major: number; minor: number } {
  return {
    major: number(overrides, 'SCHILY.devmajor', () => header.major),
    minor: number(overrides, 'SCHILY.devminor', () => header.minor),
  };
}

function symlinkTarget(bytes: Uint8Array): string {
  const target = decodeName(bytes);
  if (target === '') throw new HeaderError('its link target is empty');
  if (target.includes('\0')) throw new HeaderError('its link target holds a NUL');
  if (bytes.length > MAX_PATH_BYTES)
    throw new HeaderError(`its link target is longer than ${MAX_PATH_BYTES} bytes`);
  return target;
}

function typedEntry(
  header: RawHeader,
  overrides: Overrides,
  metadata: Pick<Entry, 'path' | 'mode' | 'uid' | 'gid' | 'xattrs'>,
  trailingSlash: boolean,
  sizeBytes: number,
): Entry {
  switch (header.typeFlag) {
    case TypeFlag.oldFile:
    case TypeFlag.file:
    case TypeFlag.contiguousFile:
      // Archives older than POSIX have no type for directories.
      if (trailingSlash) return { ...metadata, type: 'directory' };
      return { ...metadata, type: 'file', sizeBytes };
    case TypeFlag.gnuSparse:
      return { ...metadata, type: 'file', sizeBytes };
    case TypeFlag.directory:
    case TypeFlag.gnuDirectory:
      return { ...metadata, type: 'directory' };
    case TypeFlag.symlink:
      return { ...metadata, type: 'symlink', target: symlinkTarget(linkTarget(header, overrides)) };
    case TypeFlag.hardLink: {
      const target = checkedPath(linkTarget(header, overrides), 'link target');
      if (target === '') throw new HeaderError('it is a hard link to the root directory');
      if (target === metadata.path) throw new HeaderError('it is a hard link to itself');
      return { ...metadata, type: 'hardlink', target };
    }
    case TypeFlag.characterDevice:
      return { ...metadata, type: 'character-device', ...deviceNumbers(header, overrides) };
    case TypeFlag.blockDevice:
      return { ...metadata, type: 'block-device', ...deviceNumbers(header, overrides) };
    case TypeFlag.fifo:
      return { ...metadata, type: 'fifo' };
    default:
      throw new HeaderError(`its type ${JSON.stringify(header.typeFlag)} is unknown`);
  }
}
