/** Formats a number of 32 bits, such as a checksum, for errors: `0x0000beef`. */
export function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
