/** The bytes of extent trees: "Extent Tree" in the kernel's ext4 documentation (ifork.rst). */
import { structure } from '../structure/structure.ts';

/** struct ext4_extent_header: every node begins with it. */
export const EXTENT_HEADER = structure([
  [0x0, 2, 'eh_magic'],
  [0x2, 2, 'eh_entries'],
  [0x4, 2, 'eh_max'],
  [0x6, 2, 'eh_depth'],
  [0x8, 4, 'eh_generation'],
]);

/** eh_magic. */
export const EXTENT_MAGIC = 0xf30a;

/** struct ext4_extent_idx: a record of an inner node. */
export const EXTENT_INDEX = structure([
  [0x0, 4, 'ei_block'],
  [0x4, 4, 'ei_leaf_lo'],
  [0x8, 2, 'ei_leaf_hi'],
  [0xa, 2, 'ei_unused'],
]);

/** struct ext4_extent: a record of a leaf. */
export const EXTENT = structure([
  [0x0, 4, 'ee_block'],
  [0x4, 2, 'ee_len'],
  [0x6, 2, 'ee_start_hi'],
  [0x8, 4, 'ee_start_lo'],
]);

/** The size of a record, in inner nodes and in leaves. */
export const EXTENT_RECORD_BYTES = EXTENT.sizeBytes;

/** struct ext4_extent_tail: it follows the last record that a block has room for. */
export const EXTENT_TAIL = structure([[0x0, 4, 'eb_checksum']]);

/** The ee_len of the longest initialized extent. Uninitialized extents add it to their length. */
export const MAXIMUM_EXTENT_BLOCKS = 32768;

/** The highest eh_depth that Linux accepts. */
export const MAXIMUM_EXTENT_DEPTH = 5;
