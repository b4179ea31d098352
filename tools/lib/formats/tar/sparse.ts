/**
 * Writes sparse files in each of the forms of GNU tar (GNU tar manual, "Storing Sparse Files").
 *
 * In pax format 1.0, pax records have the name and the real size of the file, and the member's
 * content starts with the map: one decimal number per line (the number of extents, then the offset
 * and the length of each), padded to a block. Formats 0.1 and 0.0 have the map in the pax records.
 * `gnu` has it in the header and in the blocks that follow.
 */

import { type FileEntry, NO_XATTRS } from '../entry/entry.ts';
import { encodeName } from '../entry/name.ts';
import type { FieldAccess } from '../structure/structure.ts';
import { BLOCK_BYTES, GNU_HEADER, SPARSE, SPARSE_HEADER, TypeFlag } from './format.ts';
import { encodeHeader, MAX_OCTAL_SIZE, NAME_BYTES, sealHeader } from './header.ts';
import { maxOctal, putBinary, putOctal } from './number-field.ts';
import { encodeRecord } from './pax.ts';
import { type Extent, type ExtentFields, MAX_EXTENTS } from './sparse-map.ts';
import {
  commonFields,
  declareCharset,
  gnuLongName,
  headerWithRecords,
  metadataRecords,
  type TarOptions,
  tarPadding,
} from './writer.ts';

export type { Extent } from './sparse-map.ts';

export interface SparseMember extends Partial<Pick<FileEntry, 'uid' | 'gid' | 'xattrs'>> {
  readonly path: string;
  readonly mode: number;
  /** The size of the file with its holes. */
  readonly realSizeBytes: number;
  /**
   * The ranges that hold data. Extents are ascending, not empty, and whole blocks of 512 bytes,
   * except an extent that ends the file (GNU tar pads each extent to a block).
   */
  readonly extents: readonly Extent[];
}

export interface SparseOptions extends Omit<TarOptions, 'format'> {
  /**
   * Default: `pax-1.0`, which every reader of sparse files understands, and whose map has no size
   * limit.
   */
  readonly format?: 'pax-1.0' | 'pax-0.1' | 'pax-0.0' | 'gnu';
}

/** The blocks before a member's data, and the size of the data. */
export interface SparseHeader {
  readonly header: Buffer;
  readonly dataSizeBytes: number;
}

function text(value: string | number): Buffer {
  return Buffer.from(String(value));
}

function checkExtents({ extents, realSizeBytes }: SparseMember): void {
  if (extents.length >= MAX_EXTENTS) {
    throw new RangeError(`${extents.length} extents; a sparse member has fewer than ${MAX_EXTENTS}`);
  }
  let endBytes = 0;
  for (const [offsetBytes, lengthBytes] of extents) {
    const isWhole = lengthBytes % BLOCK_BYTES === 0 || offsetBytes + lengthBytes === realSizeBytes;
    if (offsetBytes % BLOCK_BYTES !== 0 || !isWhole || lengthBytes <= 0) {
      throw new RangeError(
        `extent of ${lengthBytes} bytes at ${offsetBytes} is empty or not in whole blocks`,
      );
    }
    if (offsetBytes < endBytes || offsetBytes + lengthBytes > realSizeBytes) {
      throw new RangeError(
        `extent of ${lengthBytes} bytes at ${offsetBytes} overlaps another or passes the end`,
      );
    }
    endBytes = offsetBytes + lengthBytes;
  }
}

/**
 * Returns the map of a file. If the file ends in a hole, the map ends with an empty extent, as GNU
 * tar writes it.
 */
function mapOf(member: SparseMember): readonly Extent[] {
  const last = member.extents.at(-1);
  const endsInHole = last === undefined || last[0] + last[1] < member.realSizeBytes;
  return endsInHole ? [...member.extents, [member.realSizeBytes, 0]] : member.extents;
}

/** Returns the map that precedes the data in format 1.0. */
function contentMap(member: SparseMember): Buffer {
  const extents = mapOf(member);
  const map = Buffer.from([extents.length, ...extents.flat()].map((number) => `${number}\n`).join(''));
  return Buffer.concat([map, tarPadding(map.length)]);
}

function entryOf(member: SparseMember): FileEntry {
  const { path, mode, uid = 0, gid = 0, xattrs = NO_XATTRS, realSizeBytes } = member;
  return { type: 'file', path, mode, uid, gid, xattrs, sizeBytes: realSizeBytes };
}

/** Makes the header of format 1.0. */
function contentMapHeader(member: SparseMember, options: TarOptions, dataSizeBytes: number): Buffer {
  const entry = entryOf(member);
  const map = contentMap(member);
  const storedBytes = map.length + dataSizeBytes;
  const path = encodeName(member.path);
  const records = metadataRecords(entry, options);
  records.set('GNU.sparse.major', text(1));
  records.set('GNU.sparse.minor', text(0));
  records.set('GNU.sparse.name', path);
  declareCharset(records, 'GNU.sparse.name', member.path);
  records.set('GNU.sparse.realsize', text(member.realSizeBytes));
  // Always present, so that the header's length does not depend on the size.
  records.set('size', text(storedBytes));
  const fields = {
    ...commonFields(entry, options),
    // A reader without sparse support creates this file, with the map and the data.
    name: Buffer.concat([Buffer.from('GNUSparseFile.0/'), path]).subarray(0, NAME_BYTES),
    typeFlag: TypeFlag.file,
    sizeBytes: storedBytes,
  };
  return Buffer.concat([headerWithRecords(fields, records), map]);
}

/** Makes the header of formats 0.0 and 0.1. */
function recordMapHeader(
  member: SparseMember,
  options: TarOptions,
  version: 0 | 1,
  dataSizeBytes: number,
): Buffer {
  const entry = entryOf(member);
  const path = encodeName(member.path);
  const extents = mapOf(member);
  const records = metadataRecords(entry, options);
  const nameKeyword = version === 0 ? 'path' : 'GNU.sparse.name';
  records.set(nameKeyword, path);
  declareCharset(records, nameKeyword, member.path);
  if (dataSizeBytes > MAX_OCTAL_SIZE) records.set('size', text(dataSizeBytes));
  // GNU tar requires the size and the number of extents before the map.
  const map: [string, Uint8Array][] = [
    ['GNU.sparse.size', text(member.realSizeBytes)],
    ['GNU.sparse.numblocks', text(extents.length)],
  ];
  if (version === 1) map.push(['GNU.sparse.map', text(extents.flat().join(','))]);
  for (const [offsetBytes, lengthBytes] of version === 0 ? extents : []) {
    map.push(['GNU.sparse.offset', text(offsetBytes)], ['GNU.sparse.numbytes', text(lengthBytes)]);
  }
  const encoded = Buffer.concat(map.map(([keyword, value]) => encodeRecord(keyword, value)));
  const name = version === 0 ? path : Buffer.concat([Buffer.from('GNUSparseFile.0/'), path]);
  const fields = {
    ...commonFields(entry, options),
    name: name.subarray(0, NAME_BYTES),
    typeFlag: TypeFlag.file,
    sizeBytes: dataSizeBytes,
  };
  return headerWithRecords(fields, records, encoded);
}

function putNumber(block: Buffer, field: FieldAccess, value: number, startBytes = 0): void {
  if (value <= maxOctal(field)) putOctal(block, field, value, startBytes);
  else putBinary(block, field, value, startBytes);
}

/** Returns the number of extents that a block can hold. */
function capacityOf({ sp }: ExtentFields): number {
  return sp.lengthBytes / SPARSE.sizeBytes;
}

/** Writes as many extents into a block as it can hold, and marks whether more extents follow. */
function putExtents(block: Buffer, fields: ExtentFields, extents: readonly Extent[]): void {
  const capacity = capacityOf(fields);
  extents.slice(0, capacity).forEach(([offsetBytes, lengthBytes], index) => {
    const start = fields.sp.offsetBytes + index * SPARSE.sizeBytes;
    putNumber(block, SPARSE.at.offset, offsetBytes, start);
    putNumber(block, SPARSE.at.numbytes, lengthBytes, start);
  });
  if (extents.length > capacity) block[fields.isextended.offsetBytes] = 1;
}

/** Makes the `S` member of GNU format. */
function headerMapHeader(member: SparseMember, options: TarOptions, dataSizeBytes: number): Buffer {
  const path = encodeName(member.path);
  const block = encodeHeader({
    ...commonFields(entryOf(member), options),
    name: path.subarray(0, NAME_BYTES),
    typeFlag: TypeFlag.gnuSparse,
    sizeBytes: dataSizeBytes,
    format: 'gnu',
  });
  putNumber(block, GNU_HEADER.at.realsize, member.realSizeBytes);
  const extents = mapOf(member);
  putExtents(block, GNU_HEADER.at, extents);
  sealHeader(block);
  const extensions: Buffer[] = [];
  const capacity = capacityOf(SPARSE_HEADER.at);
  for (let done = capacityOf(GNU_HEADER.at); done < extents.length; done += capacity) {
    const extension = Buffer.alloc(BLOCK_BYTES);
    putExtents(extension, SPARSE_HEADER.at, extents.slice(done, done + capacity + 1));
    extensions.push(extension);
  }
  return Buffer.concat([gnuLongName(TypeFlag.gnuLongName, path), block, ...extensions]);
}

/**
 * Makes the blocks before a sparse member's data. The data of all extents follows without gaps,
 * then `tarPadding(dataSizeBytes)`.
 *
 * @throws RangeError if the extents break the rules of {@link SparseMember.extents}
 */
export function sparseHeader(member: SparseMember, options: SparseOptions = {}): SparseHeader {
  checkExtents(member);
  const { format = 'pax-1.0', ...rest } = options;
  const dataSizeBytes = member.extents.reduce((sum, [, lengthBytes]) => sum + lengthBytes, 0);
  const headers = {
    'pax-1.0': () => contentMapHeader(member, rest, dataSizeBytes),
    'pax-0.1': () => recordMapHeader(member, rest, 1, dataSizeBytes),
    'pax-0.0': () => recordMapHeader(member, rest, 0, dataSizeBytes),
    gnu: () => headerMapHeader(member, { ...rest, format: 'gnu' }, dataSizeBytes),
  };
  return { header: headers[format](), dataSizeBytes };
}
