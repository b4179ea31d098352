/**
 * A group descriptor's bytes: "Block Group Descriptors" in the kernel's ext4 documentation
 * (group_descr.rst).
 */
import { structure } from '../structure/structure.ts';

/** struct ext4_group_desc. Without the 64bit feature it ends before bg_block_bitmap_hi. */
export const GROUP_DESCRIPTOR = structure([
  [0x0, 4, 'bg_block_bitmap_lo'],
  [0x4, 4, 'bg_inode_bitmap_lo'],
  [0x8, 4, 'bg_inode_table_lo'],
  [0xc, 2, 'bg_free_blocks_count_lo'],
  [0xe, 2, 'bg_free_inodes_count_lo'],
  [0x10, 2, 'bg_used_dirs_count_lo'],
  [0x12, 2, 'bg_flags'],
  [0x14, 4, 'bg_exclude_bitmap_lo'],
  [0x18, 2, 'bg_block_bitmap_csum_lo'],
  [0x1a, 2, 'bg_inode_bitmap_csum_lo'],
  [0x1c, 2, 'bg_itable_unused_lo'],
  [0x1e, 2, 'bg_checksum'],
  [0x20, 4, 'bg_block_bitmap_hi'],
  [0x24, 4, 'bg_inode_bitmap_hi'],
  [0x28, 4, 'bg_inode_table_hi'],
  [0x2c, 2, 'bg_free_blocks_count_hi'],
  [0x2e, 2, 'bg_free_inodes_count_hi'],
  [0x30, 2, 'bg_used_dirs_count_hi'],
  [0x32, 2, 'bg_itable_unused_hi'],
  [0x34, 4, 'bg_exclude_bitmap_hi'],
  [0x38, 2, 'bg_block_bitmap_csum_hi'],
  [0x3a, 2, 'bg_inode_bitmap_csum_hi'],
  [0x3c, 4, 'bg_reserved'],
]);

/** bg_flags. */
export const GROUP_FLAGS = { inodeUninit: 0x1, blockUninit: 0x2, inodeZeroed: 0x4 } as const;
