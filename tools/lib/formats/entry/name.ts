/**
 * Converts names between bytes, as on disk, and strings, as in this library. The conversion
 * preserves every byte.
 *
 * Bytes that are UTF-8 become the string that they encode. Every byte that is not part of valid
 * UTF-8 becomes one code unit from U+DC80 to U+DCFF: a low surrogate, which never occurs alone in a
 * valid string ("surrogateescape", Python's PEP 383). JSON represents such strings as `\udcXX`.
 */

const ESCAPE_BASE = 0xdc00;
const ESCAPE_FIRST = 0xdc80;
const ESCAPE_LAST = 0xdcff;
const ASCII_LIMIT = 0x80;
const REPLACEMENT = '\ufffd';
const FATAL_DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Returns the length of the valid UTF-8 sequence at `start` (Unicode, table 3-7), or 0 if it is not
 * valid.
 */
function sequenceLength(bytes: Uint8Array, start: number): number {
  const lead = bytes[start] as number;
  if (lead < ASCII_LIMIT) return 1;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || start + length > bytes.length) return 0;
  const second = bytes[start + 1] as number;
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  for (let index = start + 2; index < start + length; index++) {
    if (((bytes[index] as number) & 0xc0) !== 0x80) return 0;
  }
  return length;
}

function decodeWithEscapes(bytes: Uint8Array): string {
  let name = '';
  let valid = 0;
  for (let index = 0; index < bytes.length; ) {
    const length = sequenceLength(bytes, index);
    if (length > 0) {
      index += length;
      continue;
    }
    name += FATAL_DECODER.decode(bytes.subarray(valid, index));
    name += String.fromCharCode(ESCAPE_BASE + (bytes[index] as number));
    valid = ++index;
  }
  return name + FATAL_DECODER.decode(bytes.subarray(valid));
}

/** Reports whether a code unit represents a byte that is not UTF-8. */
function isEscape(unit: number): boolean {
  return unit >= ESCAPE_FIRST && unit <= ESCAPE_LAST;
}

/** Decodes the bytes of a name. */
export function decodeName(bytes: Uint8Array): string {
  const name = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  // The decoder inserts this character for bytes that are not UTF-8. A name may also contain it.
  return name.includes(REPLACEMENT) ? decodeWithEscapes(bytes) : name;
}

/**
 * Encodes a name as bytes; the inverse of {@link decodeName}.
 *
 * @throws RangeError for a lone surrogate that does not represent a byte
 */
export function encodeName(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name);
  const parts: Buffer[] = [];
  for (const character of name) {
    const unit = character.charCodeAt(0);
    const isAlone = character.length === 1 && !character.isWellFormed();
    if (!isAlone) parts.push(Buffer.from(character));
    else if (isEscape(unit)) parts.push(Buffer.of(unit - ESCAPE_BASE));
    else throw new RangeError(`the surrogate U+${unit.toString(16)} of a name does not represent a byte`);
  }
  return Buffer.concat(parts);
}

/** Returns the length of a name on disk in bytes. */
export function nameBytes(name: string): number {
  return name.isWellFormed() ? Buffer.byteLength(name) : encodeName(name).length;
}

/**
 * Converts a name for messages: control characters and bytes that are not UTF-8 become `\ooo`, and
 * a backslash becomes `\\`, as in `ls -b`. Accepts any string: a surrogate that does not represent
 * a byte becomes U+FFFD.
 */
export function printableName(name: string): string {
  const octal = (byte: number): string => `\\${byte.toString(8).padStart(3, '0')}`;
  return name.replace(/\\|\p{Cc}|\p{Cs}/gu, (character) => {
    if (character === '\\') return '\\\\';
    if (!character.isWellFormed() && !isEscape(character.charCodeAt(0))) return REPLACEMENT;
    return Array.from(encodeName(character), octal).join('');
  });
}
