/** Index nodes: "Index Nodes" in the kernel's ext4 documentation (inodes.rst, special_inodes.rst). */

import { crc32c, crc32cWord } from '../crc32c/crc32c.ts';
import { MODE } from '../entry/linux-types.ts';
import type { Timestamp } from '../entry/tree-reader.ts';

export const INODE_BYTES = 256;
/** The fields past the first 128 bytes that this project fills: up to and with i_projid. */
export const EXTRA_INODE_BYTES = 32;
/** Where extended attributes in the inode's body begin. */
export const BODY_XATTR_OFFSET_BYTES = 128 + EXTRA_INODE_BYTES;
/** i_block: the root of the extent tree, the target of a short symbolic link, or a device number. */
export const BLOCK_MAP_BYTES = 60;

export const ROOT_INODE = 2;
export const JOURNAL_INODE = 8;
/** Inodes 1 to 10 have fixed uses. */
export const FIRST_FREE_INODE = 11;

/** i_flags. */
export const INODE_FLAGS = {
  encrypt: 0x800,
  index: 0x1000,
  extents: 0x80000,
  verity: 0x100000,
  eaInode: 0x200000,
  inlineData: 0x10000000,
  casefold: 0x40000000,
} as const;

/** Inodes that are not what they seem without the key, the locale or the hash tree that belongs to them. */
export const REFUSED_INODE_FLAGS = [
  { flag: INODE_FLAGS.encrypt, what: 'encrypted (fscrypt)' },
  { flag: INODE_FLAGS.verity, what: 'protected by fs-verity' },
  { flag: INODE_FLAGS.casefold, what: 'a directory that folds case (casefold)' },
] as const;

/** i_blocks counts sectors of this size, whatever the block size. */
export const SECTOR_BYTES = 512;

export interface Inode {
  /** Type and permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly linkCount: number;
  /** Blocks of data, of the extent tree and of extended attributes, in sectors of 512 bytes. */
  readonly sectorCount: number;
  readonly flags: number;
  /** The 60 bytes of i_block. */
  readonly blockMap: Uint8Array;
  /** The block of extended attributes, 0 for none. */
  readonly xattrBlock: number;
}

export interface StoredInode extends Inode {
  readonly changeTime: Timestamp;
  readonly modificationTime: Timestamp;
  /** `undefined` where the inode has no room for it. */
  readonly creationTime: Timestamp | undefined;
  readonly deletionTimeSeconds: number;
  /** What lies behind the fixed fields: extended attributes, if they begin with their magic number. */
  readonly body: Uint8Array;
  readonly checksumSeed: number;
}

const CHECKSUM_LOW_OFFSET = 0x7c;
const CHECKSUM_HIGH_OFFSET = 0x82;
const TWO_TO_32 = 2 ** 32;
/** Seconds that fit: 32 signed bits and two more in the extra field. */
export const MAXIMUM_TIME_SECONDS = 2 ** 34 - 2 ** 31 - 1;

/** The seed of an inode's own checksum and of those of its directory and extent blocks. */
export function inodeChecksumSeed(seed: number, inodeNumber: number, generation = 0): number {
  return crc32cWord(crc32cWord(seed, inodeNumber), generation);
}

/** The checksum of an inode whose two checksum fields are zero. */
function inodeChecksum(bytes: Uint8Array, inodeSeed: number): number {
  return crc32c(inodeSeed, bytes);
}

/** The two lowest bits of an extra time field: how often 2^32 seconds go on top of the signed 32 bits. */
function epochBits(seconds: number): number {
  return ((seconds - (seconds | 0)) / TWO_TO_32) & 3;
}

/**
 * Writes an inode to `bytes`: 256 bytes, zero but for the extended attributes that the caller has put at
 * {@link BODY_XATTR_OFFSET_BYTES}. All four times become `timeSeconds`.
 */
export function encodeInode(bytes: Uint8Array, inode: Inode, timeSeconds: number, inodeSeed: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, INODE_BYTES);
  const time = timeSeconds | 0;
  const timeExtra = epochBits(timeSeconds);
  view.setUint16(0x0, inode.mode, true);
  view.setUint16(0x2, inode.uid & 0xffff, true);
  view.setUint32(0x4, inode.sizeBytes % TWO_TO_32, true);
  view.setInt32(0x8, time, true); // i_atime
  view.setInt32(0xc, time, true); // i_ctime
  view.setInt32(0x10, time, true); // i_mtime
  view.setUint16(0x18, inode.gid & 0xffff, true);
  view.setUint16(0x1a, inode.linkCount, true);
  view.setUint32(0x1c, inode.sectorCount % TWO_TO_32, true);
  view.setUint32(0x20, inode.flags, true);
  bytes.set(inode.blockMap, 0x28);
  view.setUint32(0x68, inode.xattrBlock, true);
  view.setUint32(0x6c, Math.floor(inode.sizeBytes / TWO_TO_32), true);
  view.setUint16(0x74, Math.floor(inode.sectorCount / TWO_TO_32), true);
  view.setUint16(0x78, inode.uid >>> 16, true);
  view.setUint16(0x7a, inode.gid >>> 16, true);
  view.setUint16(0x80, EXTRA_INODE_BYTES, true);
  view.setUint32(0x84, timeExtra, true); // i_ctime_extra
  view.setUint32(0x88, timeExtra, true); // i_mtime_extra
  view.setUint32(0x8c, timeExtra, true); // i_atime_extra
  view.setInt32(0x90, time, true); // i_crtime
  view.setUint32(0x94, timeExtra, true); // i_crtime_extra
  const checksum = inodeChecksum(bytes, inodeSeed);
  view.setUint16(CHECKSUM_LOW_OFFSET, checksum & 0xffff, true);
  view.setUint16(CHECKSUM_HIGH_OFFSET, checksum >>> 16, true);
}

function decodeTime(view: DataView, offset: number, extraOffset: number, extraEnd: number): Timestamp {
  const low = view.getInt32(offset, true);
  if (extraEnd < extraOffset + 4) return { seconds: low, nanoseconds: 0 };
  const extra = view.getUint32(extraOffset, true);
  return { seconds: low + (extra & 3) * TWO_TO_32, nanoseconds: extra >>> 2 };
}

/**
 * @param bytes the inode's bytes, 128 or more
 * @param seed the file system's checksum seed, or `undefined` where it has no metadata checksums
 * @returns `undefined` where the inode does not match its checksum
 */
export function decodeInode(
  bytes: Uint8Array,
  inodeNumber: number,
  seed: number | undefined,
): StoredInode | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const extraBytes = bytes.length > 128 ? view.getUint16(0x80, true) : 0;
  const extraEnd = Math.min(128 + extraBytes, bytes.length);
  const checksumSeed =
    seed === undefined ? 0 : inodeChecksumSeed(seed, inodeNumber, view.getUint32(0x64, true));
  if (seed !== undefined && !isIntact(bytes, view, extraEnd, checksumSeed)) return undefined;
  const mode = view.getUint16(0x0, true);
  // Only of files are the upper 32 bits of the size a size, whatever the file system (ext4_isize in Linux, without large_dir).
  const sizeHigh = (mode & MODE.mask) === MODE.file ? view.getUint32(0x6c, true) : 0;
  return {
    mode,
    uid: view.getUint16(0x2, true) + view.getUint16(0x78, true) * 0x10000,
    gid: view.getUint16(0x18, true) + view.getUint16(0x7a, true) * 0x10000,
    sizeBytes: view.getUint32(0x4, true) + sizeHigh * TWO_TO_32,
    linkCount: view.getUint16(0x1a, true),
    sectorCount: view.getUint32(0x1c, true) + view.getUint16(0x74, true) * TWO_TO_32,
    flags: view.getUint32(0x20, true),
    blockMap: bytes.slice(0x28, 0x28 + BLOCK_MAP_BYTES),
    xattrBlock: view.getUint32(0x68, true) + view.getUint16(0x76, true) * TWO_TO_32,
    changeTime: decodeTime(view, 0xc, 0x84, extraEnd),
    modificationTime: decodeTime(view, 0x10, 0x88, extraEnd),
    creationTime: extraEnd < 0x94 ? undefined : decodeTime(view, 0x90, 0x94, extraEnd),
    deletionTimeSeconds: view.getUint32(0x14, true),
    body: bytes.length > 128 ? bytes.subarray(extraEnd) : new Uint8Array(0),
    checksumSeed,
  };
}

function isIntact(bytes: Uint8Array, view: DataView, extraEnd: number, inodeSeed: number): boolean {
  const hasHigh = extraEnd >= CHECKSUM_HIGH_OFFSET + 2;
  const cleared = bytes.slice();
  cleared.fill(0, CHECKSUM_LOW_OFFSET, CHECKSUM_LOW_OFFSET + 2);
  if (hasHigh) cleared.fill(0, CHECKSUM_HIGH_OFFSET, CHECKSUM_HIGH_OFFSET + 2);
  const checksum = inodeChecksum(cleared, inodeSeed);
  if (view.getUint16(CHECKSUM_LOW_OFFSET, true) !== (checksum & 0xffff)) return false;
  return !hasHigh || view.getUint16(CHECKSUM_HIGH_OFFSET, true) === checksum >>> 16;
}

/** i_block of a device: the first word for numbers below 256, else the second word (new_encode_dev in Linux). */
export function encodeDevice(major: number, minor: number): Uint8Array {
  const map = new Uint8Array(BLOCK_MAP_BYTES);
  const view = new DataView(map.buffer);
  if (major < 256 && minor < 256) view.setUint32(0, (major << 8) | minor, true);
  else view.setUint32(4, ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0, true);
  return map;
}

export function decodeDevice(blockMap: Uint8Array): { major: number; minor: number } {
  const view = new DataView(blockMap.buffer, blockMap.byteOffset, blockMap.byteLength);
  const old = view.getUint32(0, true);
  if (old !== 0) return { major: (old >>> 8) & 0xff, minor: old & 0xff };
  const wide = view.getUint32(4, true);
  return { major: (wide >>> 8) & 0xfff, minor: (wide & 0xff) | ((wide >>> 12) & 0xfff00) };
}
