/** Reads volume groups of this library and of lvm2. */

import type { BlockSource } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import { hex32 } from '../structure/hex.ts';
import { LABEL_SCAN_SECTORS, lvmChecksum, MDA_HEADER_BYTES, SECTOR_BYTES } from './format.ts';
import {
  type Area,
  decodeLabel,
  decodeMetadataAreaHeader,
  failing,
  isLabel,
  type PhysicalVolumeLabel,
  type TextLocation,
} from './layout.ts';
import { parseMetadata } from './metadata-text.ts';
import type { VolumeGroup } from './volume-group.ts';

/** No group has a text of this size. A larger stated size is damage, and would only use memory. */
const MAX_TEXT_BYTES = 16 << 20;

/** An image that may be a physical volume, and its name for errors. */
export interface NamedSource {
  readonly name: string;
  readonly source: BlockSource;
}

/** A metadata area: its contents, or its problem. */
export interface MetadataCopy {
  /** `disk.img: metadata area at byte 4096`. */
  readonly where: string;
  readonly area: Area;
  readonly group: VolumeGroup | undefined;
  readonly problem: string | undefined;
}

export interface ReadPhysicalVolume {
  readonly name: string;
  readonly source: BlockSource;
  readonly label: PhysicalVolumeLabel;
  readonly copies: readonly MetadataCopy[];
}

/** Reports whether an image has an LVM label, valid or damaged. */
export function hasLvmLabel(source: BlockSource): boolean {
  return findLabel(source) !== undefined;
}

function findLabel(source: BlockSource): { sector: Uint8Array; number: number } | undefined {
  for (let number = 0; number < LABEL_SCAN_SECTORS; number++) {
    if ((number + 1) * SECTOR_BYTES > source.sizeBytes) return undefined;
    const sector = source.read(number * SECTOR_BYTES, SECTOR_BYTES);
    if (isLabel(sector)) return { sector, number };
  }
  return undefined;
}

/**
 * Reads a text from its ring: a text that reaches the end of the area continues after the header
 * (format-text.c, `_vg_read_raw_area`).
 */
function readText(source: BlockSource, area: Area, text: TextLocation, where: string): string {
  const fail = failing(where);
  if (text.sizeBytes > MAX_TEXT_BYTES)
    fail(`its text of ${text.sizeBytes} bytes is larger than ${MAX_TEXT_BYTES}`);
  const first = Math.min(text.sizeBytes, area.sizeBytes - text.offsetBytes);
  const parts = [
    Buffer.from(source.read(area.offsetBytes + text.offsetBytes, first)),
    Buffer.from(source.read(area.offsetBytes + MDA_HEADER_BYTES, text.sizeBytes - first)),
  ];
  const computed = lvmChecksum(...parts);
  if (computed !== text.checksum) {
    fail(`the text's checksum is ${hex32(text.checksum)}, the bytes give ${hex32(computed)}`);
  }
  return Buffer.concat(parts).toString('utf8');
}

function readGroup(source: BlockSource, area: Area, where: string): VolumeGroup | undefined {
  const fail = failing(where);
  const endBytes = area.offsetBytes + area.sizeBytes;
  if (area.sizeBytes <= MDA_HEADER_BYTES || endBytes > source.sizeBytes) {
    fail(`its ${area.sizeBytes} bytes are not within the volume's ${source.sizeBytes}`);
  }
  const sector = source.read(area.offsetBytes, SECTOR_BYTES);
  const { text } = decodeMetadataAreaHeader(sector, area, where);
  if (text === undefined || text.ignored) return undefined;
  return parseMetadata(readText(source, area, text, where), where);
}

function readCopy(source: BlockSource, area: Area, name: string): MetadataCopy {
  const where = `${name}: metadata area at byte ${area.offsetBytes}`;
  try {
    return { where, area, group: readGroup(source, area, where), problem: undefined };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { where, area, group: undefined, problem: error.message };
  }
}

/**
 * Reads the label of a physical volume and every copy of the metadata on it. A damaged copy is
 * reported in the result, not thrown.
 *
 * @throws UserError if the label is missing or damaged
 */
export function readPhysicalVolume({ name, source }: NamedSource): ReadPhysicalVolume {
  const found = findLabel(source);
  if (found === undefined) {
    throw new UserError(
      `${name}: not an LVM physical volume: no label in its first ${LABEL_SCAN_SECTORS} sectors`,
    );
  }
  const label = decodeLabel(found.sector, found.number, `${name}: sector ${found.number}`);
  const copies = label.metadataAreas.map((area) => readCopy(source, area, name));
  return { name, source, label, copies };
}

/** A volume group that was found on physical volumes. */
export interface FoundGroup {
  readonly group: VolumeGroup;
  /** The physical volumes that are present, by their name in the metadata. */
  readonly physicalVolumes: ReadonlyMap<string, ReadPhysicalVolume>;
  /** One line per problem that does not prevent reading: damaged or old copies, missing volumes. */
  readonly problems: readonly string[];
}

function newestCopy(copies: readonly MetadataCopy[]): VolumeGroup | undefined {
  return copies
    .map(({ group }) => group)
    .filter((group) => group !== undefined)
    .reduce<VolumeGroup | undefined>(
      (best, group) => (best === undefined || group.sequenceNumber > best.sequenceNumber ? group : best),
      undefined,
    );
}

function copyProblems(copies: readonly MetadataCopy[], newest: VolumeGroup): string[] {
  return copies.flatMap(({ where, group, problem }) => {
    if (problem !== undefined) return [problem];
    if (group === undefined || group.sequenceNumber === newest.sequenceNumber) return [];
    return [
      `${where}: it has change ${group.sequenceNumber} of the group, but the newest is ${newest.sequenceNumber}`,
    ];
  });
}

function checkOneGroup(copies: readonly MetadataCopy[]): void {
  const groups = new Map<string, MetadataCopy>();
  for (const copy of copies) if (copy.group !== undefined) groups.set(copy.group.uuid, copy);
  const [first, second] = groups.values();
  if (first !== undefined && second !== undefined) {
    throw new UserError(
      `two volume groups: ${first.where} has "${first.group?.name}", ${second.where} "${second.group?.name}"; ` +
        'read each with its own physical volumes',
    );
  }
}

/**
 * Reads the volume group on physical volumes, from the newest intact copy of its metadata.
 *
 * @param sources all of its physical volumes; logical volumes on a missing one cannot be read
 * @throws UserError if there is no group or more than one, or no intact copy of its metadata
 */
export function readVolumeGroup(sources: readonly NamedSource[]): FoundGroup {
  const volumes = sources.map(readPhysicalVolume);
  const copies = volumes.flatMap((volume) => volume.copies);
  const names = sources.map(({ name }) => name).join(', ');
  checkOneGroup(copies);
  const group = newestCopy(copies);
  if (group === undefined) {
    const problems = copies.flatMap(({ problem }) => problem ?? []);
    const reason = problems.length === 0 ? 'they belong to no volume group' : problems.join('; ');
    throw new UserError(`${names}: no metadata of a volume group: ${reason}`);
  }
  const problems = copyProblems(copies, group);
  const physicalVolumes = new Map<string, ReadPhysicalVolume>();
  for (const { name, uuid, deviceBytes } of group.physicalVolumes) {
    const [volume, twin] = volumes.filter(({ label }) => label.uuid === uuid);
    if (volume === undefined) {
      problems.push(`volume group "${group.name}": ${name} (${uuid}) is missing`);
      continue;
    }
    if (twin !== undefined)
      throw new UserError(`${volume.name} and ${twin.name} are both physical volume ${uuid}`);
    if (deviceBytes > volume.source.sizeBytes) {
      problems.push(`${volume.name}: ${volume.source.sizeBytes} bytes, its volume group says ${deviceBytes}`);
    }
    physicalVolumes.set(name, volume);
  }
  for (const { name, label } of volumes) {
    if (!group.physicalVolumes.some(({ uuid }) => uuid === label.uuid)) {
      problems.push(`${name}: physical volume ${label.uuid} does not belong to volume group "${group.name}"`);
    }
  }
  return { group, physicalVolumes, problems };
}
