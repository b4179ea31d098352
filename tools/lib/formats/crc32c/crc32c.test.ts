import { expect, test } from 'vitest';
import { CRC32C_START, crc32c, crc32cWord } from './crc32c.ts';

test('gives the check value of the CRC catalogue, except for the final inversion', () => {
  expect(~crc32c(CRC32C_START, Buffer.from('123456789')) >>> 0).toBe(0xe3069283);
});

test('gives the same value for every split of the bytes', () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, index) => (index * 167 + 13) & 0xff);
  const whole = crc32c(CRC32C_START, bytes);
  for (let split = 0; split <= bytes.length; split++) {
    expect(crc32c(crc32c(CRC32C_START, bytes, 0, split), bytes, split)).toBe(whole);
  }
});

test('treats a word as its four little-endian bytes', () => {
  expect(crc32cWord(0x12345678, 0xdeadbeef)).toBe(crc32c(0x12345678, Uint8Array.of(0xef, 0xbe, 0xad, 0xde)));
});
