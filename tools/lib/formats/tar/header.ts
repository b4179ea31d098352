/**
 * The 512-byte header block of a tar member: POSIX.1-2024 `pax`, section "ustar Interchange Format", with the extensions of GNU
 * (GNU tar manual, "Basic Tar Format") and star that archives from outside use.
 */

import {
  type Field,
  HeaderError,
  maxOctal,
  putBinary,
  putOctal,
  readNumber,
  readSignedNumber,
} from './number-field.ts';

export { HeaderError } from './number-field.ts';

export const BLOCK_BYTES = 512;

/** Type flags. `'\0'` is the plain file of archives older than POSIX. */
export const TypeFlag = {
  oldFile: '\0',
  file: '0',
  hardLink: '1',
  symlink: '2',
  characterDevice: '3',
  blockDevice: '4',
  directory: '5',
  fifo: '6',
  contiguousFile: '7',
  paxHeader: 'x',
  paxGlobalHeader: 'g',
  /** Solaris: a pax header under another letter. */
  solarisPaxHeader: 'X',
  gnuLongName: 'L',
  gnuLongLink: 'K',
  gnuSparse: 'S',
  /** A directory whose content is the list of its names, of incremental backups. */
  gnuDirectory: 'D',
  gnuVolumeLabel: 'V',
} as const;

const NAME: Field = [0, 100];
const MODE: Field = [100, 8];
const UID: Field = [108, 8];
const GID: Field = [116, 8];
const SIZE: Field = [124, 12];
const MTIME: Field = [136, 12];
const CHECKSUM: Field = [148, 8];
export const TYPE_FLAG_OFFSET = 156;
const LINK_NAME: Field = [157, 100];
const MAGIC: Field = [257, 6];
const DEVICE_MAJOR: Field = [329, 8];
const DEVICE_MINOR: Field = [337, 8];
const PREFIX: Field = [345, 155];
/** star keeps times behind a shorter prefix. */
const STAR_PREFIX: Field = [345, 131];
const STAR_ACCESS_TIME: Field = [476, 12];
const STAR_CHANGE_TIME: Field = [488, 12];
/** Behind its NUL, what marks star's times: the space that ends each. */
const TIME_DIGITS = 11;

export const NAME_BYTES = NAME[1];
export const LINK_NAME_BYTES = LINK_NAME[1];
export const PREFIX_BYTES = PREFIX[1];
/** The largest number of a size or time field: 11 octal digits. */
export const MAX_OCTAL_SIZE = maxOctal(SIZE);
/** The largest number of an owner or device field: 7 octal digits. */
export const MAX_OCTAL_ID = maxOctal(UID);

const USTAR_MAGIC = 'ustar\0';
const USTAR_VERSION = '00';
/** GNU has magic and version as one word. */
const GNU_MAGIC = 'ustar  \0';
const SPACE = 0x20;
const ZERO = 0x30;
const SEVEN = 0x37;

/** What {@link encodeHeader} needs; names are bytes that fit their fields. */
export interface HeaderFields {
  readonly name: Uint8Array;
  readonly prefix?: Uint8Array;
  readonly linkName?: Uint8Array;
  readonly typeFlag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  /** Since 1970, whole seconds. Default: 0. */
  readonly modificationSeconds?: number;
  readonly major?: number;
  readonly minor?: number;
  /** Which numbers are binary where they are too large, and the magic. Default: `pax`, with 0 for them, and a pax record beside. */
  readonly format?: 'pax' | 'gnu';
}

/** The sum of a block's bytes, those of the checksum itself taken as spaces. */
function checksumOf(block: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < BLOCK_BYTES; index++) sum += block[index] as number;
  for (let index = CHECKSUM[0]; index < CHECKSUM[0] + CHECKSUM[1]; index++)
    sum += SPACE - (block[index] as number);
  return sum;
}

/** The same over signed bytes, as some old implementations summed (GNU tar manual, "Basic Tar Format"). */
function signedChecksumOf(block: Uint8Array): number {
  let sum = checksumOf(block);
  for (let index = 0; index < BLOCK_BYTES; index++) {
    const isChecksum = index >= CHECKSUM[0] && index < CHECKSUM[0] + CHECKSUM[1];
    if (!isChecksum && (block[index] as number) > 0x7f) sum -= 0x100;
  }
  return sum;
}

/** Puts the checksum into a block that has everything else. */
export function sealHeader(block: Buffer): void {
  // The sum has six digits, a NUL and a space (POSIX leaves the end open; every implementation writes it so).
  block.write(checksumOf(block).toString(8).padStart(6, '0'), CHECKSUM[0], 'latin1');
  block[CHECKSUM[0] + 6] = 0;
  block[CHECKSUM[0] + 7] = SPACE;
}

/** Makes a header block without owner names. */
export function encodeHeader(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const gnu = fields.format === 'gnu';
  const put = (field: Field, value: number): void => {
    if (value >= 0 && value <= maxOctal(field)) putOctal(block, field, value);
    else if (gnu) putBinary(block, field, value);
    else putOctal(block, field, 0);
  };
  block.set(fields.name, NAME[0]);
  put(MODE, fields.mode);
  put(UID, fields.uid);
  put(GID, fields.gid);
  put(SIZE, fields.sizeBytes);
  put(MTIME, fields.modificationSeconds ?? 0);
  block.write(fields.typeFlag, TYPE_FLAG_OFFSET, 'latin1');
  if (fields.linkName !== undefined) block.set(fields.linkName, LINK_NAME[0]);
  block.write(gnu ? GNU_MAGIC : USTAR_MAGIC + USTAR_VERSION, MAGIC[0], 'latin1');
  put(DEVICE_MAJOR, fields.major ?? 0);
  put(DEVICE_MINOR, fields.minor ?? 0);
  if (fields.prefix !== undefined) block.set(fields.prefix, PREFIX[0]);
  sealHeader(block);
  return block;
}

/** The bytes of a text field up to its NUL. */
function textBytes(block: Uint8Array, [offset, length]: Field): Uint8Array {
  const nul = block.indexOf(0, offset);
  return block.subarray(offset, nul < 0 || nul > offset + length ? offset + length : nul);
}

/** Who lays out what stands behind the device numbers. `v7` is everything older. */
export type Dialect = 'v7' | 'ustar' | 'star' | 'gnu';

/** A header block as it stands, before pax records and long names change it. */
export class RawHeader {
  /** The block; valid as long as the input's chunk is. */
  readonly block: Uint8Array;
  readonly typeFlag: string;
  readonly sizeBytes: number;

  /** @throws HeaderError where the checksum or a number is wrong. */
  constructor(block: Uint8Array) {
    const stated = readNumber(block, CHECKSUM, 'checksum');
    if (stated !== checksumOf(block) && stated !== signedChecksumOf(block))
      throw new HeaderError('its header checksum is wrong');
    this.block = block;
    this.typeFlag = String.fromCharCode(block[TYPE_FLAG_OFFSET] as number);
    this.sizeBytes = readNumber(block, SIZE, 'size');
  }

  get dialect(): Dialect {
    const { buffer, byteOffset } = this.block;
    const magic = Buffer.from(buffer, byteOffset + MAGIC[0], GNU_MAGIC.length).toString('latin1');
    if (magic === GNU_MAGIC) return 'gnu';
    if (!magic.startsWith(USTAR_MAGIC)) return 'v7';
    return this.#hasStarTimes() ? 'star' : 'ustar';
  }

  /** GNU tar, list.c, decode_header(): star's headers are those with two times behind a prefix that ends before them. */
  #hasStarTimes(): boolean {
    const isTime = ([offset]: Field): boolean => {
      const first = this.block[offset] as number;
      return first >= ZERO && first <= SEVEN && this.block[offset + TIME_DIGITS] === SPACE;
    };
    const prefixEnd = STAR_PREFIX[0] + STAR_PREFIX[1] - 1;
    return this.block[prefixEnd] === 0 && isTime(STAR_ACCESS_TIME) && isTime(STAR_CHANGE_TIME);
  }

  /** The member's name with the prefix of POSIX archives in front. GNU archives keep other things in the prefix. */
  get name(): Uint8Array {
    const name = textBytes(this.block, NAME);
    if (this.block[PREFIX[0]] === 0) return name;
    const { dialect } = this;
    if (dialect === 'v7' || dialect === 'gnu') return name;
    const prefix = textBytes(this.block, dialect === 'star' ? STAR_PREFIX : PREFIX);
    return Buffer.concat([prefix, Buffer.from('/'), name]);
  }

  get linkName(): Uint8Array {
    return textBytes(this.block, LINK_NAME);
  }

  get mode(): number {
    return readNumber(this.block, MODE, 'mode');
  }

  get uid(): number {
    return readNumber(this.block, UID, 'owner');
  }

  get gid(): number {
    return readNumber(this.block, GID, 'group');
  }

  /** Seconds since 1970. */
  get modificationSeconds(): number {
    return readSignedNumber(this.block, MTIME, 'time');
  }

  get major(): number {
    return readNumber(this.block, DEVICE_MAJOR, 'device number');
  }

  get minor(): number {
    return readNumber(this.block, DEVICE_MINOR, 'device number');
  }
}

/** The bytes that fill the last block of `sizeBytes` bytes of content. */
export function paddingBytes(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}
