/**
 * Writes the headers of tar members. The bytes depend only on the entry and the options: numeric
 * owners without names, and pax records, sorted by keyword, only for values that a ustar header
 * cannot store. The caller sorts the members and writes their contents.
 */

import type { Entry } from '../entry/entry.ts';
import { encodeName, printableName } from '../entry/name.ts';
import type { Timestamp } from '../entry/tree-reader.ts';
import { UserError } from '../error/user-error.ts';
import { aclToText } from './acl.ts';
import { BLOCK_BYTES, TypeFlag } from './format.ts';
import {
  encodeHeader,
  type HeaderFields,
  LINK_NAME_BYTES,
  MAX_OCTAL_ID,
  MAX_OCTAL_SIZE,
  NAME_BYTES,
  PREFIX_BYTES,
  paddingBytes,
} from './header.ts';
import { encodePax } from './pax.ts';
import { ACL_KEYWORDS, xattrKeyword } from './xattr.ts';

/** How members are written. The defaults give the bytes of layers. */
export interface TarOptions {
  /**
   * `pax` (default) is POSIX.1-2001 and can store everything. `gnu` stores long names as separate
   * members and large numbers in binary, for readers without pax. It has no extended attributes and
   * no fractions of seconds.
   */
  readonly format?: 'pax' | 'gnu';
  /**
   * Stores access control lists as raw attributes of Linux (`xattrs`, default), or as text, which
   * `tar --acls` and star read (`text`).
   */
  readonly acls?: 'xattrs' | 'text';
  /** The modification time of every member. Default: 0, the first second of 1970. */
  readonly modificationTime?: Timestamp;
}

/** The end of an archive: two blocks of zeros. */
export const TAR_END = new Uint8Array(2 * BLOCK_BYTES);

const PADDING = new Uint8Array(BLOCK_BYTES);
const SLASH = 0x2f;
const NON_ASCII = /[^\x20-\x7e]/;
/** The name of a pax header itself. Readers that support pax never show it. */
const PAX_HEADER_NAME = Buffer.from('PaxHeader');
const PAX_HEADER_MODE = 0o644;
/** The name of GNU tar's members that hold the long name of the next member. */
const LONG_LINK_NAME = Buffer.from('././@LongLink');
/** POSIX, "pax Extended Header", hdrcharset: names are bytes of no known character set. */
const CHARSET_KEYWORD = 'hdrcharset';
const CHARSET_BINARY = Buffer.from('BINARY');
const NANOSECOND_DIGITS = 9;
const NANOSECONDS = 1_000_000_000;

const TYPE_FLAGS = {
  file: TypeFlag.file,
  hardlink: TypeFlag.hardLink,
  symlink: TypeFlag.symlink,
  'character-device': TypeFlag.characterDevice,
  'block-device': TypeFlag.blockDevice,
  directory: TypeFlag.directory,
  fifo: TypeFlag.fifo,
} as const;

/** Returns the member's name: `./` for the root, a trailing slash for directories. */
function memberName(entry: Entry): string {
  if (entry.path === '') return './';
  return entry.type === 'directory' ? `${entry.path}/` : entry.path;
}

/**
 * Splits a name between the ustar fields `prefix` and `name`.
 *
 * @returns `undefined` if no slash is at a suitable place
 */
function splitName(name: Uint8Array): { prefix: Uint8Array; name: Uint8Array } | undefined {
  if (name.length <= NAME_BYTES) return { prefix: new Uint8Array(), name };
  const slash = name.lastIndexOf(SLASH, Math.min(PREFIX_BYTES, name.length - 2));
  if (slash <= 0 || name.length - slash - 1 > NAME_BYTES) return undefined;
  return { prefix: name.subarray(0, slash), name: name.subarray(slash + 1) };
}

/**
 * Makes a header. If there are records, a pax header with them precedes it. The records in
 * `encoded` come first.
 */
export function headerWithRecords(
  fields: HeaderFields,
  records: ReadonlyMap<string, Uint8Array>,
  encoded: Uint8Array = new Uint8Array(),
): Buffer {
  const header = encodeHeader(fields);
  if (records.size === 0 && encoded.length === 0) return header;
  const body = Buffer.concat([encoded, encodePax(records)]);
  const paxHeader = encodeHeader({
    name: PAX_HEADER_NAME,
    typeFlag: TypeFlag.paxHeader,
    mode: PAX_HEADER_MODE,
    uid: 0,
    gid: 0,
    sizeBytes: body.length,
  });
  return Buffer.concat([paxHeader, body, tarPadding(body.length), header]);
}

/**
 * Makes the member that precedes a GNU header whose name or link target is longer than its field.
 */
export function gnuLongName(typeFlag: 'L' | 'K', name: Uint8Array): Buffer {
  if (name.length <= NAME_BYTES) return Buffer.alloc(0);
  const sizeBytes = name.length + 1;
  const zero = { mode: 0, uid: 0, gid: 0 };
  const header = encodeHeader({ ...zero, name: LONG_LINK_NAME, typeFlag, sizeBytes, format: 'gnu' });
  return Buffer.concat([header, name, Buffer.alloc(1), tarPadding(sizeBytes)]);
}

function refuse(entry: Entry, rule: string): never {
  throw new UserError(`${printableName(entry.path)}: ${rule}`);
}

/** Refuses an entry that no tar archive, or no archive of the format, can store. */
function checkEntry(entry: Entry, options: TarOptions): void {
  if (entry.type === 'socket') refuse(entry, 'a tar archive cannot hold a socket; leave it out');
  const device = entry.type === 'character-device' || entry.type === 'block-device' ? entry : undefined;
  if (device !== undefined && Math.max(device.major, device.minor) > MAX_OCTAL_ID) {
    refuse(entry, `the device ${device.major}:${device.minor} is larger than a tar archive can hold`);
  }
  if (options.format === 'gnu' && entry.xattrs.size > 0 && entry.type !== 'hardlink') {
    refuse(entry, 'tar archives of GNU format cannot hold extended attributes; write it in pax format');
  }
}

/** Encodes a time for a pax record: decimal seconds. */
function timeText({ seconds, nanoseconds }: Timestamp): string {
  if (nanoseconds === 0) return String(seconds);
  // The digits of a fraction count away from zero, but nanoseconds count towards the future.
  const negative = seconds < 0;
  const whole = negative ? -(seconds + 1) : seconds;
  const fraction = (negative ? NANOSECONDS - nanoseconds : nanoseconds)
    .toString()
    .padStart(NANOSECOND_DIGITS, '0');
  return `${negative ? '-' : ''}${whole}.${fraction.replace(/0+$/, '')}`;
}

/** Makes the records for values that header fields cannot store, except names. */
export function metadataRecords(entry: Entry, options: TarOptions): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>();
  const { modificationTime } = options;
  if (entry.uid > MAX_OCTAL_ID) records.set('uid', Buffer.from(String(entry.uid)));
  if (entry.gid > MAX_OCTAL_ID) records.set('gid', Buffer.from(String(entry.gid)));
  if (
    modificationTime !== undefined &&
    (modificationTime.nanoseconds !== 0 ||
      modificationTime.seconds < 0 ||
      modificationTime.seconds > MAX_OCTAL_SIZE)
  ) {
    records.set('mtime', Buffer.from(timeText(modificationTime)));
  }
  if (entry.type === 'hardlink') return records;
  for (const [name, value] of entry.xattrs) {
    const aclKeyword = Object.keys(ACL_KEYWORDS).find((keyword) => ACL_KEYWORDS[keyword] === name);
    const text = options.acls === 'text' && aclKeyword !== undefined ? aclToText(value) : undefined;
    if (text === undefined) records.set(xattrKeyword(name), value);
    else records.set(aclKeyword as string, Buffer.from(text));
  }
  return records;
}

/**
 * Adds a record if `name` is not UTF-8. The record states that names, such as that in the record
 * `keyword`, are bytes without a character set.
 */
export function declareCharset(records: Map<string, Uint8Array>, keyword: string, name: string): void {
  if (records.has(keyword) && !name.isWellFormed()) records.set(CHARSET_KEYWORD, CHARSET_BINARY);
}

/** Returns the fields that are the same for every type of member. */
export function commonFields(
  entry: Entry,
  options: TarOptions,
): Pick<HeaderFields, 'mode' | 'uid' | 'gid' | 'modificationSeconds' | 'format'> {
  const { mode, uid, gid } = entry;
  const modificationSeconds = options.modificationTime?.seconds ?? 0;
  return { mode, uid, gid, modificationSeconds, format: options.format ?? 'pax' };
}

/**
 * Makes the blocks before an entry's content.
 *
 * Names that are UTF-8 but not ASCII are stored in pax records. Names that are not UTF-8 are stored
 * unchanged in the header, from which GNU tar and bsdtar read them unchanged. If such a name is too
 * long for the header, it is stored in a record, with `hdrcharset=BINARY`.
 *
 * @throws UserError if the format cannot store the entry: a socket in any format, extended
 *   attributes in `gnu`
 */
export function tarHeader(entry: Entry, options: TarOptions = {}): Buffer {
  checkEntry(entry, options);
  const path = memberName(entry);
  const target = entry.type === 'symlink' || entry.type === 'hardlink' ? entry.target : '';
  const pathBytes = encodeName(path);
  const targetBytes = encodeName(target);
  const device = entry.type === 'character-device' || entry.type === 'block-device' ? entry : undefined;
  const fields: HeaderFields = {
    ...commonFields(entry, options),
    name: pathBytes.subarray(0, NAME_BYTES),
    linkName: targetBytes.subarray(0, LINK_NAME_BYTES),
    typeFlag: TYPE_FLAGS[entry.type as keyof typeof TYPE_FLAGS],
    sizeBytes: entry.type === 'file' ? entry.sizeBytes : 0,
    ...(device === undefined ? {} : { major: device.major, minor: device.minor }),
  };
  if (options.format === 'gnu') {
    const longNames = [
      gnuLongName(TypeFlag.gnuLongLink, targetBytes),
      gnuLongName(TypeFlag.gnuLongName, pathBytes),
    ];
    return Buffer.concat([...longNames, encodeHeader(fields)]);
  }
  const records = metadataRecords(entry, options);
  const isHeaderName = (name: string): boolean => !NON_ASCII.test(name) || !name.isWellFormed();
  const split = isHeaderName(path) ? splitName(pathBytes) : undefined;
  if (split === undefined) records.set('path', pathBytes);
  if (targetBytes.length > LINK_NAME_BYTES || !isHeaderName(target)) records.set('linkpath', targetBytes);
  declareCharset(records, 'path', path);
  declareCharset(records, 'linkpath', target);
  if (fields.sizeBytes > MAX_OCTAL_SIZE) records.set('size', Buffer.from(String(fields.sizeBytes)));
  return headerWithRecords({ ...fields, ...split }, records);
}

/** Returns the zeros after `sizeBytes` bytes of content. */
export function tarPadding(sizeBytes: number): Uint8Array {
  return PADDING.subarray(0, paddingBytes(sizeBytes));
}
