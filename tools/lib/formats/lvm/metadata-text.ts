/** Formats and parses a volume group as text (lib/format_text/export.c and import_vsn1.c). */

import { UserError } from '../error/user-error.ts';
import { type ConfigSection, type ConfigValue, formatSection, formatValues, parseConfig } from './config.ts';
import { SECTOR_BYTES } from './format.ts';
import { parseLvmUuid } from './identifier.ts';
import {
  extentCountOf,
  type LogicalVolume,
  type PhysicalVolume,
  type Segment,
  STRIPED,
  type Stripe,
  type VolumeGroup,
} from './volume-group.ts';

/** format-text.h, CONTENTS_VALUE and FORMAT_VERSION_VALUE. */
const CONTENTS = 'Text Format Volume Group';
const FORMAT_VERSION = 1;

function optional(name: string, list: readonly string[]): Record<string, ConfigValue> {
  return list.length === 0 ? {} : { [name]: list };
}

function formatSegment(segment: Segment, number: number): string[] {
  const { startExtent, extentCount, type, stripeBytes, stripes } = segment;
  return formatSection(`segment${number}`, [
    ...formatValues({
      start_extent: startExtent,
      extent_count: extentCount,
      type,
      stripe_count: stripes.length,
      ...(stripes.length > 1 ? { stripe_size: stripeBytes / SECTOR_BYTES } : {}),
      stripes: stripes.flatMap((stripe) => [stripe.physicalVolume, stripe.startExtent]),
    }),
  ]);
}

function formatPhysicalVolume(volume: PhysicalVolume): string[] {
  return formatSection(
    volume.name,
    formatValues({
      id: volume.uuid,
      ...(volume.deviceHint === undefined ? {} : { device: volume.deviceHint }),
      status: volume.status,
      flags: [],
      ...optional('tags', volume.tags),
      dev_size: volume.deviceBytes / SECTOR_BYTES,
      pe_start: volume.dataStartBytes / SECTOR_BYTES,
      pe_count: volume.extentCount,
    }),
  );
}

function formatLogicalVolume(volume: LogicalVolume, { creationHost, creationTime }: VolumeGroup): string[] {
  return formatSection(volume.name, [
    ...formatValues({
      id: volume.uuid,
      status: volume.status,
      flags: [],
      ...optional('tags', volume.tags),
      // lvm2 treats 0 as a volume without a time.
      ...(creationTime === 0 ? {} : { creation_time: creationTime, creation_host: creationHost }),
      segment_count: volume.segments.length,
    }),
    ...volume.segments.flatMap((segment, index) => formatSegment(segment, index + 1)),
  ]);
}

/**
 * Formats a group as on disk, without the NUL at the end. All segments must be striped or linear.
 */
export function formatMetadata(group: VolumeGroup): string {
  const physical = group.physicalVolumes.flatMap(formatPhysicalVolume);
  const logical = group.logicalVolumes.flatMap((volume) => formatLogicalVolume(volume, group));
  const lines = [
    ...formatSection(group.name, [
      ...formatValues({
        id: group.uuid,
        seqno: group.sequenceNumber,
        format: 'lvm2',
        status: group.status,
        flags: [],
        ...optional('tags', group.tags),
        extent_size: group.extentBytes / SECTOR_BYTES,
        max_lv: 0,
        max_pv: 0,
        metadata_copies: 0,
      }),
      ...formatSection('physical_volumes', physical),
      ...(logical.length === 0 ? [] : formatSection('logical_volumes', logical)),
    ]),
    ...formatValues({
      contents: CONTENTS,
      version: FORMAT_VERSION,
      description: group.description,
      creation_host: group.creationHost,
      creation_time: group.creationTime,
    }),
  ];
  return `${lines.join('\n')}\n`;
}

/** A section with a name for errors. */
class Fields {
  readonly section: ConfigSection;
  readonly #where: string;

  constructor(section: ConfigSection, where: string) {
    this.section = section;
    this.#where = where;
  }

  fail(message: string): never {
    throw new UserError(`${this.#where}: ${message}`);
  }

  text(name: string): string {
    const value = this.section.values.get(name);
    if (typeof value !== 'string') return this.fail(`${name} is not a string`);
    return value;
  }

  optionalText(name: string): string | undefined {
    return this.section.values.has(name) ? this.text(name) : undefined;
  }

  count(name: string, unit = 1): number {
    const value = this.section.values.get(name);
    if (typeof value !== 'number' || !Number.isSafeInteger(value * unit) || value < 0) {
      return this.fail(`${name} is not a number, or is negative or too large`);
    }
    return value * unit;
  }

  optionalCount(name: string): number {
    return this.section.values.has(name) ? this.count(name) : 0;
  }

  /** Returns a list of strings. A single string is also a list, and a missing list is empty. */
  list(name: string): string[] {
    const value = this.section.values.get(name) ?? [];
    const list = typeof value === 'object' ? value : [value];
    return list.map((item) =>
      typeof item === 'string' ? item : this.fail(`${name} has an element that is not a string`),
    );
  }

  uuid(): string {
    return parseLvmUuid(this.text('id'), `${this.#where}: id`);
  }

  child(name: string, section: ConfigSection): Fields {
    return new Fields(section, `${this.#where}: ${name}`);
  }

  /** Returns the sections within a section; none if it is absent. */
  children(name: string): [string, Fields][] {
    const parent = this.section.sections.get(name);
    return [...(parent?.sections ?? [])].map(([key, section]) => [key, this.child(key, section)]);
  }
}

function readPhysicalVolume(name: string, fields: Fields): PhysicalVolume {
  return {
    name,
    uuid: fields.uuid(),
    deviceHint: fields.optionalText('device'),
    tags: fields.list('tags'),
    status: [...fields.list('status'), ...fields.list('flags')],
    deviceBytes: fields.section.values.has('dev_size') ? fields.count('dev_size', SECTOR_BYTES) : 0,
    dataStartBytes: fields.count('pe_start', SECTOR_BYTES),
    extentCount: fields.count('pe_count'),
  };
}

function readStripes(fields: Fields): Stripe[] {
  const value = fields.section.values.get('stripes');
  const items = typeof value === 'object' ? value : fields.fail('it has no list of stripes');
  const stripes: Stripe[] = [];
  for (let index = 0; index < items.length; index += 2) {
    const [physicalVolume, startExtent] = [items[index], items[index + 1]];
    if (typeof physicalVolume !== 'string' || typeof startExtent !== 'number') {
      return fields.fail('stripes is not a list of volumes and extents');
    }
    if (!Number.isSafeInteger(startExtent) || startExtent < 0)
      fields.fail(`a stripe begins at ${startExtent}`);
    stripes.push({ physicalVolume, startExtent });
  }
  if (stripes.length === 0 || stripes.length !== fields.count('stripe_count')) {
    fields.fail(`stripe_count is not the number of its stripes, which is ${stripes.length}`);
  }
  return stripes;
}

function readSegment(fields: Fields): Segment {
  const common = {
    startExtent: fields.count('start_extent'),
    extentCount: fields.count('extent_count'),
    type: fields.optionalText('type') ?? STRIPED,
  };
  if (common.type !== STRIPED) return { ...common, stripeBytes: 0, stripes: [] };
  const stripes = readStripes(fields);
  const stripeBytes = stripes.length === 1 ? 0 : fields.count('stripe_size', SECTOR_BYTES);
  if (stripes.length > 1 && stripeBytes === 0) fields.fail('stripe_size is 0');
  if (common.extentCount % stripes.length !== 0) {
    fields.fail(`${common.extentCount} extents cannot be divided among ${stripes.length} stripes`);
  }
  return { ...common, stripeBytes, stripes };
}

function readLogicalVolume(name: string, fields: Fields): LogicalVolume {
  const segments = [...fields.section.sections]
    .map(([key, section]) => readSegment(fields.child(key, section)))
    .sort((left, right) => left.startExtent - right.startExtent);
  if (segments.length !== fields.count('segment_count')) {
    fields.fail(`segment_count is not the number of its segments, which is ${segments.length}`);
  }
  let endExtent = 0;
  for (const { startExtent, extentCount } of segments) {
    if (startExtent !== endExtent || extentCount === 0) {
      fields.fail(
        `the segment at extent ${startExtent} does not start at extent ${endExtent}, the end of the previous one`,
      );
    }
    endExtent += extentCount;
  }
  return {
    name,
    uuid: fields.uuid(),
    tags: fields.list('tags'),
    status: [...fields.list('status'), ...fields.list('flags')],
    segments,
  };
}

/** The physical extents of one stripe, and the logical volume that uses them. */
interface UsedExtents extends Stripe {
  readonly extentCount: number;
  readonly user: string;
}

function usedExtents(volumes: readonly LogicalVolume[]): UsedExtents[] {
  return volumes.flatMap(({ name, segments }) =>
    segments.flatMap(({ stripes, extentCount }) =>
      stripes.map((stripe) => ({ ...stripe, extentCount: extentCount / stripes.length, user: name })),
    ),
  );
}

/**
 * Checks that the extents of all segments exist, and that no extent is used twice.
 *
 * @param fail throws the error
 */
export function checkExtents(
  group: Pick<VolumeGroup, 'physicalVolumes' | 'logicalVolumes'>,
  fail: (message: string) => never,
): void {
  const logicalNames = new Set(group.logicalVolumes.map(({ name }) => name));
  const used = Map.groupBy(usedExtents(group.logicalVolumes), ({ physicalVolume }) => physicalVolume);
  for (const [name, ranges] of used) {
    const volume = group.physicalVolumes.find((candidate) => candidate.name === name);
    // A stripe may be on another logical volume, such as a RAID image.
    if (volume === undefined && logicalNames.has(name)) continue;
    if (volume === undefined) {
      fail(`logical volume ${ranges[0]?.user} is on ${name}, which does not exist`);
      continue;
    }
    let previous: UsedExtents | undefined;
    for (const range of ranges.toSorted((left, right) => left.startExtent - right.startExtent)) {
      const { startExtent, extentCount, user } = range;
      if (startExtent + extentCount > volume.extentCount) {
        fail(
          `logical volume ${user} extends past the end of ${name}, which has ${volume.extentCount} extents`,
        );
      }
      if (previous !== undefined && previous.startExtent + previous.extentCount > startExtent) {
        fail(`logical volumes ${previous.user} and ${user} both use extent ${startExtent} of ${name}`);
      }
      previous = range;
    }
  }
}

/**
 * Parses the text of a group, and checks that it is consistent.
 *
 * @param name the source of the text, for errors
 * @throws UserError
 */
export function parseMetadata(text: string, name: string): VolumeGroup {
  const root = new Fields(parseConfig(text, name), name);
  if (root.text('contents') !== CONTENTS) root.fail(`contents is not "${CONTENTS}"`);
  if (root.count('version') !== FORMAT_VERSION) root.fail(`version is not ${FORMAT_VERSION}`);
  const [first, second] = root.section.sections;
  if (first === undefined || second !== undefined) return root.fail('it is not one volume group');
  const [groupName, section] = first;
  const fields = root.child(groupName, section);
  const group: VolumeGroup = {
    name: groupName,
    uuid: fields.uuid(),
    sequenceNumber: fields.count('seqno'),
    extentBytes: fields.count('extent_size', SECTOR_BYTES),
    tags: fields.list('tags'),
    status: [...fields.list('status'), ...fields.list('flags')],
    physicalVolumes: fields
      .children('physical_volumes')
      .map(([key, child]) => readPhysicalVolume(key, child)),
    logicalVolumes: fields.children('logical_volumes').map(([key, child]) => readLogicalVolume(key, child)),
    description: root.optionalText('description') ?? '',
    creationHost: root.optionalText('creation_host') ?? '',
    creationTime: root.optionalCount('creation_time'),
  };
  if (group.extentBytes === 0) fields.fail('extent_size is 0');
  for (const volume of group.logicalVolumes) {
    const sizeBytes = extentCountOf(volume) * group.extentBytes;
    if (!Number.isSafeInteger(sizeBytes))
      fields.fail(`logical volume ${volume.name} is larger than any disk`);
  }
  checkExtents(group, (message) => fields.fail(message));
  return group;
}
