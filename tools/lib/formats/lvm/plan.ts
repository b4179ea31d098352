/** Plans a new volume group, and assigns extents to its logical volumes. */

import { UserError } from '../error/user-error.ts';
import { identityName } from '../uuid/identity.ts';
import { MDA_HEADER_BYTES, SECTOR_BYTES } from './format.ts';
import { type LvmUuid, lvmUuidFromName, parseLvmUuid } from './identifier.ts';
import { checkGroupName, checkTag, checkVolumeName } from './names.ts';
import {
  extentCountOf,
  type LogicalVolume,
  type Segment,
  STRIPED,
  type VolumeGroup,
} from './volume-group.ts';

const MIB = 1 << 20;

export const DEFAULT_EXTENT_BYTES = 4 * MIB;
/** lvm2 puts extent 0 at 1 MiB (devices/default_data_alignment). */
export const DEFAULT_DATA_START_BYTES = MIB;
/** The first metadata area begins at the first page after the sectors that a label may be in. */
export const FIRST_METADATA_BYTES = 4096;
/** layout.h, MDA_SIZE_MIN: eight pages. */
const MIN_METADATA_BYTES = 8 * 4096;
const MIN_DATA_START_BYTES = FIRST_METADATA_BYTES + MIN_METADATA_BYTES;
/** The alignment of the second metadata area, and its size in lvm2 with the default alignment. */
const LAST_METADATA_BYTES = MIB;
/**
 * vgcreate(8): "a power of 2 of at least 1 sector ... or a multiple of 128KiB". Here, the minimum
 * is a page.
 */
const EXTENT_UNIT_BYTES = 4096;
const EXTENT_MULTIPLE_BYTES = 128 * 1024;
/** MAX_EXTENT_COUNT: extents are counted in 32 bits. */
const MAX_EXTENT_COUNT = 0xffffffff;

export interface PhysicalVolumeRequest {
  readonly sizeBytes: number;
  /** Default: derived from the group's identity and the volume's number. */
  readonly uuid?: LvmUuid | undefined;
  /** Metadata areas: none, one at the start, or one at the start and one at the end. Default: 1. */
  readonly metadataCopies?: 0 | 1 | 2;
  /** The start of extent 0. Default: 1 MiB. The first metadata area fills the space before it. */
  readonly dataStartBytes?: number;
  readonly tags?: readonly string[];
  readonly deviceHint?: string;
}

export interface LogicalVolumeRequest {
  readonly name: string;
  /** A multiple of the extent size. */
  readonly sizeBytes: number;
  readonly uuid?: LvmUuid | undefined;
  readonly tags?: readonly string[];
  /** Number of the physical volume, first extent, and count. Default: the first free extents. */
  readonly segments?: readonly {
    readonly physicalVolume: number;
    readonly startExtent: number;
    readonly extentCount: number;
  }[];
}

export interface VolumeGroupRequest {
  readonly name: string;
  /** The name that absent identifiers are derived from. See {@link lvmUuidFromName}. */
  readonly identity: string;
  readonly uuid?: LvmUuid | undefined;
  readonly extentBytes?: number;
  readonly tags?: readonly string[];
  readonly physicalVolumes: readonly PhysicalVolumeRequest[];
  readonly logicalVolumes: readonly LogicalVolumeRequest[];
  readonly creationHost?: string;
  /** Seconds since 1970. Default: 0. */
  readonly creationTime?: number;
  readonly description?: string;
}

/** A metadata area of a new volume. */
export interface MetadataPlace {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface PlannedGroup {
  readonly group: VolumeGroup;
  /** The metadata areas of each physical volume, in the order of the volumes. */
  readonly metadataAreas: readonly (readonly MetadataPlace[])[];
}

function checkExtentSize(extentBytes: number): void {
  const powerOfTwo = 2 ** Math.round(Math.log2(extentBytes)) === extentBytes;
  const known = powerOfTwo ? extentBytes >= EXTENT_UNIT_BYTES : extentBytes % EXTENT_MULTIPLE_BYTES === 0;
  if (!Number.isSafeInteger(extentBytes) || extentBytes <= 0 || !known) {
    throw new UserError(
      `extents of ${extentBytes} bytes: use a power of two of at least ${EXTENT_UNIT_BYTES}, or a multiple of ` +
        `${EXTENT_MULTIPLE_BYTES} bytes`,
    );
  }
}

interface PlacedVolume {
  readonly metadataAreas: readonly MetadataPlace[];
  readonly dataStartBytes: number;
  readonly extentCount: number;
}

function placePhysicalVolume(
  request: PhysicalVolumeRequest,
  number: number,
  extentBytes: number,
): PlacedVolume {
  const { sizeBytes, metadataCopies = 1, dataStartBytes = DEFAULT_DATA_START_BYTES } = request;
  const where = `physical volume ${number}`;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes % SECTOR_BYTES !== 0) {
    throw new UserError(`${where}: ${sizeBytes} bytes is not a multiple of the sector size, ${SECTOR_BYTES}`);
  }
  if (dataStartBytes % FIRST_METADATA_BYTES !== 0 || dataStartBytes < MIN_DATA_START_BYTES) {
    throw new UserError(
      `${where}: its data cannot start at ${dataStartBytes} bytes: write a multiple of ${FIRST_METADATA_BYTES}, ` +
        `at least ${MIN_DATA_START_BYTES}`,
    );
  }
  const first = { offsetBytes: FIRST_METADATA_BYTES, sizeBytes: dataStartBytes - FIRST_METADATA_BYTES };
  const wantedStart = sizeBytes - LAST_METADATA_BYTES;
  const lastStart = wantedStart - (wantedStart % LAST_METADATA_BYTES);
  const last = { offsetBytes: lastStart, sizeBytes: sizeBytes - lastStart };
  const dataEndBytes = metadataCopies === 2 ? lastStart : sizeBytes;
  const extentCount = Math.floor((dataEndBytes - dataStartBytes) / extentBytes);
  if (extentCount < 1 || extentCount > MAX_EXTENT_COUNT) {
    throw new UserError(
      `${where}: ${sizeBytes} bytes hold ${Math.max(0, extentCount)} extents of ${extentBytes} bytes after the first ` +
        `${dataStartBytes}: make the ${extentCount < 1 ? 'volume larger, or the extents smaller' : 'extents larger'}`,
    );
  }
  return { metadataAreas: [first, last].slice(0, metadataCopies), dataStartBytes, extentCount };
}

/** Allocates extents, the first free ones first. */
class Extents {
  /** The free ranges of each physical volume, ascending: [start, count]. */
  readonly #free: [number, number][][];

  constructor(extentCounts: readonly number[]) {
    this.#free = extentCounts.map((count) => [[0, count]]);
  }

  /** Takes a range, and returns whether it was free. */
  reserve(physicalVolume: number, startExtent: number, extentCount: number): boolean {
    const ranges = this.#free[physicalVolume] ?? [];
    const index = ranges.findIndex(
      ([start, count]) => start <= startExtent && startExtent + extentCount <= start + count,
    );
    const range = ranges[index];
    if (range === undefined) return false;
    const [start, count] = range;
    const rest: [number, number][] = [
      [start, startExtent - start],
      [startExtent + extentCount, start + count - startExtent - extentCount],
    ];
    ranges.splice(index, 1, ...rest.filter(([, length]) => length > 0));
    return true;
  }

  /**
   * Takes extents from the first free range that holds all of them, or from the first free ranges
   * if no such range exists.
   */
  take(extentCount: number): Segment[] | undefined {
    const ranges = this.#free.flatMap((free, volume) => free.map((range) => ({ volume, range })));
    const whole = ranges.find(({ range }) => range[1] >= extentCount);
    const segments: Segment[] = [];
    let done = 0;
    for (const { volume, range } of whole === undefined ? ranges : [whole]) {
      const count = Math.min(range[1], extentCount - done);
      if (count === 0) break;
      segments.push(linearSegment(done, volume, range[0], count));
      done += count;
    }
    if (done < extentCount) return undefined;
    for (const { stripes, extentCount: count } of segments) {
      const [stripe] = stripes;
      if (stripe !== undefined)
        this.reserve(Number(stripe.physicalVolume.slice(2)), stripe.startExtent, count);
    }
    return segments;
  }

  get freeCount(): number {
    return this.#free.flat().reduce((sum, [, count]) => sum + count, 0);
  }
}

function linearSegment(start: number, volume: number, startExtent: number, extentCount: number): Segment {
  const stripes = [{ physicalVolume: `pv${volume}`, startExtent }];
  return { startExtent: start, extentCount, type: STRIPED, stripeBytes: 0, stripes };
}

function chosenSegments(request: LogicalVolumeRequest, extents: Extents): Segment[] | undefined {
  if (request.segments === undefined) return undefined;
  let done = 0;
  return request.segments.map(({ physicalVolume, startExtent, extentCount }) => {
    if (extentCount < 1 || !extents.reserve(physicalVolume, startExtent, extentCount)) {
      throw new UserError(
        `logical volume "${request.name}": extents ${startExtent} to ${startExtent + extentCount - 1} of physical volume ` +
          `${physicalVolume} are not free, or do not exist`,
      );
    }
    const segment = linearSegment(done, physicalVolume, startExtent, extentCount);
    done += extentCount;
    return segment;
  });
}

function planLogicalVolumes(
  request: VolumeGroupRequest,
  extentBytes: number,
  extents: Extents,
): LogicalVolume[] {
  // Volumes with chosen extents come first. The others get the remaining extents.
  const chosen = new Map(request.logicalVolumes.map((volume) => [volume, chosenSegments(volume, extents)]));
  const planned = request.logicalVolumes.map((volume): LogicalVolume => {
    const { name, sizeBytes, uuid, tags = [] } = volume;
    checkVolumeName(request.name, name);
    tags.forEach(checkTag);
    const extentCount = sizeBytes / extentBytes;
    if (!Number.isSafeInteger(extentCount) || extentCount < 1) {
      throw new UserError(
        `logical volume "${name}": ${sizeBytes} bytes is not a multiple of the extent size, ${extentBytes} bytes; ` +
          `make it ${Math.max(1, Math.ceil(extentCount)) * extentBytes}`,
      );
    }
    const freeCount = extents.freeCount;
    const segments = chosen.get(volume) ?? extents.take(extentCount);
    if (segments === undefined) {
      throw new UserError(
        `logical volume "${name}": ${extentCount} extents of ${extentBytes} bytes are needed and ${freeCount} are left; ` +
          `make the physical volume ${(extentCount - freeCount) * extentBytes} bytes larger`,
      );
    }
    const planned: LogicalVolume = {
      name,
      uuid: identifier(uuid, request.identity, `lv-${name}`, `UUID of logical volume "${name}"`),
      tags,
      status: ['READ', 'WRITE', 'VISIBLE'],
      segments,
    };
    if (extentCountOf(planned) !== extentCount) {
      throw new UserError(
        `logical volume "${name}": its segments have ${extentCountOf(planned)} extents, but its size is ${extentCount}`,
      );
    }
    return planned;
  });
  return planned;
}

/** Returns a given UUID, or derives one from the group's identity and a role. */
function identifier(uuid: LvmUuid | undefined, identity: string, role: string, what: string): LvmUuid {
  return uuid === undefined ? lvmUuidFromName(identityName(identity, role)) : parseLvmUuid(uuid, what);
}

function checkUnique(values: readonly string[], what: string): void {
  const seen = new Set<string>();
  for (const value of values) {
    if (seen.has(value)) throw new UserError(`two ${what} ${value}`);
    seen.add(value);
  }
}

/**
 * Plans a new volume group with linear volumes. A logical volume takes the first free range that
 * holds all of it, and several ranges only if no such range exists.
 *
 * @throws UserError for names that lvm2 refuses, sizes that do not fit, and repeated identifiers
 */
export function planVolumeGroup(request: VolumeGroupRequest): PlannedGroup {
  const { name, identity, extentBytes = DEFAULT_EXTENT_BYTES, tags = [] } = request;
  checkGroupName(name);
  checkExtentSize(extentBytes);
  tags.forEach(checkTag);
  const placed = request.physicalVolumes.map((volume, number) =>
    placePhysicalVolume(volume, number, extentBytes),
  );
  if (placed.every(({ metadataAreas }) => metadataAreas.length === 0)) {
    throw new UserError(
      `volume group "${name}" has no space for its metadata: give a physical volume a copy of it`,
    );
  }
  const physicalVolumes = request.physicalVolumes.map((volume, number) => {
    volume.tags?.forEach(checkTag);
    return {
      name: `pv${number}`,
      uuid: identifier(volume.uuid, identity, `pv${number}`, `UUID of physical volume ${number}`),
      deviceHint: volume.deviceHint,
      tags: volume.tags ?? [],
      status: ['ALLOCATABLE'],
      deviceBytes: volume.sizeBytes,
      dataStartBytes: placed[number]?.dataStartBytes ?? 0,
      extentCount: placed[number]?.extentCount ?? 0,
    };
  });
  const extents = new Extents(placed.map(({ extentCount }) => extentCount));
  const logicalVolumes = planLogicalVolumes(request, extentBytes, extents);
  checkUnique(
    logicalVolumes.map((volume) => volume.name),
    'logical volumes are called',
  );
  checkUnique(
    [...physicalVolumes, ...logicalVolumes].map((volume) => volume.uuid),
    'volumes have the UUID',
  );
  const group: VolumeGroup = {
    name,
    uuid: identifier(request.uuid, identity, 'vg', `UUID of volume group "${name}"`),
    sequenceNumber: 1,
    extentBytes,
    tags,
    status: ['RESIZEABLE', 'READ', 'WRITE'],
    physicalVolumes,
    logicalVolumes,
    description: request.description ?? '',
    creationHost: request.creationHost ?? 'localhost',
    creationTime: request.creationTime ?? 0,
  };
  return { group, metadataAreas: placed.map(({ metadataAreas }) => metadataAreas) };
}

/**
 * Returns the size of the largest text that lvm2 writes to an area. Two texts must fit, each from
 * the start of a sector (format-text.c).
 */
export function maxTextBytes(areaBytes: number): number {
  return (areaBytes - MDA_HEADER_BYTES) / 2 - SECTOR_BYTES;
}
