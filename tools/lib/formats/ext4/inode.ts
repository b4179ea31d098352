/** Encodes and decodes inodes: "Index Nodes" in the kernel's ext4 documentation (inodes.rst). */

import { crc32c, crc32cWord } from '../crc32c/crc32c.ts';
import { MODE } from '../entry/linux-types.ts';
import type { Timestamp } from '../entry/tree-reader.ts';
import { offsetsOf } from '../structure/offsets.ts';
import { viewOf } from '../structure/view.ts';
import { INODE, INODE_FLAGS } from './format-inode.ts';

const AT = INODE.at;
/**
 * The offsets of the fields. Accessors would take 5 % of the time to write a tree of many small
 * files.
 */
const OFFSET = offsetsOf(INODE);
const CHECKSUM_LOW_END = AT.i_checksum_lo.endBytes;
const CHECKSUM_HIGH_END = AT.i_checksum_hi.endBytes;
const CREATION_TIME_END = AT.i_crtime.endBytes;
const EXTRA_TIME_BYTES = AT.i_ctime_extra.lengthBytes;

export const INODE_BYTES = 256;
/** The size of the oldest inodes, and of the part common to all inodes. */
export const SHORT_INODE_BYTES = AT.i_extra_isize.offsetBytes;
/** The size of the fields after the first 128 bytes: through i_projid. */
export const EXTRA_INODE_BYTES = AT.i_projid.endBytes - SHORT_INODE_BYTES;
/** The offset of extended attributes in the inode. */
export const BODY_XATTR_OFFSET_BYTES = INODE.sizeBytes;
/** The size of i_block: an extent tree's root, a short link's target, or a device number. */
export const BLOCK_MAP_BYTES = AT.i_block.lengthBytes;

export const ROOT_INODE = 2;
export const JOURNAL_INODE = 8;
/** Inodes 1 to 10 have fixed uses (special_inodes.rst). */
export const FIRST_FREE_INODE = 11;

/** Inodes that cannot be read correctly without their key, locale or hash tree. */
export const REFUSED_INODE_FLAGS = [
  { flag: INODE_FLAGS.encrypt, what: 'encrypted (fscrypt)' },
  { flag: INODE_FLAGS.verity, what: 'protected by fs-verity' },
  { flag: INODE_FLAGS.casefold, what: 'a directory that folds case (casefold)' },
] as const;

/** i_blocks counts sectors of this size, for all block sizes. */
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
  /** The block of extended attributes, or 0. */
  readonly xattrBlock: number;
}

export interface StoredInode extends Inode {
  readonly changeTime: Timestamp;
  readonly modificationTime: Timestamp;
  /** `undefined` if the inode has no room for it. */
  readonly creationTime: Timestamp | undefined;
  readonly deletionTimeSeconds: number;
  /**
   * The bytes after the fixed fields: extended attributes, if they begin with their magic number.
   */
  readonly body: Uint8Array;
  readonly checksumSeed: number;
}

const TWO_TO_32 = 2 ** 32;
/** The latest time: 32 signed bits, and two more in the extra field. */
export const MAXIMUM_TIME_SECONDS = 2 ** 34 - 2 ** 31 - 1;

/** Computes the seed for the checksums of an inode and of its directory and extent blocks. */
export function inodeChecksumSeed(seed: number, inodeNumber: number, generation = 0): number {
  return crc32cWord(crc32cWord(seed, inodeNumber), generation);
}

/** Computes the checksum of an inode. Its two checksum fields must be zero. */
function inodeChecksum(bytes: Uint8Array, inodeSeed: number): number {
  return crc32c(inodeSeed, bytes);
}

/** Returns the two lowest bits of an extra time field: the multiple of 2^32 seconds to add. */
function epochBits(seconds: number): number {
  return ((seconds - (seconds | 0)) / TWO_TO_32) & 3;
}

/**
 * Writes an inode to `bytes`: 256 bytes that are zero, except for extended attributes at
 * {@link BODY_XATTR_OFFSET_BYTES}. Sets all four times to `timeSeconds`.
 */
export function encodeInode(bytes: Uint8Array, inode: Inode, timeSeconds: number, inodeSeed: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, INODE_BYTES);
  const time = timeSeconds | 0;
  const timeExtra = epochBits(timeSeconds);
  view.setUint16(OFFSET.i_mode, inode.mode, true);
  view.setUint16(OFFSET.i_uid, inode.uid & 0xffff, true);
  view.setUint32(OFFSET.i_size_lo, inode.sizeBytes % TWO_TO_32, true);
  view.setUint32(OFFSET.i_atime, time, true);
  view.setUint32(OFFSET.i_ctime, time, true);
  view.setUint32(OFFSET.i_mtime, time, true);
  view.setUint16(OFFSET.i_gid, inode.gid & 0xffff, true);
  view.setUint16(OFFSET.i_links_count, inode.linkCount, true);
  view.setUint32(OFFSET.i_blocks_lo, inode.sectorCount % TWO_TO_32, true);
  view.setUint32(OFFSET.i_flags, inode.flags, true);
  bytes.set(inode.blockMap, OFFSET.i_block);
  view.setUint32(OFFSET.i_file_acl_lo, inode.xattrBlock, true);
  view.setUint32(OFFSET.i_size_high, Math.floor(inode.sizeBytes / TWO_TO_32), true);
  view.setUint16(OFFSET.i_blocks_high, Math.floor(inode.sectorCount / TWO_TO_32), true);
  view.setUint16(OFFSET.i_uid_high, inode.uid >>> 16, true);
  view.setUint16(OFFSET.i_gid_high, inode.gid >>> 16, true);
  view.setUint16(OFFSET.i_extra_isize, EXTRA_INODE_BYTES, true);
  view.setUint32(OFFSET.i_ctime_extra, timeExtra, true);
  view.setUint32(OFFSET.i_mtime_extra, timeExtra, true);
  view.setUint32(OFFSET.i_atime_extra, timeExtra, true);
  view.setUint32(OFFSET.i_crtime, time, true);
  view.setUint32(OFFSET.i_crtime_extra, timeExtra, true);
  const checksum = inodeChecksum(bytes, inodeSeed);
  view.setUint16(OFFSET.i_checksum_lo, checksum & 0xffff, true);
  view.setUint16(OFFSET.i_checksum_hi, checksum >>> 16, true);
}

function decodeTime(view: DataView, offset: number, extraOffset: number, extraEnd: number): Timestamp {
  const low = view.getInt32(offset, true);
  if (extraEnd < extraOffset + EXTRA_TIME_BYTES) return { seconds: low, nanoseconds: 0 };
  const extraBits = view.getUint32(extraOffset, true);
  return { seconds: low + (extraBits & 3) * TWO_TO_32, nanoseconds: extraBits >>> 2 };
}

/**
 * Decodes an inode.
 *
 * @param bytes the inode's bytes, 128 or more
 * @param seed the checksum seed, or `undefined` if the file system has no metadata checksums
 * @returns `undefined` if the inode does not match its checksum
 */
export function decodeInode(
  bytes: Uint8Array,
  inodeNumber: number,
  seed: number | undefined,
): StoredInode | undefined {
  const view = viewOf(bytes);
  const isLong = bytes.length > SHORT_INODE_BYTES;
  const extraBytes = isLong ? view.getUint16(OFFSET.i_extra_isize, true) : 0;
  const extraEnd = Math.min(SHORT_INODE_BYTES + extraBytes, bytes.length);
  const checksumSeed =
    seed === undefined ? 0 : inodeChecksumSeed(seed, inodeNumber, view.getUint32(OFFSET.i_generation, true));
  if (seed !== undefined && !isIntact(bytes, view, extraEnd, checksumSeed)) return undefined;
  const mode = view.getUint16(OFFSET.i_mode, true);
  // i_size_high is part of the size only for files, in all file systems (ext4_isize in Linux,
  // without large_dir).
  const sizeHigh = (mode & MODE.mask) === MODE.file ? view.getUint32(OFFSET.i_size_high, true) : 0;
  return {
    mode,
    uid: view.getUint16(OFFSET.i_uid, true) + view.getUint16(OFFSET.i_uid_high, true) * 0x10000,
    gid: view.getUint16(OFFSET.i_gid, true) + view.getUint16(OFFSET.i_gid_high, true) * 0x10000,
    sizeBytes: view.getUint32(OFFSET.i_size_lo, true) + sizeHigh * TWO_TO_32,
    linkCount: view.getUint16(OFFSET.i_links_count, true),
    sectorCount:
      view.getUint32(OFFSET.i_blocks_lo, true) + view.getUint16(OFFSET.i_blocks_high, true) * TWO_TO_32,
    flags: view.getUint32(OFFSET.i_flags, true),
    blockMap: bytes.slice(OFFSET.i_block, OFFSET.i_block + BLOCK_MAP_BYTES),
    xattrBlock:
      view.getUint32(OFFSET.i_file_acl_lo, true) + view.getUint16(OFFSET.i_file_acl_high, true) * TWO_TO_32,
    changeTime: decodeTime(view, OFFSET.i_ctime, OFFSET.i_ctime_extra, extraEnd),
    modificationTime: decodeTime(view, OFFSET.i_mtime, OFFSET.i_mtime_extra, extraEnd),
    creationTime:
      extraEnd < CREATION_TIME_END
        ? undefined
        : decodeTime(view, OFFSET.i_crtime, OFFSET.i_crtime_extra, extraEnd),
    deletionTimeSeconds: view.getUint32(OFFSET.i_dtime, true),
    body: isLong ? bytes.subarray(extraEnd) : new Uint8Array(0),
    checksumSeed,
  };
}

function isIntact(bytes: Uint8Array, view: DataView, extraEnd: number, inodeSeed: number): boolean {
  const hasHigh = extraEnd >= CHECKSUM_HIGH_END;
  const cleared = bytes.slice();
  cleared.fill(0, OFFSET.i_checksum_lo, CHECKSUM_LOW_END);
  if (hasHigh) cleared.fill(0, OFFSET.i_checksum_hi, CHECKSUM_HIGH_END);
  const checksum = inodeChecksum(cleared, inodeSeed);
  if (view.getUint16(OFFSET.i_checksum_lo, true) !== (checksum & 0xffff)) return false;
  return !hasHigh || view.getUint16(OFFSET.i_checksum_hi, true) === checksum >>> 16;
}

/**
 * Encodes the i_block of a device: the first word if both numbers are below 256, otherwise the
 * second (new_encode_dev in Linux).
 */
export function encodeDevice(major: number, minor: number): Uint8Array {
  const map = new Uint8Array(BLOCK_MAP_BYTES);
  const view = new DataView(map.buffer);
  if (major < 256 && minor < 256) view.setUint32(0, (major << 8) | minor, true);
  else view.setUint32(4, ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0, true);
  return map;
}

export function decodeDevice(blockMap: Uint8Array): { major: number; minor: number } {
  const view = viewOf(blockMap);
  const old = view.getUint32(0, true);
  if (old !== 0) return { major: (old >>> 8) & 0xff, minor: old & 0xff };
  const wide = view.getUint32(4, true);
  return { major: (wide >>> 8) & 0xfff, minor: (wide & 0xff) | ((wide >>> 12) & 0xfff00) };
}
