/** From a member's headers to an {@link Entry}. */

import { type Entry, NO_XATTRS, normalizePath, type Xattrs } from '../entry/entry.ts';
import { HeaderError, type RawHeader, TypeFlag } from './header.ts';
import { XATTR_PREFIX } from './pax.ts';
import { decimal } from './sparse.ts';

/** What extended headers say about the member that follows. */
export interface Overrides {
  readonly records: Map<string, Uint8Array>;
  longName?: Uint8Array;
  longLink?: Uint8Array;
}

const MODE_BITS = 0o7777;
const MAX_ID = 0xffffffff;
/** Linux: NAME_MAX and PATH_MAX, the latter with its NUL. */
const MAX_COMPONENT_BYTES = 255;
const MAX_PATH_BYTES = 4095;
const SHOWN_NAME_CHARACTERS = 200;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array, what: string): string {
  let ascii = true;
  for (const byte of bytes) if (byte >= 0x80) ascii = false;
  if (ascii) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new HeaderError(`its ${what} is not UTF-8`);
  }
}

/** A GNU long name ends with a NUL. */
function withoutNul(bytes: Uint8Array): Uint8Array {
  const nul = bytes.indexOf(0);
  return nul < 0 ? bytes : bytes.subarray(0, nul);
}

/** A name for an error message, whatever its bytes are. */
export function showName(bytes: Uint8Array): string {
  const text = Buffer.from(withoutNul(bytes)).toString('utf8').slice(0, SHOWN_NAME_CHARACTERS);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters must not reach a terminal
  const printable = text.replaceAll(/[\x00-\x1f\x7f]/g, '?');
  return printable === '' ? '(empty name)' : printable;
}

/** Brings a path into the form of the entry model. */
function checkedPath(bytes: Uint8Array, what: string): string {
  const text = decodeUtf8(bytes, what);
  const path = normalizePath(text);
  if (path === undefined) {
    throw new HeaderError(
      text.includes('\0') ? `its ${what} holds a NUL` : `its ${what} leaves the root through ".."`,
    );
  }
  if (path.length > MAX_COMPONENT_BYTES) {
    if (Buffer.byteLength(path) > MAX_PATH_BYTES)
      throw new HeaderError(`its ${what} is longer than ${MAX_PATH_BYTES} bytes`);
  }
  if (path.length * 3 > MAX_COMPONENT_BYTES) {
    if (path.split('/').some((component) => Buffer.byteLength(component) > MAX_COMPONENT_BYTES)) {
      throw new HeaderError(`its ${what} has a component longer than ${MAX_COMPONENT_BYTES} bytes`);
    }
  }
  return path;
}

function override(overrides: Overrides, keyword: string): Uint8Array | undefined {
  const value = overrides.records.get(keyword);
  // An empty value takes back what a global header said (POSIX).
  return value === undefined || value.length === 0 ? undefined : value;
}

function number(overrides: Overrides, keyword: string, stated: () => number): number {
  const value = override(overrides, keyword);
  return value === undefined ? stated() : decimal(value, keyword);
}

/** Bytes of stored content. */
export function memberSizeBytes(header: RawHeader, overrides: Overrides): number {
  return number(overrides, 'size', () => header.sizeBytes);
}

function xattrsOf(overrides: Overrides): Xattrs {
  let xattrs: Map<string, Uint8Array> | undefined;
  for (const [keyword, value] of overrides.records) {
    if (!keyword.startsWith(XATTR_PREFIX)) continue;
    xattrs ??= new Map();
    xattrs.set(keyword.slice(XATTR_PREFIX.length), value);
  }
  return xattrs ?? NO_XATTRS;
}

/** @throws HeaderError where the member is not one that a file system can hold inside its root. */
export function memberEntry(header: RawHeader, overrides: Overrides, sizeBytes: number): Entry {
  const nameBytes =
    override(overrides, 'path') ?? (overrides.longName && withoutNul(overrides.longName)) ?? header.name;
  if (nameBytes.length === 0) throw new HeaderError('its name is empty');
  const path = checkedPath(nameBytes, 'path');
  const metadata = {
    path,
    mode: header.mode & MODE_BITS,
    uid: number(overrides, 'uid', () => header.uid),
    gid: number(overrides, 'gid', () => header.gid),
    xattrs: xattrsOf(overrides),
  };
  if (metadata.uid > MAX_ID || metadata.gid > MAX_ID)
    throw new HeaderError('its owner is larger than 2^32 - 1');
  const linkBytes = () =>
    override(overrides, 'linkpath') ??
    (overrides.longLink && withoutNul(overrides.longLink)) ??
    header.linkName;
  const entry = typedEntry(header, metadata, linkBytes, nameBytes.at(-1) === 0x2f, sizeBytes);
  if (path === '' && entry.type !== 'directory') throw new HeaderError('the root is not a directory');
  return entry;
}

function typedEntry(
  header: RawHeader,
  metadata: Pick<Entry, 'path' | 'mode' | 'uid' | 'gid' | 'xattrs'>,
  linkBytes: () => Uint8Array,
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
    case TypeFlag.directory:
      return { ...metadata, type: 'directory' };
    case TypeFlag.symlink: {
      const target = decodeUtf8(linkBytes(), 'link target');
      if (target === '') throw new HeaderError('its link target is empty');
      if (target.includes('\0')) throw new HeaderError('its link target holds a NUL');
      if (Buffer.byteLength(target) > MAX_PATH_BYTES)
        throw new HeaderError(`its link target is longer than ${MAX_PATH_BYTES} bytes`);
      return { ...metadata, type: 'symlink', target };
    }
    case TypeFlag.hardLink: {
      const target = checkedPath(linkBytes(), 'link target');
      if (target === '') throw new HeaderError('it is a hard link to the root directory');
      if (target === metadata.path) throw new HeaderError('it is a hard link to itself');
      return { ...metadata, type: 'hardlink', target };
    }
    case TypeFlag.characterDevice:
      return { ...metadata, type: 'character-device', major: header.major, minor: header.minor };
    case TypeFlag.blockDevice:
      return { ...metadata, type: 'block-device', major: header.major, minor: header.minor };
    case TypeFlag.fifo:
      return { ...metadata, type: 'fifo' };
    case TypeFlag.gnuSparse:
      throw new HeaderError(
        'it is sparse in the old GNU format, which is not read; make it with --format=posix',
      );
    default:
      throw new HeaderError(`its type ${JSON.stringify(header.typeFlag)} is unknown`);
  }
}
