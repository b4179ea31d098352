/**
 * Extended header records: POSIX.1-2024 `pax`, section "pax Extended Header". A record is `LENGTH KEYWORD=VALUE\n`, where the
 * length counts the whole record. Values are bytes: extended attributes (`SCHILY.xattr.NAME`) hold NULs and newlines.
 */

import { decodeName, encodeName } from '../entry/name.ts';
import { HeaderError } from './number-field.ts';

/** Values by keyword; keywords as names are (name.ts). */
export type PaxRecords = ReadonlyMap<string, Uint8Array>;

/** GNU sparse format 0.0 has these two once for each extent; they are read as the map that format 0.1 has in one record. */
const SPARSE_OFFSET = 'GNU.sparse.offset';
const SPARSE_LENGTH = 'GNU.sparse.numbytes';
export const SPARSE_MAP = 'GNU.sparse.map';

const SPACE = 0x20;
const EQUALS = 0x3d;
const COMMA = 0x2c;
const NEWLINE = 0x0a;
const ZERO = 0x30;
const NINE = 0x39;
const MAX_LENGTH_DIGITS = 10;
/** Bounds the memory that the records of one member can take. Linux has room for the names of some thousand attributes. */
export const MAX_RECORDS = 20_000;

/** One record; the length counts its own digits. */
export function encodeRecord(keyword: string, value: Uint8Array): Buffer {
  const body = Buffer.concat([encodeName(` ${keyword}=`), value, Buffer.of(NEWLINE)]);
  let length = body.length + String(body.length).length;
  if (body.length + String(length).length > length) length++;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

/** Encodes records, sorted by keyword so that the caller's order does not matter. */
export function encodePax(records: PaxRecords): Buffer {
  const keywords = [...records.keys()].sort();
  return Buffer.concat(keywords.map((keyword) => encodeRecord(keyword, records.get(keyword) as Uint8Array)));
}

/** The length at `start`, and where its digits end. */
function recordLength(bytes: Uint8Array, start: number): { length: number; space: number } {
  let length = 0;
  let index = start;
  for (; index < bytes.length && index - start <= MAX_LENGTH_DIGITS; index++) {
    const byte = bytes[index] as number;
    if (byte < ZERO || byte > NINE) break;
    length = length * 10 + (byte - ZERO);
  }
  if (index === start || index - start > MAX_LENGTH_DIGITS || bytes[index] !== SPACE) {
    throw new HeaderError('a pax record does not start with its length');
  }
  return { length, space: index };
}

/** Collects the extents of sparse format 0.0 in the order of their records. */
class ExtentRecords {
  readonly #numbers: Uint8Array[] = [];

  add(keyword: string, value: Uint8Array): void {
    const expected = this.#numbers.length % 2 === 0 ? SPARSE_OFFSET : SPARSE_LENGTH;
    if (keyword !== expected) throw new HeaderError('its sparse map has no offset and length in turn');
    this.#numbers.push(value);
  }

  /** The records as format 0.1 has them. */
  addTo(records: Map<string, Uint8Array>): void {
    if (this.#numbers.length === 0) return;
    if (records.has(SPARSE_MAP)) throw new HeaderError('it has two sparse maps');
    const separated = this.#numbers.flatMap((number, index) =>
      index === 0 ? [number] : [Uint8Array.of(COMMA), number],
    );
    records.set(SPARSE_MAP, Buffer.concat(separated));
  }
}

/**
 * Decodes records. A keyword that comes twice has its last value, as POSIX says.
 *
 * @throws HeaderError where a length lies or a record has no `=` or newline.
 */
export function decodePax(bytes: Uint8Array): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>();
  const extents = new ExtentRecords();
  for (let start = 0; start < bytes.length; ) {
    const { length, space } = recordLength(bytes, start);
    const end = start + length;
    if (end > bytes.length || end <= space + 1 || bytes[end - 1] !== NEWLINE) {
      throw new HeaderError('the length of a pax record is wrong');
    }
    const equals = bytes.indexOf(EQUALS, space);
    if (equals < 0 || equals >= end) throw new HeaderError('a pax record has no "="');
    const keyword = decodeName(bytes.subarray(space + 1, equals));
    const value = bytes.slice(equals + 1, end - 1);
    if (keyword === SPARSE_OFFSET || keyword === SPARSE_LENGTH) extents.add(keyword, value);
    else records.set(keyword, value);
    if (records.size > MAX_RECORDS) throw new HeaderError(`it has more than ${MAX_RECORDS} pax records`);
    start = end;
  }
  extents.addTo(records);
  return records;
}
