/** Names for the bytes of an EROFS file system: Linux, `fs/erofs/erofs_fs.h`. */

import { printableName } from '../../lib/formats/entry/name.ts';
import type { ErofsReader, ErofsRecord } from '../../lib/formats/erofs/erofs.ts';
import type { Field } from '../../lib/formats/structure/structure.ts';
import type { ImageSource } from '../bytes/source.ts';
import { type Region, RegionMap, region, type StructureMap, structureRegion, UNUSED } from './map.ts';

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

/**
 * `struct erofs_inode_compact` and `struct erofs_inode_extended`: bit 0 of i_format says which it
 * is.
 */
const COMPACT_FIELDS: readonly Field[] = [
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
];
const COMPACT_BYTES = 32;
const EXTENDED_FIELDS: readonly Field[] = [
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
];
const EXTENDED_BYTES = 64;
/** Inodes are numbered by their places: in units of 32 bytes from the metadata's first block. */
const SLOT_BYTES = 32;

function inodeRegion(source: ImageSource, metaBytes: number, { nid, entry }: ErofsRecord): Region {
  const startBytes = metaBytes + nid * SLOT_BYTES;
  const isExtended = ((source.read(startBytes, 1)[0] ?? 0) & 1) !== 0;
  const name = `inode ${nid} (/${printableName(entry.path)})`;
  return isExtended
    ? structureRegion(name, EXTENDED_FIELDS, startBytes, EXTENDED_BYTES)
    : structureRegion(name, COMPACT_FIELDS, startBytes, COMPACT_BYTES);
}

function* inodeRegions(source: ImageSource, metaBytes: number, reader: ErofsReader): Generator<Region> {
  for (const record of reader.walk()) {
    if (record.entry.type !== 'hardlink') yield inodeRegion(source, metaBytes, record);
  }
}

/**
 * What lies between the inodes has one name: attributes, directories, block maps and data are among
 * each other there.
 */
export function erofsStructures(source: ImageSource, reader: ErofsReader): StructureMap {
  const superblock = Buffer.from(source.read(SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK_BYTES));
  const blockBytes = 2 ** superblock.readUInt8(BLOCK_BITS_OFFSET);
  const endBytes = superblock.readUInt32LE(BLOCKS_OFFSET) * blockBytes;
  const metaBytes = superblock.readUInt32LE(META_BLOCK_OFFSET) * blockBytes;
  const restBytes = SUPERBLOCK_OFFSET_BYTES + SUPERBLOCK_BYTES;
  const inodes = new RegionMap(inodeRegions(source, metaBytes, reader));
  const rest: Region = {
    startBytes: restBytes,
    endBytes,
    place(offsetBytes) {
      const place = inodes.at(offsetBytes);
      if (place.structure !== UNUSED) return place;
      return { structure: 'attributes, directories and data', endBytes: Math.min(place.endBytes, endBytes) };
    },
  };
  return new RegionMap([
    region(0, SUPERBLOCK_OFFSET_BYTES, 'boot block'),
    structureRegion('superblock', SUPERBLOCK_FIELDS, SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK_BYTES),
    rest,
    region(endBytes, Number.POSITIVE_INFINITY, 'space behind the file system'),
  ]);
}
