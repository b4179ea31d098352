/**
 * The structures of EROFS on disk: "EROFS on-disk format definition", fs/erofs/erofs_fs.h in Linux, and
 * Documentation/filesystems/erofs.rst. All numbers are little-endian.
 */

export const BLOCK_BITS = 12;
export const BLOCK_BYTES = 1 << BLOCK_BITS;
/** An inode's number (nid) is its place in slots of so many bytes (EROFS_ISLOTBITS). */
export const SLOT_BYTES = 32;
export const SLOTS_PER_BLOCK = BLOCK_BYTES / SLOT_BYTES;
/** Block addresses have 32 bits, and all ones is the address of nothing (EROFS_NULL_ADDR). */
export const NULL_BLOCK = 0xffffffff;

/** Where a device or an image keeps its superblock (EROFS_SUPER_OFFSET). */
export const SUPERBLOCK_OFFSET_BYTES = 1024;
export const MAGIC = 0xe0f5e1e2;

/** struct erofs_inode_compact and struct erofs_inode_extended. */
export const COMPACT_INODE_BYTES = 32;
export const EXTENDED_INODE_BYTES = 64;
/** i_format, bit 0: the extended form; bits 1 to 3: the data layout (EROFS_I_DATALAYOUT_BIT). */
export const EXTENDED_BIT = 1;
export const LAYOUT_SHIFT = 1;
export const LAYOUT_MASK = 0x7;
/** All bits of i_format that have a meaning here (EROFS_I_ALL before 48-bit addresses). */
export const FORMAT_BITS = 0xf;

/** EROFS_INODE_*: where the content of an inode is. */
export const DATA_LAYOUT = {
  /** In consecutive blocks. */
  plain: 0,
  /** In compressed extents, indexed by eight bytes a block. */
  compressedFull: 1,
  /** In consecutive blocks but for what is left over, which follows the inode. */
  inline: 2,
  /** In compressed extents, indexed by two or four bytes a block. */
  compressedCompact: 3,
  /** In chunks, each at an address of its own. */
  chunks: 4,
} as const;

/** EROFS_NAME_LEN. */
export const MAXIMUM_NAME_BYTES = 255;

/** feature_compat: what older kernels may ignore. */
export const COMPATIBLE = { checksum: 0x1, modificationTimes: 0x2, xattrFilter: 0x4 } as const;

/** feature_incompat: what a reader must know. Some bits have two meanings, of which the image's other fields tell. */
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
/** Z_EROFS_PCLUSTER_MAX_SIZE: compressed extents are not longer on disk. */
export const MAXIMUM_CLUSTER_BYTES = 1 << 20;

/** Rounds up to a multiple of a power of two below 2^31; for any number of bytes. */
export function alignUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}
