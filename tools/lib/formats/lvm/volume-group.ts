import type { LvmUuid } from './identifier.ts';

/**
 * A volume group as its metadata describes it. Extents are counted from the start of a volume, and
 * all sizes are in bytes.
 */
export interface VolumeGroup {
  readonly name: string;
  readonly uuid: LvmUuid;
  /** Counts the changes of the group. The copy with the highest number is valid. */
  readonly sequenceNumber: number;
  readonly extentBytes: number;
  readonly tags: readonly string[];
  /** `RESIZEABLE`, `READ`, `WRITE`, `EXPORTED` (lib/format_text/flags.c). */
  readonly status: readonly string[];
  readonly physicalVolumes: readonly PhysicalVolume[];
  readonly logicalVolumes: readonly LogicalVolume[];
  readonly description: string;
  readonly creationHost: string;
  /** Seconds since 1970. */
  readonly creationTime: number;
}

export interface PhysicalVolume {
  /** Its name within the metadata: `pv0`. */
  readonly name: string;
  readonly uuid: LvmUuid;
  /** The device on which lvm2 last saw the volume: a hint that does not identify the volume. */
  readonly deviceHint: string | undefined;
  readonly tags: readonly string[];
  readonly status: readonly string[];
  readonly deviceBytes: number;
  /** The start of extent 0. */
  readonly dataStartBytes: number;
  readonly extentCount: number;
}

export interface LogicalVolume {
  readonly name: string;
  readonly uuid: LvmUuid;
  readonly tags: readonly string[];
  /** `READ`, `WRITE`, `VISIBLE`, ... */
  readonly status: readonly string[];
  /** Ascending and without gaps. */
  readonly segments: readonly Segment[];
}

export interface Segment {
  readonly startExtent: number;
  readonly extentCount: number;
  /**
   * `striped`, which is linear if there is one stripe. Reading a volume with any other type is
   * refused, with the name of the type.
   */
  readonly type: string;
  /** 0 if there is one stripe. */
  readonly stripeBytes: number;
  /** The positions of the extents, in equal shares. Empty if the type is not `striped`. */
  readonly stripes: readonly Stripe[];
}

export interface Stripe {
  readonly physicalVolume: string;
  readonly startExtent: number;
}

/** The type of segments that are directly on physical volumes. */
export const STRIPED = 'striped';

export function extentCountOf(volume: LogicalVolume): number {
  return volume.segments.reduce((count, segment) => count + segment.extentCount, 0);
}
