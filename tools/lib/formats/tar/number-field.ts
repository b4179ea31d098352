/**
 * Numbers of a header block: octal digits (POSIX), or binary if the first bit is set (GNU and star,
 * "base-256").
 */

import type { FieldAccess } from '../structure/structure.ts';

/** Set in the first byte of a binary number. The rest of the field is big-endian. */
const BASE_256 = 0x80;
/** The sign of a binary number, which is a two's complement. */
const BASE_256_NEGATIVE = 0x40;
const SPACE = 0x20;
const ZERO = 0x30;
const SEVEN = 0x37;

/** A header that breaks the format. The reader adds the names of the archive and the entry. */
export class HeaderError extends Error {}

function readBinary(block: Uint8Array, start: number, end: number, what: string): number {
  const first = block[start] as number;
  const negative = (first & BASE_256_NEGATIVE) !== 0;
  let value = negative ? (first & 0x7f) - 0x80 : first & (BASE_256_NEGATIVE - 1);
  for (let index = start + 1; index < end; index++) value = value * 256 + (block[index] as number);
  if (!Number.isSafeInteger(value)) throw new HeaderError(`its ${what} is larger than 2^53`);
  return value;
}

/**
 * Reads a number that may be below 0, as times may be. An empty field is 0.
 *
 * @param what the field's name in errors
 * @param startBytes the offset of the structure in the block
 * @throws HeaderError
 */
export function readSignedNumber(
  block: Uint8Array,
  field: FieldAccess,
  what: string,
  startBytes = 0,
): number {
  let index = startBytes + field.offsetBytes;
  const end = index + field.lengthBytes;
  if (((block[index] as number) & BASE_256) !== 0) return readBinary(block, index, end, what);
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

/** Reads a number from 0 to 2^53 - 1, as {@link readSignedNumber} does. @throws HeaderError */
export function readNumber(block: Uint8Array, field: FieldAccess, what: string, startBytes = 0): number {
  const value = readSignedNumber(block, field, what, startBytes);
  if (value < 0) throw new HeaderError(`its ${what} is negative`);
  return value;
}

/** Returns the largest number that a field holds as octal digits and a NUL. */
export function maxOctal({ lengthBytes }: FieldAccess): number {
  return 8 ** (lengthBytes - 1) - 1;
}

export function putOctal(block: Buffer, field: FieldAccess, value: number, startBytes = 0): void {
  const digits = value.toString(8).padStart(field.lengthBytes - 1, '0');
  block.write(digits, startBytes + field.offsetBytes, 'latin1');
}

/** Writes a number that is too large for octal digits, or is below 0, as GNU tar does. */
export function putBinary(block: Buffer, field: FieldAccess, value: number, startBytes = 0): void {
  const start = startBytes + field.offsetBytes;
  let rest = BigInt.asUintN(8 * field.lengthBytes - 1, BigInt(value));
  for (let index = start + field.lengthBytes - 1; index >= start; index--) {
    block[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  block[start] = (block[start] as number) | BASE_256;
}
