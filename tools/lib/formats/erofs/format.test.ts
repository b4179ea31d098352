import { expect, test } from 'vitest';
import {
  CHUNK_INDEX,
  COMPACT_INODE,
  DIRENT,
  EXTENDED_INODE,
  HEAD_INDEX,
  LZ4_SETTINGS,
  MAP_HEADER,
  NON_HEAD_INDEX,
  SUPERBLOCK,
  XATTR_BODY_HEADER,
  XATTR_ENTRY,
  ZSTD_SETTINGS,
} from './format.ts';

// erofs_check_ondisk_layout_definitions() in fs/erofs/erofs_fs.h, and its comments on compression
// settings.
test.each([
  ['erofs_super_block', SUPERBLOCK, 128],
  ['erofs_inode_compact', COMPACT_INODE, 32],
  ['erofs_inode_extended', EXTENDED_INODE, 64],
  ['erofs_xattr_ibody_header', XATTR_BODY_HEADER, 12],
  ['erofs_xattr_entry', XATTR_ENTRY, 4],
  ['erofs_inode_chunk_index', CHUNK_INDEX, 8],
  ['z_erofs_map_header', MAP_HEADER, 8],
  ['z_erofs_lcluster_index of a head', HEAD_INDEX, 8],
  ['z_erofs_lcluster_index of another block', NON_HEAD_INDEX, 8],
  ['erofs_dirent', DIRENT, 12],
  ['z_erofs_lz4_cfgs', LZ4_SETTINGS, 14],
  ['z_erofs_zstd_cfgs', ZSTD_SETTINGS, 6],
])('%s has the size that Linux requires, without gaps', (_name, { fields, sizeBytes }, expected) => {
  expect(sizeBytes).toBe(expected);
  expect(fields.reduce((sum, [, lengthBytes]) => sum + lengthBytes, 0)).toBe(expected);
});
