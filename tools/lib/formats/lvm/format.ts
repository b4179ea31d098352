/**
 * The structures of an LVM2 physical volume: its label, its header, and the headers of its metadata
 * areas.
 *
 * No specification exists except the source: lvm2's `lib/label/label.h` and
 * `lib/format_text/layout.h`, named above each structure. The fields have the names of the source.
 * All integers are little-endian.
 */
import { crc32 } from 'node:zlib';
import { structure } from '../structure/structure.ts';

export const SECTOR_BYTES = 512;

/**
 * label.h, LABEL_SCAN_SECTORS: the label is in one of these sectors. Every tool writes the second.
 */
export const LABEL_SCAN_SECTORS = 4;
export const LABEL_SECTOR = 1;

/** label.h, struct label_header. */
export const LABEL_HEADER = structure([
  [0, 8, 'id'],
  [8, 8, 'sector_xl'],
  [16, 4, 'crc_xl'],
  [20, 4, 'offset_xl'],
  [24, 8, 'type'],
]);
export const LABEL_ID = Buffer.from('LABELONE', 'latin1');
export const LABEL_TYPE = 'LVM2 001';

/**
 * layout.h, struct pv_header, at `offset_xl` of the label. Two lists of `disk_locn` follow it:
 * first the data areas, then the metadata areas.
 */
export const PV_HEADER = structure([
  [0, 32, 'pv_uuid'],
  [32, 8, 'device_size_xl'],
]);

/** layout.h, struct disk_locn: offset and size in bytes. An element that is zero ends a list. */
export const DISK_LOCN = structure([
  [0, 8, 'offset'],
  [8, 8, 'size'],
]);

/**
 * layout.h, struct pv_header_extension, after the lists. A list of boot loader areas follows it.
 */
export const PV_HEADER_EXTENSION = structure([
  [0, 4, 'version'],
  [4, 4, 'flags'],
]);
/** layout.h, PV_HEADER_EXTENSION_VSN: version 2 has the flags. */
export const EXTENSION_VERSION = 2;
/**
 * metadata-exported.h, PV_EXT_USED: the volume belongs to a group, even if it has no metadata area.
 */
export const EXTENSION_USED = 1;

/** layout.h, struct mda_header. The slots of `raw_locn` follow it. */
export const MDA_HEADER = structure([
  [0, 4, 'checksum_xl'],
  [4, 16, 'magic'],
  [20, 4, 'version'],
  [24, 8, 'start'],
  [32, 8, 'size'],
]);
/**
 * layout.h, MDA_HEADER_SIZE: the header takes one sector. The ring of metadata texts follows it.
 */
export const MDA_HEADER_BYTES = 512;
export const MDA_MAGIC = Buffer.from(' LVM2 x[5A%r0N*>', 'latin1');
export const MDA_VERSION = 1;

/** layout.h, struct raw_locn. The first slot locates the committed text. */
export const RAW_LOCN = structure([
  [0, 8, 'offset'],
  [8, 8, 'size'],
  [16, 4, 'checksum'],
  [20, 4, 'flags'],
]);
/** layout.h, RAW_LOCN_IGNORED: the area exists and is not in use. */
export const RAW_LOCN_IGNORED = 1;

/** lib/misc/crc.h, INITIAL_CRC. */
const INITIAL_CHECKSUM = 0xf597a6cf;

/**
 * Computes lvm2's checksum: zlib's CRC-32 with another initial value, and not inverted at the end
 * (lib/misc/crc.c).
 */
export function lvmChecksum(...parts: readonly Uint8Array[]): number {
  const inverted = parts.reduce((crc, part) => crc32(part, crc), ~INITIAL_CHECKSUM >>> 0);
  return ~inverted >>> 0;
}
