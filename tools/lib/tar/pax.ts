/**
 * Extended header records: POSIX.1-2024 `pax`, section "pax Extended Header". A record is `LENGTH KEYWORD=VALUE\n`, where the
 * length counts the whole record. Values are bytes: extended attributes (`SCHILY.xattr.NAME`) hold NULs and newlines.
 */

import { HeaderError } from './header.ts';

export type PaxRecords = ReadonlyMap<string, Uint8Array>;

/** The prefix that star introduced and GNU tar, libarchive and Docker use for extended attributes. */
export const XATTR_PREFIX = 'SCHILY.xattr.';

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;
const MAX_LENGTH_DIGITS = 10;

/** One record; the length counts its own digits. */
function encodeRecord(keyword: string, value: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(` ${keyword}=`), value, Buffer.of(NEWLINE)]);
  let length = body.length + String(body.length).length;
  if (body.length + String(length).length > length) length++;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

/** Encodes records, sorted by keyword so that the caller's order does not matter. */
export function encodePax(records: PaxRecords): Buffer {
  const keywords = [...records.keys()].sort();
  return Buffer.concat(keywords.map((keyword) => encodeRecord(keyword, records.get(keyword) as Uint8Array)));
}

/**
 * Decodes records. A keyword that comes twice has its last value, as POSIX says.
 *
 * @throws HeaderError where a length lies or a record has no `=` or newline.
 */
export function decodePax(bytes: Uint8Array): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>();
  for (let start = 0; start < bytes.length; ) {
    const space = bytes.indexOf(SPACE, start);
    const digits = space < 0 ? '' : Buffer.from(bytes.subarray(start, space)).toString('latin1');
    if (digits.length > MAX_LENGTH_DIGITS || !/^[0-9]+$/.test(digits)) {
      throw new HeaderError('a pax record does not start with its length');
    }
    const end = start + Number(digits);
    if (end > bytes.length || end <= space + 1 || bytes[end - 1] !== NEWLINE) {
      throw new HeaderError('the length of a pax record is wrong');
    }
    const equals = bytes.indexOf(EQUALS, space);
    if (equals < 0 || equals >= end) throw new HeaderError('a pax record has no "="');
    const keyword = Buffer.from(bytes.subarray(space + 1, equals)).toString('utf8');
    records.set(keyword, bytes.slice(equals + 1, end - 1));
    start = end;
  }
  return records;
}
