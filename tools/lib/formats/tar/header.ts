/** Encodes and decodes the header block of a tar member. */

import type { FieldAccess } from '../structure/structure.ts';
import { BLOCK_BYTES, GNU_MAGIC, HEADER, STAR_HEADER, USTAR_MAGIC, USTAR_VERSION } from './format.ts';
import { HeaderError, maxOctal, putBinary, putOctal, readNumber, readSignedNumber } from './number-field.ts';

const { name, mode, uid, gid, size, mtime, chksum, typeflag, linkname } = HEADER.at;
const { magic, devmajor, devminor, prefix } = HEADER.at;
const CHECKSUM_OFFSET = chksum.offsetBytes;
const CHECKSUM_END = chksum.endBytes;
const TYPE_FLAG_OFFSET = typeflag.offsetBytes;

export const NAME_BYTES = name.lengthBytes;
export const LINK_NAME_BYTES = linkname.lengthBytes;
export const PREFIX_BYTES = prefix.lengthBytes;
/** The largest number of a size or time field: 11 octal digits. */
export const MAX_OCTAL_SIZE = maxOctal(size);
/** The largest number of an owner or device field: 7 octal digits. */
export const MAX_OCTAL_ID = maxOctal(uid);

/**
 * POSIX leaves the end of the checksum open. Every implementation writes six digits, a NUL and a
 * space.
 */
const CHECKSUM_DIGITS = 6;
const CHECKSUM_TERMINATOR = '\0 ';
/** A time of star has 11 digits and ends with a space. */
const STAR_TIME_DIGITS = 11;
const SPACE = 0x20;
const ZERO = 0x30;
const SEVEN = 0x37;

/** The fields that {@link encodeHeader} writes. Names are bytes that fit their fields. */
export interface HeaderFields {
  readonly name: Uint8Array;
  readonly prefix?: Uint8Array;
  readonly linkName?: Uint8Array;
  readonly typeFlag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  /** Whole seconds since 1970. Default: 0. */
  readonly modificationSeconds?: number;
  readonly major?: number;
  readonly minor?: number;
  /**
   * Selects the magic, and the form of a number that is too large for octal digits: `gnu` writes it
   * in binary, `pax` (default) writes 0, and the caller adds a pax record.
   */
  readonly format?: 'pax' | 'gnu';
}

/** Sums the bytes of a block. Those of the checksum itself count as spaces. */
export function checksumOf(block: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < BLOCK_BYTES; index++) sum += block[index] as number;
  for (let index = CHECKSUM_OFFSET; index < CHECKSUM_END; index++) sum += SPACE - (block[index] as number);
  return sum;
}

/**
 * Sums the bytes as signed numbers, as some old implementations did (GNU tar manual, "Basic Tar
 * Format").
 */
function signedChecksumOf(block: Uint8Array): number {
  let sum = checksumOf(block);
  for (let index = 0; index < BLOCK_BYTES; index++) {
    const isChecksum = index >= CHECKSUM_OFFSET && index < CHECKSUM_END;
    if (!isChecksum && (block[index] as number) > 0x7f) sum -= 0x100;
  }
  return sum;
}

/** Writes the checksum of a block whose other fields are complete. */
export function sealHeader(block: Buffer): void {
  const digits = checksumOf(block).toString(8).padStart(CHECKSUM_DIGITS, '0');
  block.write(digits + CHECKSUM_TERMINATOR, CHECKSUM_OFFSET, 'latin1');
}

/** Makes a header block without owner names. */
export function encodeHeader(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const isGnu = fields.format === 'gnu';
  const put = (field: FieldAccess, value: number): void => {
    if (value >= 0 && value <= maxOctal(field)) putOctal(block, field, value);
    else if (isGnu) putBinary(block, field, value);
    else putOctal(block, field, 0);
  };
  name.setBytes(block, fields.name);
  put(mode, fields.mode);
  put(uid, fields.uid);
  put(gid, fields.gid);
  put(size, fields.sizeBytes);
  put(mtime, fields.modificationSeconds ?? 0);
  block.write(fields.typeFlag, TYPE_FLAG_OFFSET, 'latin1');
  if (fields.linkName !== undefined) linkname.setBytes(block, fields.linkName);
  block.write(isGnu ? GNU_MAGIC : USTAR_MAGIC + USTAR_VERSION, magic.offsetBytes, 'latin1');
  put(devmajor, fields.major ?? 0);
  put(devminor, fields.minor ?? 0);
  if (fields.prefix !== undefined) prefix.setBytes(block, fields.prefix);
  sealHeader(block);
  return block;
}

/** Returns the bytes of a text field up to its first NUL. */
function textBytes(block: Uint8Array, { offsetBytes, endBytes }: FieldAccess): Uint8Array {
  const nul = block.indexOf(0, offsetBytes);
  return block.subarray(offsetBytes, nul < 0 || nul > endBytes ? endBytes : nul);
}

/**
 * The dialect, which determines the bytes after the device numbers. `v7` is any format older than
 * POSIX.
 */
export type Dialect = 'v7' | 'ustar' | 'star' | 'gnu';

/** A header block as stored, before pax records and long names override it. */
export class RawHeader {
  /** The block. It is valid as long as the input's chunk is. */
  readonly block: Uint8Array;
  readonly typeFlag: string;
  readonly sizeBytes: number;

  /** @throws HeaderError if the checksum or the size is wrong */
  constructor(block: Uint8Array) {
    const stated = readNumber(block, chksum, 'checksum');
    if (stated !== checksumOf(block) && stated !== signedChecksumOf(block))
      throw new HeaderError('its header checksum is wrong');
    this.block = block;
    this.typeFlag = String.fromCharCode(block[TYPE_FLAG_OFFSET] as number);
    this.sizeBytes = readNumber(block, size, 'size');
  }

  get dialect(): Dialect {
    const { buffer, byteOffset } = this.block;
    const word = Buffer.from(buffer, byteOffset + magic.offsetBytes, GNU_MAGIC.length).toString('latin1');
    if (word === GNU_MAGIC) return 'gnu';
    if (!word.startsWith(USTAR_MAGIC)) return 'v7';
    return this.#hasStarTimes() ? 'star' : 'ustar';
  }

  /**
   * Recognizes star's headers by two times after a prefix that ends before them (GNU tar, list.c,
   * decode_header()).
   */
  #hasStarTimes(): boolean {
    const isTime = ({ offsetBytes }: FieldAccess): boolean => {
      const first = this.block[offsetBytes] as number;
      return first >= ZERO && first <= SEVEN && this.block[offsetBytes + STAR_TIME_DIGITS] === SPACE;
    };
    const star = STAR_HEADER.at;
    return this.block[star.prefix.endBytes - 1] === 0 && isTime(star.atime) && isTime(star.ctime);
  }

  /**
   * The member's name, after the prefix in POSIX archives. GNU archives store other data in the
   * prefix.
   */
  get name(): Uint8Array {
    const bytes = textBytes(this.block, name);
    if (this.block[prefix.offsetBytes] === 0) return bytes;
    const { dialect } = this;
    if (dialect === 'v7' || dialect === 'gnu') return bytes;
    const before = textBytes(this.block, dialect === 'star' ? STAR_HEADER.at.prefix : prefix);
    return Buffer.concat([before, Buffer.from('/'), bytes]);
  }

  get linkName(): Uint8Array {
    return textBytes(this.block, linkname);
  }

  get mode(): number {
    return readNumber(this.block, mode, 'mode');
  }

  get uid(): number {
    return readNumber(this.block, uid, 'owner');
  }

  get gid(): number {
    return readNumber(this.block, gid, 'group');
  }

  /** Seconds since 1970. */
  get modificationSeconds(): number {
    return readSignedNumber(this.block, mtime, 'time');
  }

  get major(): number {
    return readNumber(this.block, devmajor, 'device number');
  }

  get minor(): number {
    return readNumber(this.block, devminor, 'device number');
  }
}

/** Returns the number of bytes that fill the last block of `sizeBytes` bytes of content. */
export function paddingBytes(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}
