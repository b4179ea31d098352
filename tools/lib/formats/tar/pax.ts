/**
 * Encodes and decodes extended header records: POSIX.1-2024 `pax`, section "pax Extended Header". A
 * record is `LENGTH KEYWORD=VALUE\n`. The length counts the whole record. Values are bytes, because
 * extended attributes (`SCHILY.xattr.NAME`) contain NULs and newlines.
 */

import { decodeName, encodeName } from '../entry/name.ts';
import { HeaderError } from './number-field.ts';

/** Values by keyword. Keywords are strings that keep every byte, as names do (name.ts). */
export type PaxRecords = ReadonlyMap<string, Uint8Array>;

/**
 * GNU sparse format 0.0 has these two records for each extent. They are converted to the map of
 * format 0.1, one record.
 */
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
/**
 * Limits the memory for the records of one member. Linux can store a few thousand attributes of a
 * file.
 */
export const MAX_RECORDS = 20_000;

/** Encodes a record. The length counts its own digits. */
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

/** Reads the length at `start`, and finds the space after its digits. */
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
    if (keyword !== expected) throw new HeaderError('its sparse map does not alternate offsets and lengths');
    this.#numbers.push(value);
  }

  /** Adds the record of format 0.1. */
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
 * Decodes records. If a keyword occurs twice, its last value counts (POSIX).
 *
 * @throws HeaderError if a length is wrong, or a record has no `=` or newline
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
