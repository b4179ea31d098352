/** Block group descriptors and bitmaps: "Block Group Descriptors" in the kernel's ext4 documentation. */
import { crc32c, crc32cWord } from '../crc32c/crc32c.ts';

/** The size of a descriptor with the 64bit feature. */
export const DESCRIPTOR_BYTES = 64;

/** bg_flags. */
export const GROUP_FLAGS = { inodeUninit: 0x1, blockUninit: 0x2, inodeZeroed: 0x4 } as const;

/** bg_checksum. */
export const DESCRIPTOR_CHECKSUM_OFFSET = 0x1e;
const TWO_TO_32 = 2 ** 32;

export interface GroupDescriptor {
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
  readonly freeBlockCount: number;
  readonly freeInodeCount: number;
  readonly directoryCount: number;
  readonly flags: number;
  /** Inodes at the end of the group's table that were never used. */
  readonly unusedInodeCount: number;
  readonly blockBitmapChecksum: number;
  readonly inodeBitmapChecksum: number;
}

/** Writes the descriptor of `group` to `bytes`, which are its 64 bytes in the table, all zero so far. */
export function encodeGroupDescriptor(
  bytes: Uint8Array,
  group: number,
  descriptor: GroupDescriptor,
  seed: number,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, DESCRIPTOR_BYTES);
  // The upper 32 bits of block numbers (0x20, 0x24, 0x28) stay zero: this writer stops at 2^32 blocks.
  view.setUint32(0x0, descriptor.blockBitmap, true);
  view.setUint32(0x4, descriptor.inodeBitmap, true);
  view.setUint32(0x8, descriptor.inodeTable, true);
  view.setUint16(0xc, descriptor.freeBlockCount, true);
  view.setUint16(0xe, descriptor.freeInodeCount, true);
  view.setUint16(0x10, descriptor.directoryCount, true);
  view.setUint16(0x12, descriptor.flags, true);
  view.setUint16(0x18, descriptor.blockBitmapChecksum & 0xffff, true);
  view.setUint16(0x1a, descriptor.inodeBitmapChecksum & 0xffff, true);
  view.setUint16(0x1c, descriptor.unusedInodeCount, true);
  view.setUint16(0x38, descriptor.blockBitmapChecksum >>> 16, true);
  view.setUint16(0x3a, descriptor.inodeBitmapChecksum >>> 16, true);
  view.setUint16(DESCRIPTOR_CHECKSUM_OFFSET, descriptorChecksum(bytes, group, seed), true);
}

function descriptorChecksum(bytes: Uint8Array, group: number, seed: number): number {
  let crc = crc32cWord(seed, group);
  crc = crc32c(crc, bytes, 0, DESCRIPTOR_CHECKSUM_OFFSET);
  crc = crc32c(crc, new Uint8Array(2));
  return crc32c(crc, bytes, DESCRIPTOR_CHECKSUM_OFFSET + 2) & 0xffff;
}

/** The block number of the group's inode table; all that a reader needs. */
export function decodeInodeTable(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const high = bytes.length >= DESCRIPTOR_BYTES ? view.getUint32(0x28, true) : 0;
  return view.getUint32(0x8, true) + high * TWO_TO_32;
}

export function isDescriptorIntact(bytes: Uint8Array, group: number, seed: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint16(DESCRIPTOR_CHECKSUM_OFFSET, true) === descriptorChecksum(bytes, group, seed);
}

/** Sets the bits `[start, end)` of a bitmap; bit 0 is the lowest of the first byte. */
export function setBits(bitmap: Uint8Array, start: number, end: number): void {
  let bit = start;
  for (; bit < end && bit % 8 !== 0; bit++)
    bitmap[bit >>> 3] = (bitmap[bit >>> 3] as number) | (1 << (bit & 7));
  if (end - bit >= 8) {
    bitmap.fill(0xff, bit >>> 3, end >>> 3);
    bit = end - (end % 8);
  }
  for (; bit < end; bit++) bitmap[bit >>> 3] = (bitmap[bit >>> 3] as number) | (1 << (bit & 7));
}
