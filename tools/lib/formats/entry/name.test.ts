import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { comparePaths } from './entry.ts';
import { decodeName, encodeName, nameBytes, printableName } from './name.ts';

/**
 * Bytes that occur at the start, in the middle and at the end of characters, and bytes that do not.
 */
const byte = fc.oneof(
  fc.constantFrom(
    0x2f,
    0x41,
    0x7f,
    0x80,
    0xbf,
    0xc1,
    0xc3,
    0xa9,
    0xe2,
    0x82,
    0xac,
    0xed,
    0xa0,
    0xf0,
    0x9f,
    0xf5,
  ),
  fc.integer({ min: 1, max: 255 }),
);
const bytes = fc.array(byte, { maxLength: 12 }).map((values) => Buffer.from(values));

describe('a name', () => {
  test('that is UTF-8 becomes its text', () => {
    expect(decodeName(Buffer.from('Größe €😀\ufffd'))).toBe('Größe €😀\ufffd');
  });

  test('keeps each byte that is not UTF-8', () => {
    expect(decodeName(Buffer.from([0x61, 0xff, 0xc3, 0xa9, 0xc3]))).toBe('a\udcffé\udcc3');
  });

  test('keeps the bytes of encoded surrogates, which are not UTF-8', () => {
    expect(decodeName(Buffer.from([0xed, 0xb2, 0x80]))).toBe('\udced\udcb2\udc80');
  });

  test('of any bytes is decoded and encoded to the same bytes', () => {
    fc.assert(
      fc.property(bytes, (original) => {
        const name = decodeName(original);
        expect(encodeName(name)).toEqual(original);
        expect(nameBytes(name)).toBe(original.length);
      }),
      { numRuns: 2000 },
    );
  });

  test('is refused with a surrogate that does not represent a byte', () => {
    expect(() => encodeName('a\ud800')).toThrow(RangeError);
    expect(() => encodeName('a\udc7f')).toThrow(RangeError);
  });

  test('is printable even if the string is not a valid name', () => {
    expect(printableName('a\ud800b\udc7f')).toBe('a\ufffdb\ufffd');
  });

  test('is printed without control characters', () => {
    expect(printableName('a\nb\\c\u001b[0m\udcffé')).toBe('a\\012b\\\\c\\033[0m\\377é');
  });
});

test('comparePaths orders names of any bytes by their bytes', () => {
  fc.assert(
    fc.property(bytes, bytes, (left, right) => {
      const expected = Math.sign(Buffer.compare(left, right));
      expect(Math.sign(comparePaths(decodeName(left), decodeName(right)))).toBe(expected);
    }),
    { numRuns: 5000 },
  );
});
