/** The numbers of a header block: octal digits (POSIX), or binary where the first bit says so (GNU and star, "base-256"). */

/** A field as [offset, length] in its block. */
export type Field = readonly [offsetBytes: number, lengthBytes: number];

/** Set in the first byte of a number that is binary, big-endian, in the rest of the field. */
const BASE_256 = 0x80;
/** In binary numbers, the sign of a two's complement. */
const BASE_256_NEGATIVE = 0x40;
const SPACE = 0x20;
const ZERO = 0x30;
const SEVEN = 0x37;

/** A header that breaks the format; the reader adds which archive and entry. */
export class HeaderError extends Error {}

function readBinary(block: Uint8Array, [offset, length]: Field, what: string): number {
  const first = block[offset] as number;
  const negative = (first & BASE_256_NEGATIVE) !== 0;
  let value = negative ? (first & 0x7f) - 0x80 : first & (BASE_256_NEGATIVE - 1);
  for (let index = offset + 1; index < offset + length; index++)
    value = value * 256 + (block[index] as number);
  if (!Number.isSafeInteger(value)) throw new HeaderError(`its ${what} is larger than 2^53`);
  return value;
}

/** Reads a number that may be below 0, as times are. An empty field is 0. @throws HeaderError */
export function readSignedNumber(block: Uint8Array, field: Field, what: string): number {
  const [offset, length] = field;
  if (((block[offset] as number) & BASE_256) !== 0) return readBinary(block, field, what);
  const end = offset + length;
  let index = offset;
  while (index < end && block[index] === SPACE) index++;
  let value = 0;
  for (; index < end; index++) {
    const byte = block[index] as number;
    if (byte === 0 || byte === SPACE) break;
    if (byte < ZERO || byte > SEVEN) throw new HeaderError(`its ${what} is not an octal number`);
    value = value * 8 + (byte - ZERO);
  }
  return value;
}

/** Reads a number from 0 to 2^53 - 1. An empty field is 0. @throws HeaderError */
export function readNumber(block: Uint8Array, field: Field, what: string): number {
  const value = readSignedNumber(block, field, what);
  if (value < 0) throw new HeaderError(`its ${what} is negative`);
  return value;
}

/** The largest number of octal digits and a NUL. */
export function maxOctal([, length]: Field): number {
  return 8 ** (length - 1) - 1;
}

export function putOctal(block: Buffer, [offset, length]: Field, value: number): void {
  block.write(value.toString(8).padStart(length - 1, '0'), offset, 'latin1');
}

/** Writes a number as GNU tar does where it does not fit as octal digits, or is below 0. */
export function putBinary(block: Buffer, [offset, length]: Field, value: number): void {
  let rest = BigInt.asUintN(8 * length - 1, BigInt(value));
  for (let index = offset + length - 1; index >= offset; index--) {
    block[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  block[offset] = (block[offset] as number) | BASE_256;
}
