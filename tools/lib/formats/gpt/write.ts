import { crc32 } from 'node:zlib';
import { UserError } from '../error/user-error.ts';
import { viewOf } from '../structure/view.ts';
import { type Uuid, uuidToGuidBytes } from '../uuid/uuid.ts';
import {
  ENTRIES_LIMIT_BYTES,
  ENTRY,
  ENTRY_BYTES,
  ENTRY_COUNT,
  entriesSectors,
  HEADER,
  HEADER_REVISION,
  HEADER_SIGNATURE,
  MBR,
  MBR_END_CHS,
  MBR_RECORD,
  MBR_SIGNATURE,
  MBR_SIZE_LIMIT,
  MBR_START_CHS,
  MBR_TYPE_GPT_PROTECTIVE,
  PRIMARY_ENTRIES_SECTOR,
  PRIMARY_HEADER_SECTOR,
  SECTOR_BYTES,
  SECTOR_SIZES,
} from './format.ts';

export interface GptPartition {
  readonly name: string;
  readonly startSector: number;
  readonly sizeSectors: number;
  readonly typeUuid: Uuid;
  readonly uuid: Uuid;
  /** The bits of `attributes.ts`. 0 by default. */
  readonly attributes?: bigint;
}

export interface GptDisk {
  /** The size of a sector, in which all positions and sizes are counted. 512 by default. */
  readonly sectorBytes?: number;
  readonly diskSectors: number;
  readonly diskUuid: Uuid;
  /** The first one is partition number 1. */
  readonly partitions: readonly GptPartition[];
  /** The number of entries that the table can hold: at least 128, which is the default. */
  readonly entryCount?: number;
}

/** The two ends of the disk. Only partitions are between them. */
export interface EncodedGpt {
  /** MBR, header and entries, starting at sector 0. */
  readonly primary: Uint8Array;
  /** Entries and header: from `backupStartSector` to the end of the disk. */
  readonly backup: Uint8Array;
  readonly backupStartSector: number;
}

/** The numbers that are computed from a disk's options. */
interface Plan {
  readonly disk: GptDisk;
  readonly sectorBytes: number;
  readonly entryCount: number;
  readonly entriesSectors: number;
  readonly firstUsableSector: number;
  readonly lastUsableSector: number;
  readonly backupEntriesSector: number;
}

/**
 * Encodes both copies of the table.
 *
 * @throws UserError for partitions that overlap, are outside the disk or share a UUID, and for
 *   names that are too long
 */
export function encodeGpt(disk: GptDisk): EncodedGpt {
  const plan = planDisk(disk);
  checkPartitions(plan);
  const { sectorBytes, backupEntriesSector, firstUsableSector } = plan;
  const entries = encodeEntries(plan);
  const lastSector = disk.diskSectors - 1;

  const primary = new Uint8Array(firstUsableSector * sectorBytes);
  primary.set(encodeProtectiveMbr(disk.diskSectors), 0);
  primary.set(
    encodeHeader(plan, entries, PRIMARY_HEADER_SECTOR, lastSector, PRIMARY_ENTRIES_SECTOR),
    PRIMARY_HEADER_SECTOR * sectorBytes,
  );
  primary.set(entries, PRIMARY_ENTRIES_SECTOR * sectorBytes);

  const backup = new Uint8Array((plan.entriesSectors + 1) * sectorBytes);
  backup.set(entries, 0);
  backup.set(
    encodeHeader(plan, entries, lastSector, PRIMARY_HEADER_SECTOR, backupEntriesSector),
    plan.entriesSectors * sectorBytes,
  );
  return { primary, backup, backupStartSector: backupEntriesSector };
}

function planDisk(disk: GptDisk): Plan {
  const { diskSectors, partitions, sectorBytes = SECTOR_BYTES, entryCount = ENTRY_COUNT } = disk;
  if (!SECTOR_SIZES.includes(sectorBytes)) {
    throw new UserError(`sectors of ${sectorBytes} bytes: use one of ${SECTOR_SIZES.join(', ')}`);
  }
  const entryLimit = ENTRIES_LIMIT_BYTES / ENTRY_BYTES;
  if (!Number.isInteger(entryCount) || entryCount < ENTRY_COUNT || entryCount > entryLimit) {
    throw new UserError(`a table of ${entryCount} entries: use ${ENTRY_COUNT} to ${entryLimit}`);
  }
  const sectors = entriesSectors(entryCount, ENTRY_BYTES, sectorBytes);
  const firstUsableSector = PRIMARY_ENTRIES_SECTOR + sectors;
  const minimum = firstUsableSector + sectors + 1;
  if (!Number.isSafeInteger(diskSectors) || diskSectors <= minimum) {
    throw new UserError(
      `a disk of ${diskSectors} sectors has no room for a partition table: it needs more than ${minimum}`,
    );
  }
  if (partitions.length > entryCount) {
    throw new UserError(
      `${partitions.length} partitions: a partition table of this size holds at most ${entryCount}`,
    );
  }
  const backupEntriesSector = diskSectors - 1 - sectors;
  return {
    disk,
    sectorBytes,
    entryCount,
    entriesSectors: sectors,
    firstUsableSector,
    lastUsableSector: backupEntriesSector - 1,
    backupEntriesSector,
  };
}

function checkPartitions({ disk: { partitions }, firstUsableSector, lastUsableSector }: Plan): void {
  const uuids = new Map<Uuid, string>();
  let previous: GptPartition | undefined;
  for (const partition of partitions.toSorted((left, right) => left.startSector - right.startSector)) {
    const { name, startSector, sizeSectors } = partition;
    const endSector = startSector + sizeSectors;
    if (
      !Number.isSafeInteger(startSector) ||
      !(sizeSectors >= 1) ||
      startSector < firstUsableSector ||
      endSector > lastUsableSector + 1
    ) {
      throw new UserError(
        `partition "${name}" (sectors ${startSector} to ${endSector - 1}) is not within the usable sectors ` +
          `${firstUsableSector} to ${lastUsableSector} of the disk: move it, or make the disk larger`,
      );
    }
    if (previous !== undefined && previous.startSector + previous.sizeSectors > startSector) {
      throw new UserError(`partitions "${previous.name}" and "${name}" overlap at sector ${startSector}`);
    }
    const other = uuids.get(partition.uuid.toLowerCase());
    if (other !== undefined) {
      throw new UserError(`partitions "${other}" and "${name}" have the same UUID ${partition.uuid}`);
    }
    uuids.set(partition.uuid.toLowerCase(), name);
    previous = partition;
  }
}

function encodeProtectiveMbr(diskSectors: number): Uint8Array {
  const bytes = new Uint8Array(MBR.sizeBytes);
  const view = viewOf(bytes);
  const first = MBR.at.PartitionRecord.offsetBytes;
  MBR_RECORD.at.StartingCHS.setBytes(bytes, Uint8Array.from(MBR_START_CHS), first);
  MBR_RECORD.at.OSType.set(view, MBR_TYPE_GPT_PROTECTIVE, first);
  MBR_RECORD.at.EndingCHS.setBytes(bytes, Uint8Array.from(MBR_END_CHS), first);
  MBR_RECORD.at.StartingLBA.set(view, PRIMARY_HEADER_SECTOR, first);
  MBR_RECORD.at.SizeInLBA.set(view, Math.min(diskSectors - 1, MBR_SIZE_LIMIT), first);
  MBR.at.Signature.set(view, MBR_SIGNATURE);
  return bytes;
}

function encodeHeader(
  plan: Plan,
  entries: Uint8Array,
  mySector: number,
  alternateSector: number,
  entriesSector: number,
): Uint8Array {
  const bytes = new Uint8Array(HEADER.sizeBytes);
  const view = viewOf(bytes);
  HEADER.at.Signature.setBytes(bytes, HEADER_SIGNATURE);
  HEADER.at.Revision.set(view, HEADER_REVISION);
  HEADER.at.HeaderSize.set(view, HEADER.sizeBytes);
  HEADER.at.MyLBA.set(view, mySector);
  HEADER.at.AlternateLBA.set(view, alternateSector);
  HEADER.at.FirstUsableLBA.set(view, plan.firstUsableSector);
  HEADER.at.LastUsableLBA.set(view, plan.lastUsableSector);
  HEADER.at.DiskGUID.setBytes(bytes, uuidToGuidBytes(plan.disk.diskUuid));
  HEADER.at.PartitionEntryLBA.set(view, entriesSector);
  HEADER.at.NumberOfPartitionEntries.set(view, plan.entryCount);
  HEADER.at.SizeOfPartitionEntry.set(view, ENTRY_BYTES);
  HEADER.at.PartitionEntryArrayCRC32.set(view, crc32(entries));
  // The checksum covers the header with this field zero, so it is computed last.
  HEADER.at.HeaderCRC32.set(view, crc32(bytes));
  return bytes;
}

function encodeEntries({ disk, entryCount }: Plan): Uint8Array {
  const nameBytes = ENTRY.at.PartitionName.lengthBytes;
  const bytes = new Uint8Array(entryCount * ENTRY_BYTES);
  const view = viewOf(bytes);
  for (const [index, partition] of disk.partitions.entries()) {
    const start = index * ENTRY_BYTES;
    const name = Buffer.from(partition.name, 'utf16le');
    if (name.length > nameBytes || partition.name.includes('\0')) {
      throw new UserError(
        `partition name "${partition.name}" does not fit: up to ${nameBytes / 2} UTF-16 units, none of them zero`,
      );
    }
    ENTRY.at.PartitionTypeGUID.setBytes(bytes, uuidToGuidBytes(partition.typeUuid), start);
    ENTRY.at.UniquePartitionGUID.setBytes(bytes, uuidToGuidBytes(partition.uuid), start);
    ENTRY.at.StartingLBA.set(view, partition.startSector, start);
    ENTRY.at.EndingLBA.set(view, partition.startSector + partition.sizeSectors - 1, start);
    ENTRY.at.Attributes.setBig(view, partition.attributes ?? 0n, start);
    ENTRY.at.PartitionName.setBytes(bytes, name, start);
  }
  return bytes;
}
