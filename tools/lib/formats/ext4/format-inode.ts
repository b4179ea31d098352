/** An inode's bytes: "Index Nodes" in the kernel's ext4 documentation (inodes.rst). */
import { structure } from '../structure/structure.ts';

/**
 * struct ext4_inode. An inode of 128 bytes ends before i_extra_isize. In larger ones, extended
 * attributes follow.
 */
export const INODE = structure([
  [0x0, 2, 'i_mode'],
  [0x2, 2, 'i_uid'],
  [0x4, 4, 'i_size_lo'],
  [0x8, 4, 'i_atime'],
  [0xc, 4, 'i_ctime'],
  [0x10, 4, 'i_mtime'],
  [0x14, 4, 'i_dtime'],
  [0x18, 2, 'i_gid'],
  [0x1a, 2, 'i_links_count'],
  [0x1c, 4, 'i_blocks_lo'],
  [0x20, 4, 'i_flags'],
  [0x24, 4, 'i_version'],
  [0x28, 60, 'i_block'],
  [0x64, 4, 'i_generation'],
  [0x68, 4, 'i_file_acl_lo'],
  [0x6c, 4, 'i_size_high'],
  [0x70, 4, 'i_obso_faddr'],
  [0x74, 2, 'i_blocks_high'],
  [0x76, 2, 'i_file_acl_high'],
  [0x78, 2, 'i_uid_high'],
  [0x7a, 2, 'i_gid_high'],
  [0x7c, 2, 'i_checksum_lo'],
  [0x7e, 2, 'i_reserved'],
  [0x80, 2, 'i_extra_isize'],
  [0x82, 2, 'i_checksum_hi'],
  [0x84, 4, 'i_ctime_extra'],
  [0x88, 4, 'i_mtime_extra'],
  [0x8c, 4, 'i_atime_extra'],
  [0x90, 4, 'i_crtime'],
  [0x94, 4, 'i_crtime_extra'],
  [0x98, 4, 'i_version_hi'],
  [0x9c, 4, 'i_projid'],
]);

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
