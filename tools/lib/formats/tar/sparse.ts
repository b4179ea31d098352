/**
 * Writes sparse files in each of the forms that GNU tar knows (GNU tar manual, "Storing Sparse Files").
 *
 * In pax format 1.0, pax records name the file and its real size, and the member's data starts with the map, decimal numbers a line: how
 * many extents, then offset and length of each, padded to a block. 0.1 and 0.0 have the map in the pax records; `gnu` has it in the header
 * and in blocks behind it.
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
  /** Size of the file with its holes. */
  readonly realSizeBytes: number;
  /**
   * Where data is: ascending, none empty, in whole blocks of 512 bytes but for one that ends the file (GNU tar pads each extent to a block).
   */
  readonly extents: readonly Extent[];
}

export interface SparseOptions extends Omit<TarOptions, 'format'> {
  /** Default: `pax-1.0`, which every reader of sparse files understands and which has no bound on its map. */
  readonly format?: 'pax-1.0' | 'pax-0.1' | 'pax-0.0' | 'gnu';
}

/** The blocks in front of a member's data, and how long that is. */
export interface SparseHeader {
  readonly header: Buffer;
  readonly dataSizeBytes: number;
}

function text(value: string | number): Buffer {
  return Buffer.from(String(value));
}

function checkExtents({ extents, realSizeBytes }: SparseMember): void {
  if (extents.length >= MAX_EXTENTS) {
    throw new RangeError(`${extents.length} extents; a sparse member has less than ${MAX_EXTENTS}`);
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

/** The map of a file; one that ends in a hole gets an empty extent at its end, as GNU tar writes it. */
function mapOf(member: SparseMember): readonly Extent[] {
  const last = member.extents.at(-1);
  const endsInHole = last === undefined || last[0] + last[1] < member.realSizeBytes;
  return endsInHole ? [...member.extents, [member.realSizeBytes, 0]] : member.extents;
}

/** What stands in front of the data in format 1.0. */
function contentMap(member: SparseMember): Buffer {
  const extents = mapOf(member);
  const map = Buffer.from([extents.length, ...extents.flat()].map((number) => `${number}\n`).join(''));
  return Buffer.concat([map, tarPadding(map.length)]);
}

function entryOf(member: SparseMember): FileEntry {
  const { path, mode, uid = 0, gid = 0, xattrs = NO_XATTRS, realSizeBytes } = member;
  return { type: 'file', path, mode, uid, gid, xattrs, sizeBytes: realSizeBytes };
}

/** Format 1.0. */
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
  // Always there, so that the header's length does not depend on the size.
  records.set('size', text(storedBytes));
  const fields = {
    ...commonFields(entry, options),
    // What a reader without sparse support would create: the map and the data, under another name.
    name: Buffer.concat([Buffer.from('GNUSparseFile.0/'), path]).subarray(0, NAME_BYTES),
    typeFlag: TypeFlag.file,
    sizeBytes: storedBytes,
  };
  return Buffer.concat([headerWithRecords(fields, records), map]);
}

/** Formats 0.0 and 0.1. */
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
  // GNU tar wants size and number before the map.
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

/** The number of extents that a block can hold. */
function capacityOf({ sp }: ExtentFields): number {
  return sp.lengthBytes / SPARSE.sizeBytes;
}

/** Writes as many extents into a block as it can hold, and whether more follow. */
function putExtents(block: Buffer, fields: ExtentFields, extents: readonly Extent[]): void {
  const capacity = capacityOf(fields);
  extents.slice(0, capacity).forEach(([offsetBytes, lengthBytes], index) => {
    const start = fields.sp.offsetBytes + index * SPARSE.sizeBytes;
    putNumber(block, SPARSE.at.offset, offsetBytes, start);
    putNumber(block, SPARSE.at.numbytes, lengthBytes, start);
  });
  if (extents.length > capacity) block[fields.isextended.offsetBytes] = 1;
}

/** The `S` member of GNU format. */
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
 * The blocks in front of a sparse member's data. The data of all extents follows without gaps, then `tarPadding(dataSizeBytes)`.
 *
 * @throws RangeError where the extents are not as {@link SparseMember.extents} says
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
