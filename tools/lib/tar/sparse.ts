/**
 * Sparse members in GNU's pax format 1.0 (GNU tar manual, "Storing Sparse Files"): pax records name the file and its real size, and
 * the member's data starts with the map, decimal numbers a line: how many extents, then offset and length of each, padded to
 * a block.
 */

import { BLOCK_BYTES, HeaderError, NAME_BYTES, TypeFlag } from './header.ts';
import type { PaxRecords } from './pax.ts';
import { headerWithRecords, tarPadding } from './writer.ts';

/** A run of bytes that holds data: [offset, length] in bytes. */
export type Extent = readonly [offsetBytes: number, lengthBytes: number];

export interface SparseMember {
  readonly path: string;
  readonly mode: number;
  /** Size of the file with its holes. */
  readonly realSizeBytes: number;
  /** Where data is: ascending, none empty, in whole blocks of 512 bytes (GNU tar pads each extent to a block). */
  readonly extents: readonly Extent[];
}

const MAJOR = 'GNU.sparse.major';
const MINOR = 'GNU.sparse.minor';
const NAME = 'GNU.sparse.name';
const REAL_SIZE = 'GNU.sparse.realsize';
const MAX_MAP_DIGITS = 16;
/** Bounds the memory that a map from outside can take. */
const MAX_EXTENTS = 1 << 22;
const NEWLINE = 0x0a;

function text(value: string | number): Buffer {
  return Buffer.from(String(value));
}

/** The map of a file; one that ends in a hole gets an empty extent at its end, as GNU tar writes it. */
function encodeMap(member: SparseMember): Buffer {
  const extents = [...member.extents];
  const last = extents.at(-1);
  if (last === undefined || last[0] + last[1] < member.realSizeBytes) extents.push([member.realSizeBytes, 0]);
  const numbers = [extents.length, ...extents.flat()];
  const map = Buffer.from(numbers.map((number) => `${number}\n`).join(''));
  return Buffer.concat([map, tarPadding(map.length)]);
}

/**
 * The blocks in front of a sparse member's data: header, pax header and map. The data of all extents follows without gaps,
 * then `tarPadding(dataSizeBytes)`.
 */
export function sparseHeader(member: SparseMember): { header: Buffer; dataSizeBytes: number } {
  for (const [offsetBytes, lengthBytes] of member.extents) {
    if (offsetBytes % BLOCK_BYTES !== 0 || lengthBytes % BLOCK_BYTES !== 0 || lengthBytes === 0) {
      throw new RangeError(
        `extent of ${lengthBytes} bytes at ${offsetBytes} is empty or not in whole blocks`,
      );
    }
  }
  const map = encodeMap(member);
  const dataSizeBytes = member.extents.reduce((sum, [, lengthBytes]) => sum + lengthBytes, 0);
  const storedBytes = map.length + dataSizeBytes;
  const records = new Map<string, Uint8Array>([
    [MAJOR, text(1)],
    [MINOR, text(0)],
    [NAME, text(member.path)],
    [REAL_SIZE, text(member.realSizeBytes)],
    // Always there, so that the header's length does not depend on the size.
    ['size', text(storedBytes)],
  ]);
  const header = headerWithRecords(
    {
      // What a reader without sparse support would create: the map and the data, under another name.
      name: Buffer.from(`GNUSparseFile.0/${member.path}`).subarray(0, NAME_BYTES),
      typeFlag: TypeFlag.file,
      mode: member.mode,
      uid: 0,
      gid: 0,
      sizeBytes: storedBytes,
    },
    records,
  );
  return { header: Buffer.concat([header, map]), dataSizeBytes };
}

/** What pax records say about a sparse member: its real name and size, or `undefined` for a plain member. */
export function sparseRecords(records: PaxRecords): { name: Uint8Array; realSizeBytes: number } | undefined {
  const keywords = [...records.keys()].filter((keyword) => keyword.startsWith('GNU.sparse.'));
  if (keywords.length === 0) return undefined;
  const [major, minor, name, realSize] = [MAJOR, MINOR, NAME, REAL_SIZE].map((key) => records.get(key));
  if (major === undefined || minor === undefined || name === undefined || realSize === undefined) {
    throw new HeaderError(
      'it is sparse in a format older than 1.0, which is not read; make it with --sparse-version=1.0',
    );
  }
  const version = `${Buffer.from(major).toString('latin1')}.${Buffer.from(minor).toString('latin1')}`;
  if (version !== '1.0') throw new HeaderError(`it is sparse in format ${version.slice(0, 20)}; 1.0 is read`);
  return { name, realSizeBytes: decimal(realSize, 'real size') };
}

/** A decimal number of a pax record or a sparse map. */
export function decimal(bytes: Uint8Array, what: string): number {
  const digits = Buffer.from(bytes.subarray(0, MAX_MAP_DIGITS + 1)).toString('latin1');
  const value = Number(digits);
  if (!/^[0-9]+$/.test(digits) || digits.length > MAX_MAP_DIGITS || !Number.isSafeInteger(value)) {
    throw new HeaderError(`its ${what} is not a decimal number below 2^53`);
  }
  return value;
}

/** Reads the map at the start of a sparse member's data, block by block. */
export class SparseMapReader {
  #line: number[] = [];
  readonly #numbers: number[] = [];

  /** Takes one block; true once the map is whole. */
  add(block: Uint8Array): boolean {
    for (const byte of block) {
      if (byte !== NEWLINE) {
        if (this.#line.length > MAX_MAP_DIGITS)
          throw new HeaderError('its sparse map has a number that is too long');
        this.#line.push(byte);
        continue;
      }
      this.#numbers.push(decimal(Uint8Array.from(this.#line), 'sparse map'));
      this.#line = [];
      if ((this.#numbers[0] as number) > MAX_EXTENTS) {
        throw new HeaderError(`its sparse map has more than ${MAX_EXTENTS} extents`);
      }
      if (this.#numbers.length === 1 + 2 * (this.#numbers[0] as number)) return true;
    }
    return false;
  }

  /** The extents that hold data, checked against the file's size and the bytes that are stored. */
  extents(realSizeBytes: number, dataBytes: number): Extent[] {
    const extents: Extent[] = [];
    let end = 0;
    let sum = 0;
    for (let index = 1; index < this.#numbers.length; index += 2) {
      const offset = this.#numbers[index] as number;
      const length = this.#numbers[index + 1] as number;
      if (offset < end || offset + length > realSizeBytes) {
        throw new HeaderError('its sparse map has extents that overlap or pass the end of the file');
      }
      if (length % BLOCK_BYTES !== 0 && offset + length !== realSizeBytes) {
        throw new HeaderError('its sparse map has an extent that does not end at a block');
      }
      end = offset + length;
      sum += length;
      if (length > 0) extents.push([offset, length]);
    }
    if (sum !== dataBytes)
      throw new HeaderError(`its sparse map has ${sum} bytes of data, but ${dataBytes} are stored`);
    return extents;
  }
}
