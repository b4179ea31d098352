/**
 * The structures of a newc cpio archive.
 *
 * Specification: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
 */

import { type FieldAccess, structure } from '../structure/structure.ts';

/** The header of a member. Each field except `c_magic` is eight hexadecimal digits. */
export const HEADER = structure([
  [0, 6, 'c_magic'],
  [6, 8, 'c_ino'],
  [14, 8, 'c_mode'],
  [22, 8, 'c_uid'],
  [30, 8, 'c_gid'],
  [38, 8, 'c_nlink'],
  [46, 8, 'c_mtime'],
  [54, 8, 'c_filesize'],
  [62, 8, 'c_maj'],
  [70, 8, 'c_min'],
  [78, 8, 'c_rmaj'],
  [86, 8, 'c_rmin'],
  [94, 8, 'c_namesize'],
  [102, 8, 'c_chksum'],
]);

export const HEADER_BYTES = HEADER.sizeBytes;

/** Reads a number of a header. The result is NaN if the field does not begin with a digit. */
export function fieldNumber(header: string, { offsetBytes, endBytes }: FieldAccess): number {
  return Number.parseInt(header.slice(offsetBytes, endBytes), 16);
}

/** `c_magic` of an archive without checksums. */
export const NEWC_MAGIC = '070701';
/**
 * `c_magic` of an archive whose `c_chksum` is the sum of each file's bytes. Read, but not written:
 * the kernel needs no sum.
 */
export const CRC_MAGIC = '070702';
/**
 * The header with the name, and the file's data, are each padded with zeros to a multiple of this
 * many bytes.
 */
export const ALIGNMENT_BYTES = 4;

/** Returns the first multiple of {@link ALIGNMENT_BYTES} from `offsetBytes` on. */
export function aligned(offsetBytes: number): number {
  return Math.ceil(offsetBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

/** The name of the member that ends the archive. */
export const TRAILER_NAME = 'TRAILER!!!';
/** Linux, init/initramfs.c: N_ALIGN and do_header() refuse a name longer than PATH_MAX. */
export const NAME_BYTES_MAX = 4096;
/** Linux: NAME_MAX. */
export const COMPONENT_BYTES_MAX = 255;
/** The largest value of `c_filesize`. */
export const FILE_BYTES_MAX = 0xffffffff;

/** The file type bits of `c_mode` (stat(2), S_IFMT). */
export const FILE_TYPE_MASK = 0o170000;
export const TYPE_BITS = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  'character-device': 0o020000,
  'block-device': 0o060000,
  fifo: 0o010000,
  socket: 0o140000,
} as const;
