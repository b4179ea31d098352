/**
 * Names on disk are bytes; names in this library are strings, and every byte survives the way there and back.
 *
 * Bytes that are UTF-8 become the string that they encode. Every byte that is no part of valid UTF-8 becomes one code unit from U+DC80
 * to U+DCFF, a low surrogate that no valid string has alone ("surrogateescape", Python's PEP 383). JSON carries such strings
 * as `\udcXX`.
 */

const ESCAPE_BASE = 0xdc00;
const ESCAPE_FIRST = 0xdc80;
const ESCAPE_LAST = 0xdcff;
const ASCII_LIMIT = 0x80;
const REPLACEMENT = '\ufffd';
const FATAL_DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The length of the valid UTF-8 sequence at `start` (Unicode, table 3-7), or 0 where there is none. */
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

/** Whether a code unit stands for a byte that is not UTF-8. */
function isEscape(unit: number): boolean {
  return unit >= ESCAPE_FIRST && unit <= ESCAPE_LAST;
}

/** The string that stands for a name's bytes. */
export function decodeName(bytes: Uint8Array): string {
  const name = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  // The decoder puts this in for what is not UTF-8; a name may also hold it itself.
  return name.includes(REPLACEMENT) ? decodeWithEscapes(bytes) : name;
}

/**
 * The bytes that a name stands for; the inverse of {@link decodeName}.
 *
 * @throws RangeError for a lone surrogate that stands for no byte
 */
export function encodeName(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name);
  const parts: Buffer[] = [];
  for (const character of name) {
    const unit = character.charCodeAt(0);
    const isAlone = character.length === 1 && !character.isWellFormed();
    if (!isAlone) parts.push(Buffer.from(character));
    else if (isEscape(unit)) parts.push(Buffer.of(unit - ESCAPE_BASE));
    else throw new RangeError(`the surrogate U+${unit.toString(16)} of a name stands for no byte`);
  }
  return Buffer.concat(parts);
}

/** How many bytes a name has on disk. */
export function nameBytes(name: string): number {
  return name.isWellFormed() ? Buffer.byteLength(name) : encodeName(name).length;
}

/**
 * A name as people are shown it: control characters and bytes that are not UTF-8 as `\ooo`, a backslash as `\\`, as `ls -b` has them.
 * Takes any string: what stands for no name at all is shown as U+FFFD.
 */
export function printableName(name: string): string {
  const octal = (byte: number): string => `\\${byte.toString(8).padStart(3, '0')}`;
  return name.replace(/\\|\p{Cc}|\p{Cs}/gu, (character) => {
    if (character === '\\') return '\\\\';
    if (!character.isWellFormed() && !isEscape(character.charCodeAt(0))) return REPLACEMENT;
    return Array.from(encodeName(character), octal).join('');
  });
}
