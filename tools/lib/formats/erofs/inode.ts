/** Encodes and decodes inodes. */
import {
  COMPACT_INODE,
  EXTENDED_BIT,
  EXTENDED_INODE,
  FORMAT_BITS,
  LAYOUT_MASK,
  LAYOUT_SHIFT,
  SHARED_XATTR,
  XATTR_BODY_HEADER,
} from './format.ts';

/** The largest values of the 16-bit and 32-bit fields of a compact inode. */
const MAXIMUM_16_BITS = 0xffff;
const MAXIMUM_32_BITS = 0xffffffff;

const COMPACT = COMPACT_INODE.at;
const EXTENDED = EXTENDED_INODE.at;

export interface Inode {
  readonly isExtended: boolean;
  /** One of DATA_LAYOUT. */
  readonly layout: number;
  /** Bytes of extended attributes that follow the inode. */
  readonly xattrBytes: number;
  readonly mode: number;
  readonly linkCount: number;
  readonly sizeBytes: number;
  /** i_u: the first block, the number of compressed blocks, the device, or the chunk format. */
  readonly union: number;
  /** i_ino, which only 32-bit programs see. */
  readonly number: number;
  readonly uid: number;
  readonly gid: number;
}

/** A decoded inode with its time. */
export interface StoredInode extends Inode {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** i_xattr_icount is 1 for the header alone, and counts units of this size after it. */
const XATTR_UNIT_BYTES = SHARED_XATTR.sizeBytes;

/** The most bytes of extended attributes that i_xattr_icount can count. */
export const MAXIMUM_XATTR_BYTES = XATTR_BODY_HEADER.sizeBytes + (MAXIMUM_16_BITS - 1) * XATTR_UNIT_BYTES;

/**
 * Reports whether a field is too large for a compact inode, whose time is that of the superblock.
 */
export function needsExtended(sizeBytes: number, linkCount: number, uid: number, gid: number): boolean {
  return (
    sizeBytes > MAXIMUM_32_BITS ||
    linkCount > MAXIMUM_16_BITS ||
    uid > MAXIMUM_16_BITS ||
    gid > MAXIMUM_16_BITS
  );
}

export function inodeBytes(isExtended: boolean): number {
  return isExtended ? EXTENDED_INODE.sizeBytes : COMPACT_INODE.sizeBytes;
}

/** Writes an inode at `offset`. `timeSeconds` must be the time of the superblock. */
export function encodeInode(view: DataView, offset: number, inode: Inode, timeSeconds: number): void {
  const xattrCount =
    inode.xattrBytes === 0 ? 0 : (inode.xattrBytes - XATTR_BODY_HEADER.sizeBytes) / XATTR_UNIT_BYTES + 1;
  const format = (inode.layout << LAYOUT_SHIFT) | (inode.isExtended ? EXTENDED_BIT : 0);
  const field = inode.isExtended ? EXTENDED : COMPACT;
  field.i_format.set(view, format, offset);
  field.i_xattr_icount.set(view, xattrCount, offset);
  field.i_mode.set(view, inode.mode, offset);
  field.i_nlink.set(view, inode.linkCount, offset);
  field.i_size.set(view, inode.sizeBytes, offset);
  field.i_u.set(view, inode.union, offset);
  field.i_ino.set(view, inode.number, offset);
  field.i_uid.set(view, inode.uid, offset);
  field.i_gid.set(view, inode.gid, offset);
  if (inode.isExtended) EXTENDED.i_mtime.set(view, timeSeconds, offset);
}

/** Reports whether the inode that begins with these bytes has the 64-byte form. */
export function isExtendedInode(view: DataView): boolean {
  return (COMPACT.i_format.get(view) & EXTENDED_BIT) !== 0;
}

/**
 * Decodes the inode at the start of `view`.
 *
 * @param time of the superblock, which is the time of compact inodes
 * @returns `undefined` for an unknown format
 */
export function decodeInode(
  view: DataView,
  time: { readonly seconds: number; readonly nanoseconds: number },
): StoredInode | undefined {
  const format = COMPACT.i_format.get(view);
  if ((format & ~FORMAT_BITS) !== 0) return undefined;
  const isExtended = (format & EXTENDED_BIT) !== 0;
  const field = isExtended ? EXTENDED : COMPACT;
  const xattrCount = field.i_xattr_icount.get(view);
  return {
    isExtended,
    layout: (format >> LAYOUT_SHIFT) & LAYOUT_MASK,
    xattrBytes: xattrCount === 0 ? 0 : XATTR_BODY_HEADER.sizeBytes + (xattrCount - 1) * XATTR_UNIT_BYTES,
    mode: field.i_mode.get(view),
    linkCount: field.i_nlink.get(view),
    sizeBytes: field.i_size.get(view),
    union: field.i_u.get(view),
    number: field.i_ino.get(view),
    uid: field.i_uid.get(view),
    gid: field.i_gid.get(view),
    seconds: isExtended ? EXTENDED.i_mtime.getSigned(view) : time.seconds,
    nanoseconds: isExtended ? EXTENDED.i_mtime_nsec.get(view) : time.nanoseconds,
  };
}

/** Encodes a device number as new_encode_dev() of Linux does. */
export function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

export function decodeDevice(device: number): { major: number; minor: number } {
  return { major: (device >>> 8) & 0xfff, minor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}
