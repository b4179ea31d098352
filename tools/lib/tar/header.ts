/**
 * The 512-byte header block of a tar member: POSIX.1-2024 `pax`, section "ustar Interchange Format", with the GNU
 * extensions that archives from outside use (GNU tar manual, "Basic Tar Format").
 */

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
  gnuLongName: 'L',
  gnuLongLink: 'K',
  gnuSparse: 'S',
} as const;

/** Field positions as [offset, length]. */
const NAME = [0, 100] as const;
const MODE = [100, 8] as const;
const UID = [108, 8] as const;
const GID = [116, 8] as const;
const SIZE = [124, 12] as const;
const MTIME = [136, 12] as const;
const CHECKSUM = [148, 8] as const;
const TYPE_FLAG_OFFSET = 156;
const LINK_NAME = [157, 100] as const;
const MAGIC = [257, 6] as const;
const VERSION = [263, 2] as const;
const DEVICE_MAJOR = [329, 8] as const;
const DEVICE_MINOR = [337, 8] as const;
const PREFIX = [345, 155] as const;
type Field = readonly [offsetBytes: number, lengthBytes: number];

export const NAME_BYTES = NAME[1];
export const LINK_NAME_BYTES = LINK_NAME[1];
export const PREFIX_BYTES = PREFIX[1];
/** The largest number of a size or time field: 11 octal digits. */
export const MAX_OCTAL_SIZE = 0o77777777777;
/** The largest number of an owner or device field: 7 octal digits. */
export const MAX_OCTAL_ID = 0o7777777;

const USTAR_MAGIC = 'ustar\0';
const USTAR_VERSION = '00';
/** Set in the first byte of a number that is binary, big-endian, in the rest of the field (GNU). */
const BASE_256 = 0x80;
const BASE_256_NEGATIVE = 0x40;
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
  readonly major?: number;
  readonly minor?: number;
}

function putOctal(block: Buffer, [offset, length]: Field, value: number): void {
  block.write(value.toString(8).padStart(length - 1, '0'), offset, 'latin1');
}

function checksumOf(block: Uint8Array): { unsigned: number; signed: number } {
  let unsigned = 0;
  let negative = 0;
  for (let index = 0; index < BLOCK_BYTES; index++) {
    const byte = block[index] as number;
    unsigned += byte;
    negative += byte >> 7;
  }
  for (let index = CHECKSUM[0]; index < CHECKSUM[0] + CHECKSUM[1]; index++) {
    const byte = block[index] as number;
    unsigned += SPACE - byte;
    negative -= byte >> 7;
  }
  return { unsigned, signed: unsigned - 256 * negative };
}

/** Makes a header block: modification time 0, no owner names. Numbers too large for their field are written as 0. */
export function encodeHeader(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.set(fields.name, NAME[0]);
  putOctal(block, MODE, fields.mode);
  putOctal(block, UID, fields.uid > MAX_OCTAL_ID ? 0 : fields.uid);
  putOctal(block, GID, fields.gid > MAX_OCTAL_ID ? 0 : fields.gid);
  putOctal(block, SIZE, fields.sizeBytes > MAX_OCTAL_SIZE ? 0 : fields.sizeBytes);
  putOctal(block, MTIME, 0);
  block.write(fields.typeFlag, TYPE_FLAG_OFFSET, 'latin1');
  if (fields.linkName !== undefined) block.set(fields.linkName, LINK_NAME[0]);
  block.write(USTAR_MAGIC, MAGIC[0], 'latin1');
  block.write(USTAR_VERSION, VERSION[0], 'latin1');
  putOctal(block, DEVICE_MAJOR, fields.major ?? 0);
  putOctal(block, DEVICE_MINOR, fields.minor ?? 0);
  if (fields.prefix !== undefined) block.set(fields.prefix, PREFIX[0]);
  // The sum has six digits, a NUL and a space (POSIX leaves the end open; every implementation writes it so).
  block.write(checksumOf(block).unsigned.toString(8).padStart(6, '0'), CHECKSUM[0], 'latin1');
  block[CHECKSUM[0] + 6] = 0;
  block[CHECKSUM[0] + 7] = SPACE;
  return block;
}

/** A header that breaks the format; the reader adds which archive and entry. */
export class HeaderError extends Error {}

/** Reads a number: octal digits, or binary where the first bit says so. An empty field is 0. */
function readNumber(block: Uint8Array, [offset, length]: Field, field: string): number {
  const first = block[offset] as number;
  const end = offset + length;
  if ((first & BASE_256) !== 0) {
    if ((first & BASE_256_NEGATIVE) !== 0) throw new HeaderError(`its ${field} is negative`);
    let value = first & (BASE_256_NEGATIVE - 1);
    for (let index = offset + 1; index < end; index++) value = value * 256 + (block[index] as number);
    if (!Number.isSafeInteger(value)) throw new HeaderError(`its ${field} is larger than 2^53`);
    return value;
  }
  let index = offset;
  while (index < end && block[index] === SPACE) index++;
  let value = 0;
  for (; index < end; index++) {
    const byte = block[index] as number;
    if (byte === 0 || byte === SPACE) break;
    if (byte < ZERO || byte > SEVEN) throw new HeaderError(`its ${field} is not an octal number`);
    value = value * 8 + (byte - ZERO);
  }
  return value;
}

/** The bytes of a text field up to its NUL. */
function textBytes(block: Uint8Array, [offset, length]: Field): Uint8Array {
  const nul = block.indexOf(0, offset);
  return block.subarray(offset, nul < 0 || nul > offset + length ? offset + length : nul);
}

/** A header block as it stands, before pax records and long names change it. */
export class RawHeader {
  readonly #block: Uint8Array;
  readonly typeFlag: string;
  readonly sizeBytes: number;

  /** @throws HeaderError where the checksum or a number is wrong. */
  constructor(block: Uint8Array) {
    const stated = readNumber(block, CHECKSUM, 'checksum');
    const sums = checksumOf(block);
    // Some old implementations summed signed bytes (GNU tar manual, "Basic Tar Format").
    if (stated !== sums.unsigned && stated !== sums.signed)
      throw new HeaderError('its header checksum is wrong');
    this.#block = block;
    this.typeFlag = String.fromCharCode(block[TYPE_FLAG_OFFSET] as number);
    this.sizeBytes = readNumber(block, SIZE, 'size');
  }

  /** The member's name with the prefix of POSIX archives in front. GNU archives keep other things in the prefix. */
  get name(): Uint8Array {
    const name = textBytes(this.#block, NAME);
    const magic = Buffer.from(this.#block.buffer, this.#block.byteOffset + MAGIC[0], MAGIC[1]).toString(
      'latin1',
    );
    if (magic !== USTAR_MAGIC || this.#block[PREFIX[0]] === 0) return name;
    return Buffer.concat([textBytes(this.#block, PREFIX), Buffer.from('/'), name]);
  }

  get linkName(): Uint8Array {
    return textBytes(this.#block, LINK_NAME);
  }

  get mode(): number {
    return readNumber(this.#block, MODE, 'mode');
  }

  get uid(): number {
    return readNumber(this.#block, UID, 'owner');
  }

  get gid(): number {
    return readNumber(this.#block, GID, 'group');
  }

  get major(): number {
    return readNumber(this.#block, DEVICE_MAJOR, 'device number');
  }

  get minor(): number {
    return readNumber(this.#block, DEVICE_MINOR, 'device number');
  }
}

/** The bytes that fill the last block of `sizeBytes` bytes of content. */
export function paddingBytes(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}
