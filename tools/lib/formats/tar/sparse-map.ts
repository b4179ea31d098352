/**
 * Reads the maps of sparse members, in every form of GNU tar (GNU tar manual, "Storing Sparse
 * Files"): the old `S` member with extents in its header and in blocks after it, star's variant of
 * that, and pax 0.0, 0.1 and 1.0.
 */

import type { FieldAccess } from '../structure/structure.ts';
import { BLOCK_BYTES, GNU_HEADER, SPARSE, SPARSE_HEADER, STAR_IN_HEADER } from './format.ts';
import type { RawHeader } from './header.ts';
import { HeaderError, readNumber } from './number-field.ts';
import { type PaxRecords, SPARSE_MAP } from './pax.ts';

/** A run of bytes that holds data: [offset, length] in bytes. */
export type Extent = readonly [offsetBytes: number, lengthBytes: number];

/** Limits the memory for a map. */
export const MAX_EXTENTS = 1 << 20;
const MAX_NUMBER_DIGITS = 16;
const NEWLINE = 0x0a;
const COMMA = 0x2c;
const ZERO = 0x30;
const NINE = 0x39;

/**
 * The fields of a block that hold extents: an array of extents, and whether a block with more
 * extents follows.
 */
export type ExtentFields = Readonly<Record<'sp' | 'isextended', FieldAccess>>;

/** Decodes a decimal number of a pax record or a sparse map. */
export function decimal(bytes: Uint8Array, what: string): number {
  let value = 0;
  for (const byte of bytes) {
    value = byte >= ZERO && byte <= NINE ? value * 10 + (byte - ZERO) : Number.NaN;
    if (!Number.isSafeInteger(value)) break;
  }
  if (bytes.length === 0 || bytes.length > MAX_NUMBER_DIGITS || !Number.isSafeInteger(value)) {
    throw new HeaderError(`its ${what} is not a decimal number below 2^53`);
  }
  return value;
}

/**
 * Collects the extents of a map. Checks them against each other, the size of the file, and the size
 * of the stored data.
 */
class ExtentCollector {
  readonly #extents: Extent[] = [];
  readonly #realSizeBytes: number;
  #endBytes = 0;
  #dataBytes = 0;

  constructor(realSizeBytes: number) {
    this.#realSizeBytes = realSizeBytes;
  }

  add(offsetBytes: number, lengthBytes: number): void {
    const endBytes = offsetBytes + lengthBytes;
    if (offsetBytes < this.#endBytes || endBytes > this.#realSizeBytes) {
      throw new HeaderError('its sparse map has extents that overlap or pass the end of the file');
    }
    if (lengthBytes % BLOCK_BYTES !== 0 && endBytes !== this.#realSizeBytes) {
      throw new HeaderError('its sparse map has an extent that does not end at a block');
    }
    this.#endBytes = endBytes;
    if (lengthBytes === 0) return;
    if (this.#extents.length >= MAX_EXTENTS) tooMany();
    this.#dataBytes += lengthBytes;
    this.#extents.push([offsetBytes, lengthBytes]);
  }

  finish(storedBytes: number): Extent[] {
    if (this.#dataBytes !== storedBytes) {
      throw new HeaderError(
        `its sparse map has ${this.#dataBytes} bytes of data, but ${storedBytes} are stored`,
      );
    }
    return this.#extents;
  }
}

function tooMany(): never {
  throw new HeaderError(`its sparse map has more than ${MAX_EXTENTS} extents`);
}

/** A map that is read block by block. */
export interface SparseMap {
  /** The size of the file with its holes. */
  readonly realSizeBytes: number;
  /** Whether the next block of the archive belongs to the map. */
  readonly isOpen: boolean;
  /** Whether the map's blocks count as stored content. */
  readonly isContent: boolean;
  /** Takes the next block of the archive while the map is open. @throws HeaderError */
  add(block: Uint8Array): void;
  /** @param dataBytes the number of stored bytes of the file's data @throws HeaderError */
  extents(dataBytes: number): Extent[];
}

/** The map of an `S` member, in its header and in the blocks between header and content. */
export class HeaderSparseMap implements SparseMap {
  readonly realSizeBytes: number;
  readonly isContent = false;
  readonly #collector: ExtentCollector;
  #isOpen: boolean;

  /** @throws HeaderError */
  constructor(header: RawHeader) {
    const fields = header.dialect === 'star' ? STAR_IN_HEADER.at : GNU_HEADER.at;
    this.realSizeBytes = readNumber(header.block, fields.realsize, 'real size');
    this.#collector = new ExtentCollector(this.realSizeBytes);
    this.#isOpen = this.#take(header.block, fields);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Takes the extents of one block. @returns whether the block says that another one follows */
  #take(block: Uint8Array, { sp, isextended }: ExtentFields): boolean {
    const { offset, numbytes } = SPARSE.at;
    for (let start = sp.offsetBytes; start < sp.endBytes; start += SPARSE.sizeBytes) {
      // An unused element, after the last extent, has no length.
      if (block[start + numbytes.offsetBytes] === 0) break;
      this.#collector.add(
        readNumber(block, offset, 'sparse map', start),
        readNumber(block, numbytes, 'sparse map', start),
      );
    }
    return block[isextended.offsetBytes] !== 0;
  }

  add(block: Uint8Array): void {
    this.#isOpen = this.#take(block, SPARSE_HEADER.at);
  }

  extents(dataBytes: number): Extent[] {
    return this.#collector.finish(dataBytes);
  }
}

/** Parses the numbers of a map: the number of extents, then the offset and the length of each. */
class NumberList {
  readonly #collector: ExtentCollector;
  #extentCount: number | undefined;
  #offset: number | undefined;
  #count = 0;
  readonly #digits = new Uint8Array(MAX_NUMBER_DIGITS);
  #digitCount = 0;

  constructor(realSizeBytes: number, extentCount?: number) {
    this.#collector = new ExtentCollector(realSizeBytes);
    if (extentCount !== undefined) this.#setExtentCount(extentCount);
  }

  #setExtentCount(count: number): void {
    if (count > MAX_EXTENTS) tooMany();
    this.#extentCount = count;
  }

  get isWhole(): boolean {
    return this.#count === this.#extentCount;
  }

  #number(): number {
    const value = decimal(this.#digits.subarray(0, this.#digitCount), 'sparse map');
    this.#digitCount = 0;
    return value;
  }

  /** Takes a character. `separator` ends a number. */
  put(byte: number, separator: number): void {
    if (byte !== separator) {
      if (this.#digitCount === MAX_NUMBER_DIGITS) {
        throw new HeaderError('its sparse map has a number that is too long');
      }
      this.#digits[this.#digitCount++] = byte;
      return;
    }
    const value = this.#number();
    if (this.#extentCount === undefined) {
      this.#setExtentCount(value);
    } else if (this.#offset === undefined) {
      this.#offset = value;
    } else {
      this.#collector.add(this.#offset, value);
      this.#offset = undefined;
      this.#count++;
    }
  }

  extents(dataBytes: number): Extent[] {
    return this.#collector.finish(dataBytes);
  }
}

/** The map of format 1.0, at the start of the content: one number per line, padded to a block. */
export class ContentSparseMap implements SparseMap {
  readonly realSizeBytes: number;
  readonly isContent = true;
  readonly #list: NumberList;

  constructor(realSizeBytes: number) {
    this.realSizeBytes = realSizeBytes;
    this.#list = new NumberList(realSizeBytes);
  }

  get isOpen(): boolean {
    return !this.#list.isWhole;
  }

  add(block: Uint8Array): void {
    for (const byte of block) {
      if (this.#list.isWhole) return;
      this.#list.put(byte, NEWLINE);
    }
  }

  extents(dataBytes: number): Extent[] {
    return this.#list.extents(dataBytes);
  }
}

/** The map of formats 0.0 and 0.1, in the pax records. */
export class RecordSparseMap implements SparseMap {
  readonly realSizeBytes: number;
  readonly isOpen = false;
  readonly isContent = false;
  readonly #list: NumberList;

  /** @throws HeaderError */
  constructor(realSizeBytes: number, extentCount: number, map: Uint8Array) {
    this.realSizeBytes = realSizeBytes;
    this.#list = new NumberList(realSizeBytes, extentCount);
    for (const byte of map) this.#list.put(byte, COMMA);
    if (map.length > 0) this.#list.put(COMMA, COMMA);
    if (!this.#list.isWhole)
      throw new HeaderError('its sparse map does not have the number of extents that it states');
  }

  add(): never {
    throw new RangeError('a map in the pax records has no blocks');
  }

  extents(dataBytes: number): Extent[] {
    return this.#list.extents(dataBytes);
  }
}

const SPARSE_PREFIX = 'GNU.sparse.';
const SPARSE_NAME = 'GNU.sparse.name';

/**
 * Reads the pax records of a sparse member: its map, and its name if that is not the one of `path`.
 *
 * @returns `undefined` for a member that is not sparse
 * @throws HeaderError
 */
export function sparseRecords(
  records: PaxRecords,
): { name: Uint8Array | undefined; map: SparseMap } | undefined {
  let isSparse = false;
  for (const keyword of records.keys()) isSparse ||= keyword.startsWith(SPARSE_PREFIX);
  if (!isSparse) return undefined;
  const value = (keyword: string): Uint8Array => {
    const bytes = records.get(SPARSE_PREFIX + keyword);
    if (bytes === undefined)
      throw new HeaderError(`it is sparse, but has no record ${SPARSE_PREFIX}${keyword}`);
    return bytes;
  };
  const name = records.get(SPARSE_NAME);
  if (!records.has(`${SPARSE_PREFIX}major`)) {
    const realSizeBytes = decimal(value('size'), 'real size');
    const extentCount = decimal(value('numblocks'), 'number of extents');
    const numbers = records.get(SPARSE_MAP) ?? new Uint8Array();
    return { name, map: new RecordSparseMap(realSizeBytes, extentCount, numbers) };
  }
  const version = `${Buffer.from(value('major')).toString('latin1')}.${Buffer.from(value('minor')).toString('latin1')}`;
  if (version !== '1.0') {
    throw new HeaderError(
      `it is sparse in format ${JSON.stringify(version.slice(0, 20))}; only 0.0, 0.1 and 1.0 are supported`,
    );
  }
  return { name, map: new ContentSparseMap(decimal(value('realsize'), 'real size')) };
}
