import { describe, expect, test } from 'vitest';
import { structure } from './structure.ts';

const TABLE = [
  [0, 1, 'one'],
  [2, 2, 'two'],
  [4, 4, 'four'],
  [8, 8, 'eight'],
  [16, 3, 'text'],
] as const;

describe('a structure', () => {
  test('ends with its last field', () => {
    expect(structure(TABLE).sizeBytes).toBe(19);
    expect(structure(TABLE).at.eight.endBytes).toBe(16);
  });

  test.each([
    ['little', '01 00 03 02 07 06 05 04 0f 0e 0d 0c 0b 0a 09 00'],
    ['big', '01 00 02 03 04 05 06 07 00 09 0a 0b 0c 0d 0e 0f'],
  ] as const)('writes and reads integers in %s-endian order', (byteOrder, expected) => {
    const { at } = structure(TABLE, byteOrder);
    const bytes = new Uint8Array(24);
    const view = new DataView(bytes.buffer);
    at.one.set(view, 1);
    at.two.set(view, 0x0203);
    at.four.set(view, 0x04050607);
    at.eight.setBig(view, 0x00090a0b0c0d0e0fn);
    expect(Buffer.from(bytes.subarray(0, 16)).toString('hex')).toBe(expected.replaceAll(' ', ''));
    expect([at.one, at.two, at.four].map((field) => field.get(view))).toEqual([1, 0x0203, 0x04050607]);
    expect(at.eight.getBig(view)).toBe(0x00090a0b0c0d0e0fn);
    expect(at.eight.get(view)).toBe(0x00090a0b0c0d0e0f);
  });

  test('is read and written at any offset of a view', () => {
    const { at } = structure(TABLE);
    const bytes = new Uint8Array(64);
    const view = new DataView(bytes.buffer);
    at.four.set(view, 7, 32);
    at.text.setBytes(bytes, Uint8Array.of(1, 2), 32);
    expect([bytes[36], bytes[48], bytes[49], bytes[50]]).toEqual([7, 1, 2, 0]);
    expect([...at.text.bytes(bytes, 32)]).toEqual([1, 2, 0]);
  });

  test('rounds an integer above 2^53 to one above 2^53', () => {
    const { at } = structure(TABLE);
    const view = new DataView(new ArrayBuffer(24));
    at.eight.setBig(view, 2n ** 64n - 1n);
    expect(at.eight.get(view)).toBe(2 ** 64);
  });

  test.each(['little', 'big'] as const)('writes and reads 8-byte numbers in %s-endian order', (byteOrder) => {
    const { eight } = structure(TABLE, byteOrder).at;
    const view = new DataView(new ArrayBuffer(24));
    for (const number of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 60, -1, -(2 ** 32), -(2 ** 40) - 7]) {
      eight.set(view, number);
      expect(eight.getBig(view)).toBe(BigInt.asUintN(64, BigInt(number)));
      expect(eight.get(view)).toBe(Number(eight.getBig(view)));
      expect(eight.getSigned(view)).toBe(number);
    }
    expect(() => eight.set(view, 0.5)).toThrow(RangeError);
  });

  test('refuses a value that is longer than its field', () => {
    expect(() => structure(TABLE).at.text.setBytes(new Uint8Array(32), new Uint8Array(4))).toThrow(
      RangeError,
    );
  });

  test('refuses an integer of three bytes', () => {
    const view = new DataView(new ArrayBuffer(32));
    expect(() => structure(TABLE).at.text.get(view)).toThrow(RangeError);
    expect(() => structure(TABLE).at.text.getSigned(view)).toThrow(RangeError);
    expect(() => structure(TABLE).at.text.set(view, 1)).toThrow(RangeError);
  });

  test('refuses a table with overlapping fields or a repeated name', () => {
    const overlap = [
      [0, 4, 'a'],
      [3, 2, 'b'],
    ] as const;
    const twice = [
      [0, 4, 'a'],
      [4, 2, 'a'],
    ] as const;
    expect(() => structure(overlap)).toThrow('b begins before the end');
    expect(() => structure(twice)).toThrow('two fields are called a');
  });
});
