/**
 * The bytes of directories: "Directory Entries" in the kernel's ext4 documentation (directory.rst).
 */
import { structure } from '../structure/structure.ts';

/** struct ext4_dir_entry_2, without the name that follows it. */
export const DIRECTORY_ENTRY = structure([
  [0x0, 4, 'inode'],
  [0x4, 2, 'rec_len'],
  [0x6, 1, 'name_len'],
  [0x7, 1, 'file_type'],
]);

/** struct ext4_dir_entry_tail: the last entry of each block with a checksum. */
export const DIRECTORY_TAIL = structure([
  [0x0, 4, 'det_reserved_zero1'],
  [0x4, 2, 'det_rec_len'],
  [0x6, 1, 'det_reserved_zero2'],
  [0x7, 1, 'det_reserved_ft'],
  [0x8, 4, 'det_checksum'],
]);

/** det_reserved_ft: the file type of no real entry. */
export const TAIL_FILE_TYPE = 0xde;

/** struct dx_root: the first block of a directory with an index, up to its records. */
export const DX_ROOT = structure([
  [0x0, 4, 'dot.inode'],
  [0x4, 2, 'dot.rec_len'],
  [0x6, 1, 'dot.name_len'],
  [0x7, 1, 'dot.file_type'],
  [0x8, 4, 'dot.name'],
  [0xc, 4, 'dotdot.inode'],
  [0x10, 2, 'dotdot.rec_len'],
  [0x12, 1, 'dotdot.name_len'],
  [0x13, 1, 'dotdot.file_type'],
  [0x14, 4, 'dotdot_name'],
  [0x18, 4, 'dx_root_info.reserved_zero'],
  [0x1c, 1, 'dx_root_info.hash_version'],
  [0x1d, 1, 'dx_root_info.info_length'],
  [0x1e, 1, 'dx_root_info.indirect_levels'],
  [0x1f, 1, 'dx_root_info.unused_flags'],
]);

/** dx_root_info.info_length: the size of struct dx_root_info. */
export const DX_ROOT_INFO_BYTES = DX_ROOT.sizeBytes - DX_ROOT.at['dx_root_info.reserved_zero'].offsetBytes;

/** struct dx_node: an inner block of an index, up to its records. */
export const DX_NODE = structure([
  [0x0, 4, 'fake.inode'],
  [0x4, 2, 'fake.rec_len'],
  [0x6, 1, 'name_len'],
  [0x7, 1, 'file_type'],
]);

/** struct dx_entry: a record of dx_root and dx_node. */
export const DX_ENTRY = structure([
  [0x0, 4, 'hash'],
  [0x4, 4, 'block'],
]);

/** struct dx_countlimit: it replaces the hash of the first dx_entry of a block. */
export const DX_COUNT_LIMIT = structure([
  [0x0, 2, 'limit'],
  [0x2, 2, 'count'],
]);

/** struct dx_tail: it follows the last record that an index block has room for. */
export const DX_TAIL = structure([
  [0x0, 4, 'dt_reserved'],
  [0x4, 4, 'dt_checksum'],
]);
