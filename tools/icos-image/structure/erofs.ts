/** Names for the bytes of an EROFS file system: Linux, `fs/erofs/erofs_fs.h`. */
import type { ImageSource } from '../bytes/source.ts';
import { type Field, RegionMap, region, type StructureMap, structureRegion } from './map.ts';

const SUPERBLOCK_OFFSET_BYTES = 1024;
const SUPERBLOCK_BYTES = 128;
const BLOCK_BITS_OFFSET = 12;
const BLOCKS_OFFSET = 36;
const META_BLOCK_OFFSET = 40;

/** `struct erofs_super_block`. */
const SUPERBLOCK_FIELDS: readonly Field[] = [
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
  [84, 2, 'compression algorithms'],
  [86, 2, 'extra_devices'],
  [88, 2, 'devt_slotoff'],
  [90, 1, 'dirblkbits'],
  [91, 1, 'xattr_prefix_count'],
  [92, 4, 'xattr_prefix_start'],
  [96, 8, 'packed_nid'],
  [104, 1, 'xattr_filter_reserved'],
  [105, 23, 'reserved'],
];

export function erofsStructures(source: ImageSource): StructureMap {
  const superblock = Buffer.from(source.read(SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK_BYTES));
  const blockBytes = 2 ** superblock.readUInt8(BLOCK_BITS_OFFSET);
  const endBytes = superblock.readUInt32LE(BLOCKS_OFFSET) * blockBytes;
  const metaBytes = superblock.readUInt32LE(META_BLOCK_OFFSET) * blockBytes;
  return new RegionMap([
    region(0, SUPERBLOCK_OFFSET_BYTES, 'boot block'),
    structureRegion('superblock', SUPERBLOCK_FIELDS, SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK_BYTES),
    // Inodes, directories and data lie among each other from here on.
    region(
      Math.max(metaBytes, SUPERBLOCK_OFFSET_BYTES + SUPERBLOCK_BYTES),
      endBytes,
      'inodes, directories and data',
    ),
    region(endBytes, Number.POSITIVE_INFINITY, 'space behind the file system'),
  ]);
}
