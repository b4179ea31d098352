/**
 * Computes CRC-32C (Castagnoli) as the file systems of Linux do: the caller passes the running
 * value, and neither the start nor the end is inverted ("Checksums" in the kernel's ext4
 * documentation; `crc32c()` in lib/crc of Linux).
 */

/** The Castagnoli polynomial with reversed bits. */
const POLYNOMIAL = 0x82f63b78;
/** The number of bytes per step. Each position has its own table ("slicing by 16"). */
const SLICES = 16;

const TABLES = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    tables[byte] = crc;
  }
  for (let index = 256; index < tables.length; index++) {
    const previous = tables[index - 256] as number;
    tables[index] = (previous >>> 8) ^ (tables[previous & 0xff] as number);
  }
  return tables;
}

/** The start value, unless a format defines another one. */
export const CRC32C_START = 0xffffffff;

/** Continues `crc` over `bytes[start, end)`. */
export function crc32c(crc: number, bytes: Uint8Array, start = 0, end = bytes.length): number {
  const t = TABLES;
  let value = crc | 0;
  let p = start;
  for (const last = end - SLICES; p <= last; p += SLICES) {
    value =
      (t[3840 + ((value ^ (bytes[p] as number)) & 0xff)] as number) ^
      (t[3584 + (((value >>> 8) ^ (bytes[p + 1] as number)) & 0xff)] as number) ^
      (t[3328 + (((value >>> 16) ^ (bytes[p + 2] as number)) & 0xff)] as number) ^
      (t[3072 + ((value >>> 24) ^ (bytes[p + 3] as number))] as number) ^
      (t[2816 + (bytes[p + 4] as number)] as number) ^
      (t[2560 + (bytes[p + 5] as number)] as number) ^
      (t[2304 + (bytes[p + 6] as number)] as number) ^
      (t[2048 + (bytes[p + 7] as number)] as number) ^
      (t[1792 + (bytes[p + 8] as number)] as number) ^
      (t[1536 + (bytes[p + 9] as number)] as number) ^
      (t[1280 + (bytes[p + 10] as number)] as number) ^
      (t[1024 + (bytes[p + 11] as number)] as number) ^
      (t[768 + (bytes[p + 12] as number)] as number) ^
      (t[512 + (bytes[p + 13] as number)] as number) ^
      (t[256 + (bytes[p + 14] as number)] as number) ^
      (t[bytes[p + 15] as number] as number);
  }
  for (; p < end; p++) {
    value = (value >>> 8) ^ (t[(value ^ (bytes[p] as number)) & 0xff] as number);
  }
  return value >>> 0;
}

/** Continues `crc` over `word` as four little-endian bytes. */
export function crc32cWord(crc: number, word: number): number {
  const t = TABLES;
  let value = crc ^ word;
  for (let byte = 0; byte < 4; byte++) value = (value >>> 8) ^ (t[value & 0xff] as number);
  return value >>> 0;
}
