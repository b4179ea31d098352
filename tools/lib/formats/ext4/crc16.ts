/**
 * Computes CRC-16/ARC, as lib/crc/crc16.c in Linux does: the checksum of group descriptors with the
 * uninit_bg feature, which metadata_csum replaced.
 */

/** x^16 + x^15 + x^2 + 1, bits reversed. */
const POLYNOMIAL = 0xa001;
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  return crc;
});

/** The start value for a descriptor's checksum. */
export const CRC16_START = 0xffff;

/** Continues `crc` over `bytes`. */
export function crc16(crc: number, bytes: Uint8Array): number {
  let value = crc;
  for (const byte of bytes) value = (value >>> 8) ^ (TABLE[(value ^ byte) & 0xff] as number);
  return value;
}
