import { crc32 } from 'node:zlib';
import { UserError } from '../error/user-error.ts';
import { type Uuid, uuidToGuidBytes } from '../uuid/uuid.ts';
import {
  ENTRIES_LIMIT_BYTES,
  ENTRY,
  ENTRY_BYTES,
  ENTRY_COUNT,
  entriesSectors,
  HEADER,
  HEADER_BYTES,
  HEADER_REVISION,
  HEADER_SIGNATURE,
  MBR,
  MBR_BYTES,
  MBR_END_CHS,
  MBR_RECORD,
  MBR_SIGNATURE,
  MBR_SIZE_LIMIT,
  MBR_START_CHS,
  MBR_TYPE_GPT_PROTECTIVE,
  NAME_BYTES,
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
  /** See `attributes.ts`. None by default. */
  readonly attributes?: bigint;
}

export interface GptDisk {
  /** 512 by default; sectors of the disk and of its partitions are of this size. */
  readonly sectorBytes?: number;
  readonly diskSectors: number;
  readonly diskUuid: Uuid;
  /** The first one is partition number 1. */
  readonly partitions: readonly GptPartition[];
  /** The room in the table, 128 by default and at the least. */
  readonly entryCount?: number;
}

/** The two ends of the disk; between them is nothing but partitions. */
export interface EncodedGpt {
  /** MBR, header and entries: from sector 0 on. */
  readonly primary: Uint8Array;
  /** Entries and header: from `backupStartSector` to the end of the disk. */
  readonly backup: Uint8Array;
  readonly backupStartSector: number;
}

/** The disk's numbers that follow from its options. */
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
 * @throws UserError for partitions that overlap, lie outside the disk or share a UUID, and for names too long
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
    throw new UserError(`${partitions.length} partitions: a partition table holds ${entryCount}`);
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
        `partition "${name}" (sectors ${startSector} to ${endSector - 1}) does not lie within the usable sectors ` +
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
  const bytes = Buffer.alloc(MBR_BYTES);
  // The start's bytes stand in the order 00 02 00, the end's are equal: both are read as 24 bits.
  bytes.writeUIntBE(MBR_START_CHS, MBR.records + MBR_RECORD.startChs, 3);
  bytes.writeUInt8(MBR_TYPE_GPT_PROTECTIVE, MBR.records + MBR_RECORD.type);
  bytes.writeUIntBE(MBR_END_CHS, MBR.records + MBR_RECORD.endChs, 3);
  bytes.writeUInt32LE(PRIMARY_HEADER_SECTOR, MBR.records + MBR_RECORD.startSector);
  bytes.writeUInt32LE(Math.min(diskSectors - 1, MBR_SIZE_LIMIT), MBR.records + MBR_RECORD.sizeSectors);
  bytes.writeUInt16LE(MBR_SIGNATURE, MBR.signature);
  return bytes;
}

function encodeHeader(
  plan: Plan,
  entries: Uint8Array,
  mySector: number,
  alternateSector: number,
  entriesSector: number,
): Uint8Array {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write(HEADER_SIGNATURE, HEADER.signature, 'latin1');
  bytes.writeUInt32LE(HEADER_REVISION, HEADER.revision);
  bytes.writeUInt32LE(HEADER_BYTES, HEADER.headerBytes);
  bytes.writeBigUInt64LE(BigInt(mySector), HEADER.mySector);
  bytes.writeBigUInt64LE(BigInt(alternateSector), HEADER.alternateSector);
  bytes.writeBigUInt64LE(BigInt(plan.firstUsableSector), HEADER.firstUsableSector);
  bytes.writeBigUInt64LE(BigInt(plan.lastUsableSector), HEADER.lastUsableSector);
  bytes.set(uuidToGuidBytes(plan.disk.diskUuid), HEADER.diskGuid);
  bytes.writeBigUInt64LE(BigInt(entriesSector), HEADER.entriesSector);
  bytes.writeUInt32LE(plan.entryCount, HEADER.entryCount);
  bytes.writeUInt32LE(ENTRY_BYTES, HEADER.entryBytes);
  bytes.writeUInt32LE(crc32(entries), HEADER.entriesCrc);
  // The checksum covers the header with this field zero, so it comes last.
  bytes.writeUInt32LE(crc32(bytes), HEADER.headerCrc);
  return bytes;
}

function encodeEntries({ disk, entryCount }: Plan): Uint8Array {
  const bytes = Buffer.alloc(entryCount * ENTRY_BYTES);
  for (const [index, partition] of disk.partitions.entries()) {
    const entry = bytes.subarray(index * ENTRY_BYTES, (index + 1) * ENTRY_BYTES);
    const name = Buffer.from(partition.name, 'utf16le');
    if (name.length > NAME_BYTES || partition.name.includes('\0')) {
      throw new UserError(
        `partition name "${partition.name}" does not fit: up to ${NAME_BYTES / 2} UTF-16 units, none of them zero`,
      );
    }
    entry.set(uuidToGuidBytes(partition.typeUuid), ENTRY.typeGuid);
    entry.set(uuidToGuidBytes(partition.uuid), ENTRY.uniqueGuid);
    entry.writeBigUInt64LE(BigInt(partition.startSector), ENTRY.firstSector);
    entry.writeBigUInt64LE(BigInt(partition.startSector + partition.sizeSectors - 1), ENTRY.lastSector);
    entry.writeBigUInt64LE(partition.attributes ?? 0n, ENTRY.attributes);
    entry.set(name, ENTRY.name);
  }
  return bytes;
}
