/** Encodes the metadata of a new volume group, and locates the contents of its volumes. */

import { UserError } from '../error/user-error.ts';
import {
  EXTENSION_USED,
  EXTENSION_VERSION,
  LABEL_SCAN_SECTORS,
  LABEL_SECTOR,
  lvmChecksum,
  MDA_HEADER_BYTES,
  SECTOR_BYTES,
} from './format.ts';
import { type Area, encodeLabel, encodeMetadataAreaHeader } from './layout.ts';
import { formatMetadata } from './metadata-text.ts';
import { maxTextBytes, type PlannedGroup, planVolumeGroup, type VolumeGroupRequest } from './plan.ts';
import type { LogicalVolume, VolumeGroup } from './volume-group.ts';

/** Bytes to write to a physical volume. */
export interface MetadataRange {
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
}

export interface PhysicalVolumeImage {
  readonly sizeBytes: number;
  /** Ascending. Bytes that are neither in these ranges nor in a logical volume are never read. */
  readonly metadata: readonly MetadataRange[];
}

/** A part of a logical volume, and its position on a physical volume. */
export interface VolumeRange {
  /** Within the logical volume. */
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** The physical volume's number, and the offset there. */
  readonly physicalVolume: number;
  readonly physicalOffsetBytes: number;
}

export interface LogicalVolumeImage {
  readonly name: string;
  readonly sizeBytes: number;
  readonly ranges: readonly VolumeRange[];
}

export interface VolumeGroupImage {
  readonly group: VolumeGroup;
  readonly physicalVolumes: readonly PhysicalVolumeImage[];
  readonly logicalVolumes: readonly LogicalVolumeImage[];
}

/** Pads a text to whole sectors. lvm2 counts the NUL at its end as part of the text. */
function textBytes(text: string): { sizeBytes: number; padded: Buffer } {
  const sizeBytes = Buffer.byteLength(text) + 1;
  const padded = Buffer.alloc(Math.ceil(sizeBytes / SECTOR_BYTES) * SECTOR_BYTES);
  padded.write(text, 0, 'utf8');
  return { sizeBytes, padded };
}

function encodeMetadataArea(area: Area, text: string): MetadataRange {
  const { sizeBytes, padded } = textBytes(text);
  if (sizeBytes > maxTextBytes(area.sizeBytes)) {
    throw new UserError(
      `the metadata has ${sizeBytes} bytes, but an area of ${area.sizeBytes} bytes, with room for changes by lvm2, ` +
        `holds at most ${maxTextBytes(area.sizeBytes)}: start the data later`,
    );
  }
  const checksum = lvmChecksum(padded.subarray(0, sizeBytes));
  const location = { offsetBytes: MDA_HEADER_BYTES, sizeBytes, checksum, ignored: false };
  const header = encodeMetadataAreaHeader({ area, text: location });
  return { offsetBytes: area.offsetBytes, bytes: Buffer.concat([header, padded]) };
}

function encodePhysicalVolume(
  { group, metadataAreas }: PlannedGroup,
  index: number,
  text: string,
): PhysicalVolumeImage {
  const volume = group.physicalVolumes[index];
  const areas = metadataAreas[index];
  if (volume === undefined || areas === undefined) throw new RangeError(`no physical volume ${index}`);
  const label = encodeLabel({
    uuid: volume.uuid,
    deviceBytes: volume.deviceBytes,
    dataAreas: [{ offsetBytes: volume.dataStartBytes, sizeBytes: 0 }],
    metadataAreas: areas,
    bootloaderAreas: [],
    extensionVersion: EXTENSION_VERSION,
    extensionFlags: EXTENSION_USED,
  });
  // This covers all sectors that a label may be in, so that no old label survives.
  const head = Buffer.alloc(LABEL_SCAN_SECTORS * SECTOR_BYTES);
  head.set(label, LABEL_SECTOR * SECTOR_BYTES);
  return {
    sizeBytes: volume.deviceBytes,
    metadata: [{ offsetBytes: 0, bytes: head }, ...areas.map((area) => encodeMetadataArea(area, text))],
  };
}

function volumeRanges(group: VolumeGroup, volume: LogicalVolume): LogicalVolumeImage {
  const { extentBytes } = group;
  const ranges = volume.segments.flatMap(({ startExtent, extentCount, stripes }) =>
    stripes.map((stripe): VolumeRange => {
      const physicalVolume = group.physicalVolumes.findIndex(({ name }) => name === stripe.physicalVolume);
      const dataStartBytes = group.physicalVolumes[physicalVolume]?.dataStartBytes ?? 0;
      return {
        offsetBytes: startExtent * extentBytes,
        lengthBytes: extentCount * extentBytes,
        physicalVolume,
        physicalOffsetBytes: dataStartBytes + stripe.startExtent * extentBytes,
      };
    }),
  );
  const sizeBytes = ranges.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  return { name: volume.name, sizeBytes, ranges };
}

/**
 * Plans and encodes a volume group: the bytes of each physical volume's metadata, and the ranges
 * for the content of each logical volume.
 *
 * @throws UserError as {@link planVolumeGroup}, and if the metadata does not fit
 */
export function encodeVolumeGroup(request: VolumeGroupRequest): VolumeGroupImage {
  const planned = planVolumeGroup(request);
  const { group } = planned;
  const text = formatMetadata(group);
  return {
    group,
    physicalVolumes: group.physicalVolumes.map((_, index) => encodePhysicalVolume(planned, index, text)),
    logicalVolumes: group.logicalVolumes.map((volume) => volumeRanges(group, volume)),
  };
}
