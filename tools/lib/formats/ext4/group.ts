/**
 * Encodes and decodes group descriptors and bitmaps: "Block Group Descriptors" in the kernel's ext4
 * documentation (group_descr.rst).
 */

import { crc32c, crc32cWord } from '../crc32c/crc32c.ts';
import type { FieldAccess } from '../structure/structure.ts';
import { viewOf } from '../structure/view.ts';
import { CRC16_START, crc16 } from './crc16.ts';
import { RO_COMPAT } from './features.ts';
import { GROUP_DESCRIPTOR } from './format-group.ts';
import type { Superblock } from './superblock.ts';

/** The size of a descriptor with the 64bit feature. */
export const DESCRIPTOR_BYTES = GROUP_DESCRIPTOR.sizeBytes;
const AT = GROUP_DESCRIPTOR.at;
const TWO_TO_32 = 2 ** 32;

export interface GroupDescriptor {
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
  readonly freeBlockCount: number;
  readonly freeInodeCount: number;
  readonly directoryCount: number;
  readonly flags: number;
  /** The number of inodes at the end of the group's table that were never used. */
  readonly unusedInodeCount: number;
  readonly blockBitmapChecksum: number;
  readonly inodeBitmapChecksum: number;
}

/** Writes the descriptor of `group` to `bytes`: its 64 bytes in the table, which must be zero. */
export function encodeGroupDescriptor(
  bytes: Uint8Array,
  group: number,
  descriptor: GroupDescriptor,
  seed: number,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, DESCRIPTOR_BYTES);
  // The upper 32 bits of block numbers stay zero: this writer stops at 2^32 blocks.
  AT.bg_block_bitmap_lo.set(view, descriptor.blockBitmap);
  AT.bg_inode_bitmap_lo.set(view, descriptor.inodeBitmap);
  AT.bg_inode_table_lo.set(view, descriptor.inodeTable);
  AT.bg_free_blocks_count_lo.set(view, descriptor.freeBlockCount);
  AT.bg_free_inodes_count_lo.set(view, descriptor.freeInodeCount);
  AT.bg_used_dirs_count_lo.set(view, descriptor.directoryCount);
  AT.bg_flags.set(view, descriptor.flags);
  AT.bg_block_bitmap_csum_lo.set(view, descriptor.blockBitmapChecksum & 0xffff);
  AT.bg_inode_bitmap_csum_lo.set(view, descriptor.inodeBitmapChecksum & 0xffff);
  AT.bg_itable_unused_lo.set(view, descriptor.unusedInodeCount);
  AT.bg_block_bitmap_csum_hi.set(view, descriptor.blockBitmapChecksum >>> 16);
  AT.bg_inode_bitmap_csum_hi.set(view, descriptor.inodeBitmapChecksum >>> 16);
  AT.bg_checksum.set(view, descriptorChecksum(bytes, group, seed));
}

function descriptorChecksum(bytes: Uint8Array, group: number, seed: number): number {
  let crc = crc32cWord(seed, group);
  crc = crc32c(crc, bytes, 0, AT.bg_checksum.offsetBytes);
  crc = crc32c(crc, new Uint8Array(AT.bg_checksum.lengthBytes));
  return crc32c(crc, bytes, AT.bg_checksum.endBytes) & 0xffff;
}

/** Computes the older checksum (the uninit_bg feature). */
function oldDescriptorChecksum(bytes: Uint8Array, group: number, uuid: Uint8Array): number {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, group, true);
  let crc = crc16(crc16(CRC16_START, uuid), number);
  crc = crc16(crc, bytes.subarray(0, AT.bg_checksum.offsetBytes));
  return crc16(crc, bytes.subarray(AT.bg_checksum.endBytes));
}

/** The fields of a stored descriptor that readers use. */
export interface StoredGroup {
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
  readonly flags: number;
  readonly unusedInodeCount: number;
}

/** Decodes a descriptor of 64 bytes, or of 32 bytes without the 64bit feature. */
export function decodeGroupDescriptor(bytes: Uint8Array): StoredGroup {
  const view = viewOf(bytes);
  const isWide = bytes.length >= DESCRIPTOR_BYTES;
  const high = (field: FieldAccess): number => (isWide ? field.get(view) : 0);
  return {
    blockBitmap: AT.bg_block_bitmap_lo.get(view) + high(AT.bg_block_bitmap_hi) * TWO_TO_32,
    inodeBitmap: AT.bg_inode_bitmap_lo.get(view) + high(AT.bg_inode_bitmap_hi) * TWO_TO_32,
    inodeTable: AT.bg_inode_table_lo.get(view) + high(AT.bg_inode_table_hi) * TWO_TO_32,
    flags: AT.bg_flags.get(view),
    unusedInodeCount: AT.bg_itable_unused_lo.get(view) + high(AT.bg_itable_unused_hi) * 0x10000,
  };
}

/**
 * Reports whether a descriptor matches its checksum. The features determine the kind of checksum.
 */
export function isDescriptorIntact(superblock: Superblock, bytes: Uint8Array, group: number): boolean {
  const { roCompat, uuid, checksumSeed } = superblock;
  const view = viewOf(bytes);
  const stored = AT.bg_checksum.get(view);
  if ((roCompat & RO_COMPAT.metadataCsum) !== 0)
    return stored === descriptorChecksum(bytes, group, checksumSeed);
  if ((roCompat & RO_COMPAT.gdtCsum) !== 0) return stored === oldDescriptorChecksum(bytes, group, uuid);
  return true;
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
