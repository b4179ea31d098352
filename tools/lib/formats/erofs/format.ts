/**
 * The structures of EROFS on disk: "EROFS on-disk format definition", fs/erofs/erofs_fs.h in Linux,
 * and Documentation/filesystems/erofs.rst. All integers are little-endian.
 */
import { structure } from '../structure/structure.ts';

export const BLOCK_BITS = 12;
export const BLOCK_BYTES = 1 << BLOCK_BITS;
/** The number of an inode (nid) is its position in slots of this size (EROFS_ISLOTBITS). */
export const SLOT_BYTES = 32;
export const SLOTS_PER_BLOCK = BLOCK_BYTES / SLOT_BYTES;
/** Block addresses have 32 bits. EROFS_NULL_ADDR, all ones, marks a hole. */
export const NULL_BLOCK = 0xffffffff;

/** EROFS_SUPER_OFFSET: the superblock begins at this byte of the image. */
export const SUPERBLOCK_OFFSET_BYTES = 1024;
export const MAGIC = 0xe0f5e1e2;

/** struct erofs_super_block, with the names of Linux 6.12. */
export const SUPERBLOCK = structure([
  [0, 4, 'magic'],
  [4, 4, 'checksum'],
  [8, 4, 'feature_compat'],
  [12, 1, 'blkszbits'],
  [13, 1, 'sb_extslots'],
  [14, 2, 'root_nid'],
  [16, 8, 'inos'],
  [24, 8, 'build_time'],
  [32, 4, 'build_time_nsec'],
  [36, 4, 'blocks'],
  [40, 4, 'meta_blkaddr'],
  [44, 4, 'xattr_blkaddr'],
  [48, 16, 'uuid'],
  [64, 16, 'volume_name'],
  [80, 4, 'feature_incompat'],
  [84, 2, 'available_compr_algs'],
  [86, 2, 'extra_devices'],
  [88, 2, 'devt_slotoff'],
  [90, 1, 'dirblkbits'],
  [91, 1, 'xattr_prefix_count'],
  [92, 4, 'xattr_prefix_start'],
  [96, 8, 'packed_nid'],
  [104, 1, 'xattr_filter_reserved'],
  [105, 23, 'reserved2'],
]);

/** feature_compat: EROFS_FEATURE_COMPAT_*, which older kernels may ignore. */
export const COMPATIBLE = { checksum: 0x1, modificationTimes: 0x2, xattrFilter: 0x4 } as const;

/**
 * feature_incompat: EROFS_FEATURE_INCOMPAT_*, which a reader must support. Some bits have two
 * meanings; other fields of the image determine which one applies.
 */
export const INCOMPATIBLE = {
  zeroPadding: 0x1,
  compressionSettings: 0x2,
  chunks: 0x4,
  devicesOrSecondAlgorithm: 0x8,
  inlineClusters: 0x10,
  fragments: 0x20,
  xattrPrefixes: 0x40,
} as const;

/** Z_EROFS_COMPRESSION_*. */
export const ALGORITHM = { lz4: 0, lzma: 1, deflate: 2, zstd: 3 } as const;
/** Z_EROFS_PCLUSTER_MAX_SIZE: the largest size of a compressed extent on disk. */
export const MAXIMUM_CLUSTER_BYTES = 1 << 20;
/** Z_EROFS_PCLUSTER_MAX_DSIZE: the largest size of the content of an extent. */
export const MAXIMUM_EXTENT_BYTES = 12 << 20;

/**
 * The settings of each algorithm follow the superblock, each after its length (z_erofs_parse_cfgs).
 */
export const SETTINGS_LENGTH = structure([[0, 2, 'size']]);

/** struct z_erofs_lz4_cfgs. */
export const LZ4_SETTINGS = structure([
  [0, 2, 'max_distance'],
  [2, 2, 'max_pclusterblks'],
  [4, 10, 'reserved'],
]);

/** struct z_erofs_zstd_cfgs. */
export const ZSTD_SETTINGS = structure([
  [0, 1, 'format'],
  [1, 1, 'windowlog'],
  [2, 4, 'reserved'],
]);

/**
 * struct erofs_inode_compact, with the names of Linux 6.16. `i_mtime` was reserved before that, and
 * is 0 in images without 48-bit block addresses.
 */
export const COMPACT_INODE = structure([
  [0, 2, 'i_format'],
  [2, 2, 'i_xattr_icount'],
  [4, 2, 'i_mode'],
  [6, 2, 'i_nlink'],
  [8, 4, 'i_size'],
  [12, 4, 'i_mtime'],
  [16, 4, 'i_u'],
  [20, 4, 'i_ino'],
  [24, 2, 'i_uid'],
  [26, 2, 'i_gid'],
  [28, 4, 'i_reserved'],
]);

/** struct erofs_inode_extended, with the names of Linux 6.16. `i_nb` was reserved before that. */
export const EXTENDED_INODE = structure([
  [0, 2, 'i_format'],
  [2, 2, 'i_xattr_icount'],
  [4, 2, 'i_mode'],
  [6, 2, 'i_nb'],
  [8, 8, 'i_size'],
  [16, 4, 'i_u'],
  [20, 4, 'i_ino'],
  [24, 4, 'i_uid'],
  [28, 4, 'i_gid'],
  [32, 8, 'i_mtime'],
  [40, 4, 'i_mtime_nsec'],
  [44, 4, 'i_nlink'],
  [48, 16, 'i_reserved2'],
]);

/** i_format, bit 0: the extended form; bits 1 to 3: the data layout (EROFS_I_DATALAYOUT_BIT). */
export const EXTENDED_BIT = 1;
export const LAYOUT_SHIFT = 1;
export const LAYOUT_MASK = 0x7;
/** EROFS_I_ALL before 48-bit block addresses: the bits of i_format that are in use. */
export const FORMAT_BITS = 0xf;

/** EROFS_INODE_*: how the content of an inode is stored. */
export const DATA_LAYOUT = {
  /** In consecutive blocks. */
  plain: 0,
  /** In compressed extents, with an index of eight bytes per block. */
  compressedFull: 1,
  /** In consecutive blocks, except the bytes after the last whole block, which follow the inode. */
  inline: 2,
  /** In compressed extents, with an index of two or four bytes per block. */
  compressedCompact: 3,
  /** In chunks, each with its own address. */
  chunks: 4,
} as const;

/** i_u of files in chunks: EROFS_CHUNK_FORMAT_*. */
export const CHUNK_FORMAT = { blockBitsMask: 0x1f, indexes: 0x20 } as const;

/** struct erofs_inode_chunk_index: the address of a chunk, with EROFS_CHUNK_FORMAT_INDEXES. */
export const CHUNK_INDEX = structure([
  [0, 2, 'advise'],
  [2, 2, 'device_id'],
  [4, 4, 'blkaddr'],
]);

/** The address of a chunk without EROFS_CHUNK_FORMAT_INDEXES (EROFS_BLOCK_MAP_ENTRY_SIZE). */
export const BLOCK_MAP_ENTRY = structure([[0, 4, 'blkaddr']]);

/** struct erofs_dirent. */
export const DIRENT = structure([
  [0, 8, 'nid'],
  [8, 2, 'nameoff'],
  [10, 1, 'file_type'],
  [11, 1, 'reserved'],
]);

/** EROFS_NAME_LEN. */
export const MAXIMUM_NAME_BYTES = 255;

/** struct erofs_xattr_ibody_header, before the numbers of the shared attributes of an inode. */
export const XATTR_BODY_HEADER = structure([
  [0, 4, 'h_name_filter'],
  [4, 1, 'h_shared_count'],
  [5, 7, 'h_reserved2'],
]);

/** One element of h_shared_xattrs: the position of a shared attribute, in units of this size. */
export const SHARED_XATTR = structure([[0, 4, 'h_shared_xattr']]);

/** struct erofs_xattr_entry, before a name and its value. */
export const XATTR_ENTRY = structure([
  [0, 1, 'e_name_len'],
  [1, 1, 'e_name_index'],
  [2, 2, 'e_value_size'],
]);

/**
 * struct erofs_xattr_long_prefix after its length (erofs_xattr_prefixes_init); the infix follows.
 */
export const XATTR_LONG_PREFIX = structure([
  [0, 2, 'size'],
  [2, 1, 'base_index'],
]);

/** struct z_erofs_map_header, of files without fragments. */
export const MAP_HEADER = structure([
  [0, 2, 'h_reserved1'],
  [2, 2, 'h_idata_size'],
  [4, 2, 'h_advise'],
  [6, 1, 'h_algorithmtype'],
  [7, 1, 'h_clusterbits'],
]);

/** h_advise: Z_EROFS_ADVISE_*. */
export const ADVISE = {
  compact2Bytes: 0x1,
  bigClusters1: 0x2,
  bigClusters2: 0x4,
  inlineCluster: 0x8,
  interlaced: 0x10,
  fragment: 0x20,
} as const;

/** struct z_erofs_lcluster_index of the first block of an extent. */
export const HEAD_INDEX = structure([
  [0, 2, 'di_advise'],
  [2, 2, 'di_clusterofs'],
  [4, 4, 'blkaddr'],
]);

/** struct z_erofs_lcluster_index of the other blocks of an extent. */
export const NON_HEAD_INDEX = structure([
  [0, 2, 'di_advise'],
  [2, 2, 'di_clusterofs'],
  [4, 2, 'delta[0]'],
  [6, 2, 'delta[1]'],
]);

/** Z_EROFS_FULL_INDEX_ALIGN: the full index begins after the header and this much padding. */
export const FULL_INDEX_PADDING_BYTES = 8;

/** di_advise: Z_EROFS_LCLUSTER_TYPE_*, under Z_EROFS_LI_LCLUSTER_TYPE_MASK. */
export const CLUSTER_TYPE = { plain: 0, head: 1, nonHead: 2, head2: 3 } as const;
export const CLUSTER_TYPE_MASK = 0x3;
/** Z_EROFS_LI_D0_CBLKCNT: `delta[0]` holds the number of compressed blocks, not a distance. */
export const BLOCK_COUNT_BIT = 1 << 11;

/** Rounds up to a multiple of a power of two below 2^31; for any number of bytes. */
export function alignUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}
