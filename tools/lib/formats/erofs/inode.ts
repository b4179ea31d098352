/** Inodes as they are on disk: struct erofs_inode_compact and struct erofs_inode_extended. */
import {
  COMPACT_INODE_BYTES,
  EXTENDED_BIT,
  EXTENDED_INODE_BYTES,
  FORMAT_BITS,
  LAYOUT_MASK,
  LAYOUT_SHIFT,
} from './layout.ts';

/** What the 16-bit fields of a compact inode hold at most. */
const MAXIMUM_16_BITS = 0xffff;
const MAXIMUM_32_BITS = 0xffffffff;

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

/** An inode that was read, with the time that it has. */
export interface StoredInode extends Inode {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** struct erofs_xattr_ibody_header has twelve bytes; each count above one stands for four more. */
const XATTR_HEADER_BYTES = 12;
const XATTR_UNIT_BYTES = 4;

/** The most bytes of extended attributes that i_xattr_icount can count. */
export const MAXIMUM_XATTR_BYTES = XATTR_HEADER_BYTES + (MAXIMUM_16_BITS - 1) * XATTR_UNIT_BYTES;

/** Whether the 32-byte form has room; its time is that of the superblock. */
export function needsExtended(sizeBytes: number, linkCount: number, uid: number, gid: number): boolean {
  return (
    sizeBytes > MAXIMUM_32_BITS ||
    linkCount > MAXIMUM_16_BITS ||
    uid > MAXIMUM_16_BITS ||
    gid > MAXIMUM_16_BITS
  );
}

export function inodeBytes(isExtended: boolean): number {
  return isExtended ? EXTENDED_INODE_BYTES : COMPACT_INODE_BYTES;
}

/** Writes an inode at `offset`. `timeSeconds` must be that of the superblock. */
export function encodeInode(view: DataView, offset: number, inode: Inode, timeSeconds: number): void {
  const xattrCount =
    inode.xattrBytes === 0 ? 0 : (inode.xattrBytes - XATTR_HEADER_BYTES) / XATTR_UNIT_BYTES + 1;
  view.setUint16(offset, (inode.layout << LAYOUT_SHIFT) | (inode.isExtended ? EXTENDED_BIT : 0), true);
  view.setUint16(offset + 2, xattrCount, true);
  view.setUint16(offset + 4, inode.mode, true);
  if (inode.isExtended) {
    view.setBigUint64(offset + 8, BigInt(inode.sizeBytes), true);
    view.setUint32(offset + 24, inode.uid, true);
    view.setUint32(offset + 28, inode.gid, true);
    view.setBigUint64(offset + 32, BigInt(timeSeconds), true);
    view.setUint32(offset + 44, inode.linkCount, true);
  } else {
    view.setUint16(offset + 6, inode.linkCount, true);
    view.setUint32(offset + 8, inode.sizeBytes, true);
    view.setUint16(offset + 24, inode.uid, true);
    view.setUint16(offset + 26, inode.gid, true);
  }
  view.setUint32(offset + 16, inode.union, true);
  view.setUint32(offset + 20, inode.number, true);
}

/** Whether the inode that begins with these bytes has the 64-byte form. */
export function isExtendedInode(view: DataView): boolean {
  return (view.getUint16(0, true) & EXTENDED_BIT) !== 0;
}

/**
 * Reads an inode from the bytes that begin with it.
 *
 * @param time that of the superblock, which compact inodes have
 * @returns `undefined` for a format that is not known
 */
export function decodeInode(
  view: DataView,
  time: { readonly seconds: number; readonly nanoseconds: number },
): StoredInode | undefined {
  const format = view.getUint16(0, true);
  if ((format & ~FORMAT_BITS) !== 0) return undefined;
  const isExtended = (format & EXTENDED_BIT) !== 0;
  const xattrCount = view.getUint16(2, true);
  const common = {
    isExtended,
    layout: (format >> LAYOUT_SHIFT) & LAYOUT_MASK,
    xattrBytes: xattrCount === 0 ? 0 : XATTR_HEADER_BYTES + (xattrCount - 1) * XATTR_UNIT_BYTES,
    mode: view.getUint16(4, true),
    union: view.getUint32(16, true),
    number: view.getUint32(20, true),
  };
  if (!isExtended) {
    return {
      ...common,
      linkCount: view.getUint16(6, true),
      sizeBytes: view.getUint32(8, true),
      uid: view.getUint16(24, true),
      gid: view.getUint16(26, true),
      ...time,
    };
  }
  return {
    ...common,
    linkCount: view.getUint32(44, true),
    sizeBytes: Number(view.getBigUint64(8, true)),
    uid: view.getUint32(24, true),
    gid: view.getUint32(28, true),
    seconds: Number(view.getBigInt64(32, true)),
    nanoseconds: view.getUint32(40, true),
  };
}

/** rdev as new_encode_dev in Linux makes it. */
export function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

export function decodeDevice(device: number): { major: number; minor: number } {
  return { major: (device >>> 8) & 0xfff, minor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}
