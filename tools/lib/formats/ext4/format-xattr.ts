/**
 * The bytes of extended attributes: "Extended Attributes" in the kernel's ext4 documentation
 * (attributes.rst).
 */
import { structure } from '../structure/structure.ts';

/** h_magic. */
export const XATTR_MAGIC = 0xea020000;

/** struct ext4_xattr_ibody_header: it precedes the entries in an inode. */
export const XATTR_BODY_HEADER = structure([[0x0, 4, 'h_magic']]);

/** struct ext4_xattr_header: it precedes the entries in a block. */
export const XATTR_BLOCK_HEADER = structure([
  [0x0, 4, 'h_magic'],
  [0x4, 4, 'h_refcount'],
  [0x8, 4, 'h_blocks'],
  [0xc, 4, 'h_hash'],
  [0x10, 4, 'h_checksum'],
  [0x14, 12, 'h_reserved'],
]);

/** struct ext4_xattr_entry, without the name that follows it. */
export const XATTR_ENTRY = structure([
  [0x0, 1, 'e_name_len'],
  [0x1, 1, 'e_name_index'],
  [0x2, 2, 'e_value_offs'],
  [0x4, 4, 'e_value_inum'],
  [0x8, 4, 'e_value_size'],
  [0xc, 4, 'e_hash'],
]);

/** ext4_acl_header (fs/ext4/acl.h in Linux), and posix_acl_xattr_header, which programs use. */
export const ACL_HEADER = structure([[0x0, 4, 'a_version']]);

/** ext4_acl_entry, and posix_acl_xattr_entry. */
export const ACL_ENTRY = structure([
  [0x0, 2, 'e_tag'],
  [0x2, 2, 'e_perm'],
  [0x4, 4, 'e_id'],
]);

/** ext4_acl_entry_short: an ext4_acl_entry without its last field. */
export const SHORT_ACL_ENTRY_BYTES = ACL_ENTRY.at.e_id.offsetBytes;
