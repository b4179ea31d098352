import { crc32 } from 'node:zlib';
import { UserError } from '../error/user-error.ts';
import { type Uuid, uuidToGuidBytes } from '../uuid/uuid.ts';

/**
 * Writes a GUID partition table: protective MBR, primary table, backup table (UEFI 2.10 chapter 5).
 *
 * Sectors of 512 bytes, 128 entries of 128 bytes: what every tool and firmware expects.
 */

export const SECTOR_BYTES = 512;

/** UEFI 2.10 section 5.3.1: at least 16,384 bytes for the entry array. */
export const ENTRY_COUNT = 128;
export const ENTRY_BYTES = 128;
const ENTRIES_BYTES = ENTRY_COUNT * ENTRY_BYTES;
export const ENTRIES_SECTORS = ENTRIES_BYTES / SECTOR_BYTES;

export const PRIMARY_HEADER_SECTOR = 1;
const PRIMARY_ENTRIES_SECTOR = 2;

/** Where the first partition may begin: behind MBR, header and entries. */
export const FIRST_USABLE_SECTOR = PRIMARY_ENTRIES_SECTOR + ENTRIES_SECTORS;

/** Entries and header at the end of the disk. */
export const BACKUP_SECTORS = ENTRIES_SECTORS + 1;

/** UEFI 2.10 table 5.5: the header's fields. */
export const HEADER = {
  signature: 0,
  revision: 8,
  headerBytes: 12,
  headerCrc: 16,
  mySector: 24,
  alternateSector: 32,
  firstUsableSector: 40,
  lastUsableSector: 48,
  diskGuid: 56,
  entriesSector: 72,
  entryCount: 80,
  entryBytes: 84,
  entriesCrc: 88,
} as const;
export const HEADER_BYTES = 92;
export const HEADER_SIGNATURE = 'EFI PART';
export const HEADER_REVISION = 0x00010000;

/** UEFI 2.10 table 5.6: an entry's fields. */
export const ENTRY = {
  typeGuid: 0,
  uniqueGuid: 16,
  firstSector: 32,
  lastSector: 40,
  attributes: 48,
  name: 56,
} as const;
export const NAME_BYTES = 72;

/** UEFI 2.10 tables 5.3 and 5.4: the protective MBR's one partition record, of type 0xEE over the whole disk. */
export const MBR = {
  record: 446,
  startChs: 1,
  type: 4,
  endChs: 5,
  startSector: 8,
  sizeSectors: 12,
  signature: 510,
} as const;
export const MBR_TYPE_GPT_PROTECTIVE = 0xee;
const MBR_START_CHS = 0x000200;
/** "Set to 0xFFFFFF if it is not possible to represent the value in this field": a file has no geometry. */
const MBR_END_CHS = 0xffffff;
const MBR_SIZE_LIMIT = 0xffffffff;
export const MBR_SIGNATURE = 0xaa55;

export interface GptPartition {
  readonly name: string;
  readonly startSector: number;
  readonly sizeSectors: number;
  readonly typeUuid: Uuid;
  readonly uuid: Uuid;
  /** UEFI 2.10 table 5.8: bit 0 is "required partition". None by default. */
  readonly attributes?: bigint;
}

export interface GptDisk {
  readonly diskSectors: number;
  readonly diskUuid: Uuid;
  /** The first one is partition number 1. */
  readonly partitions: readonly GptPartition[];
}

/** The two ends of the disk; between them is nothing but partitions. */
export interface EncodedGpt {
  /** MBR, header and entries: from sector 0 on. */
  readonly primary: Uint8Array;
  /** Entries and header: from `backupStartSector` to the end of the disk. */
  readonly backup: Uint8Array;
  readonly backupStartSector: number;
}

/**
 * Encodes both copies of the table.
 *
 * @throws UserError for partitions that overlap, lie outside the disk or share a UUID, and for names too long
 */
export function encodeGpt(disk: GptDisk): EncodedGpt {
  checkPartitions(disk);
  const { diskSectors } = disk;
  const entries = encodeEntries(disk.partitions);
  const backupStartSector = diskSectors - BACKUP_SECTORS;
  const lastSector = diskSectors - 1;

  const primary = new Uint8Array(FIRST_USABLE_SECTOR * SECTOR_BYTES);
  primary.set(encodeProtectiveMbr(diskSectors), 0);
  primary.set(
    encodeHeader(disk, entries, PRIMARY_HEADER_SECTOR, lastSector, PRIMARY_ENTRIES_SECTOR),
    PRIMARY_HEADER_SECTOR * SECTOR_BYTES,
  );
  primary.set(entries, PRIMARY_ENTRIES_SECTOR * SECTOR_BYTES);

  const backup = new Uint8Array(BACKUP_SECTORS * SECTOR_BYTES);
  backup.set(entries, 0);
  backup.set(
    encodeHeader(disk, entries, lastSector, PRIMARY_HEADER_SECTOR, backupStartSector),
    ENTRIES_BYTES,
  );
  return { primary, backup, backupStartSector };
}

function checkPartitions({ diskSectors, partitions }: GptDisk): void {
  if (!Number.isSafeInteger(diskSectors) || diskSectors <= FIRST_USABLE_SECTOR + BACKUP_SECTORS) {
    throw new UserError(
      `a disk of ${diskSectors} sectors has no room for a partition table: ` +
        `it needs more than ${FIRST_USABLE_SECTOR + BACKUP_SECTORS}`,
    );
  }
  if (partitions.length > ENTRY_COUNT) {
    throw new UserError(`${partitions.length} partitions: a partition table holds ${ENTRY_COUNT}`);
  }
  const lastUsableSector = diskSectors - BACKUP_SECTORS - 1;
  const uuids = new Map<Uuid, string>();
  let previous: GptPartition | undefined;
  for (const partition of partitions.toSorted((left, right) => left.startSector - right.startSector)) {
    const { name, startSector, sizeSectors } = partition;
    const endSector = startSector + sizeSectors;
    if (sizeSectors < 1 || startSector < FIRST_USABLE_SECTOR || endSector > lastUsableSector + 1) {
      throw new UserError(
        `partition "${name}" (sectors ${startSector} to ${endSector - 1}) does not lie within the usable sectors ` +
          `${FIRST_USABLE_SECTOR} to ${lastUsableSector} of the disk: move it, or make the disk larger`,
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
  const bytes = Buffer.alloc(SECTOR_BYTES);
  // The start's bytes stand in the order 00 02 00, the end's are equal: both are read as 24 bits.
  bytes.writeUIntBE(MBR_START_CHS, MBR.record + MBR.startChs, 3);
  bytes.writeUInt8(MBR_TYPE_GPT_PROTECTIVE, MBR.record + MBR.type);
  bytes.writeUIntBE(MBR_END_CHS, MBR.record + MBR.endChs, 3);
  bytes.writeUInt32LE(PRIMARY_HEADER_SECTOR, MBR.record + MBR.startSector);
  bytes.writeUInt32LE(Math.min(diskSectors - 1, MBR_SIZE_LIMIT), MBR.record + MBR.sizeSectors);
  bytes.writeUInt16LE(MBR_SIGNATURE, MBR.signature);
  return bytes;
}

function encodeHeader(
  disk: GptDisk,
  entries: Uint8Array,
  mySector: number,
  alternateSector: number,
  entriesSector: number,
): Uint8Array {
  const bytes = Buffer.alloc(SECTOR_BYTES);
  bytes.write(HEADER_SIGNATURE, HEADER.signature, 'latin1');
  bytes.writeUInt32LE(HEADER_REVISION, HEADER.revision);
  bytes.writeUInt32LE(HEADER_BYTES, HEADER.headerBytes);
  bytes.writeBigUInt64LE(BigInt(mySector), HEADER.mySector);
  bytes.writeBigUInt64LE(BigInt(alternateSector), HEADER.alternateSector);
  bytes.writeBigUInt64LE(BigInt(FIRST_USABLE_SECTOR), HEADER.firstUsableSector);
  bytes.writeBigUInt64LE(BigInt(disk.diskSectors - BACKUP_SECTORS - 1), HEADER.lastUsableSector);
  bytes.set(uuidToGuidBytes(disk.diskUuid), HEADER.diskGuid);
  bytes.writeBigUInt64LE(BigInt(entriesSector), HEADER.entriesSector);
  bytes.writeUInt32LE(ENTRY_COUNT, HEADER.entryCount);
  bytes.writeUInt32LE(ENTRY_BYTES, HEADER.entryBytes);
  bytes.writeUInt32LE(crc32(entries), HEADER.entriesCrc);
  // The checksum covers the header with this field zero, so it comes last.
  bytes.writeUInt32LE(crc32(bytes.subarray(0, HEADER_BYTES)), HEADER.headerCrc);
  return bytes;
}

function encodeEntries(partitions: readonly GptPartition[]): Uint8Array {
  const bytes = Buffer.alloc(ENTRIES_BYTES);
  for (const [index, partition] of partitions.entries()) {
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
