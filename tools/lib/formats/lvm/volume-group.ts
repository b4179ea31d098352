import type { LvmUuid } from './identifier.ts';

/**
 * A volume group as its metadata describes it. Extents are counted from the start of a volume; all
 * sizes are in bytes.
 */
export interface VolumeGroup {
  readonly name: string;
  readonly uuid: LvmUuid;
  /** Counts the changes of the group: the copy with the highest number is the valid one. */
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
  /** Where lvm2 saw it last; only a hint, and nobody's identity. */
  readonly deviceHint: string | undefined;
  readonly tags: readonly string[];
  readonly status: readonly string[];
  readonly deviceBytes: number;
  /** Where extent 0 begins. */
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
   * `striped`, which with one stripe is linear; anything else this library names and does not read.
   */
  readonly type: string;
  /** 0 where there is one stripe. */
  readonly stripeBytes: number;
  /**
   * Where its extents are; each stripe has an equal share. None where the type is not `striped`.
   */
  readonly stripes: readonly Stripe[];
}

export interface Stripe {
  readonly physicalVolume: string;
  readonly startExtent: number;
}

/** The type of segments that lie on physical volumes directly. */
export const STRIPED = 'striped';

export function extentCountOf(volume: LogicalVolume): number {
  return volume.segments.reduce((count, segment) => count + segment.extentCount, 0);
}
