import { crc32 } from 'node:zlib';
import type { BlockSource } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import { NIL_UUID, uuidFromGuidBytes } from '../uuid/uuid.ts';
import {
  BACKUP_SECTORS,
  ENTRIES_SECTORS,
  ENTRY,
  ENTRY_BYTES,
  ENTRY_COUNT,
  FIRST_USABLE_SECTOR,
  type GptDisk,
  type GptPartition,
  HEADER,
  HEADER_BYTES,
  HEADER_REVISION,
  HEADER_SIGNATURE,
  MBR,
  MBR_SIGNATURE,
  MBR_TYPE_GPT_PROTECTIVE,
  NAME_BYTES,
  PRIMARY_HEADER_SECTOR,
  SECTOR_BYTES,
} from './gpt.ts';

/** A partition as it stands in the table, with its number. */
export type NumberedPartition = Required<GptPartition> & { readonly number: number };

export interface ParsedGpt extends GptDisk {
  readonly partitions: readonly NumberedPartition[];
}

/**
 * Reads a disk's partition table and verifies it: protective MBR, both headers, both entry arrays, that they agree, and
 * that the partitions lie within the disk and apart from each other.
 *
 * @param name the disk's name, for errors
 * @throws UserError that says which copy is damaged, where and how
 */
export function readGpt(source: BlockSource, name = 'disk'): ParsedGpt {
  const diskSectors = Math.floor(source.sizeBytes / SECTOR_BYTES);
  if (source.sizeBytes % SECTOR_BYTES !== 0 || diskSectors <= FIRST_USABLE_SECTOR + BACKUP_SECTORS) {
    throw new UserError(
      `${name}: ${source.sizeBytes} bytes are no disk: not whole sectors, or too few for a partition table`,
    );
  }
  checkProtectiveMbr(readSectors(source, 0, 1), name);
  const lastSector = diskSectors - 1;
  const primary = readCopy(source, PRIMARY_HEADER_SECTOR, lastSector, `${name}: primary GPT`);
  const backup = readCopy(source, lastSector, PRIMARY_HEADER_SECTOR, `${name}: backup GPT`);
  if (primary.diskUuid !== backup.diskUuid || !primary.entries.equals(backup.entries)) {
    throw new UserError(
      `${name}: the primary and the backup GPT differ: the table was changed at one end only`,
    );
  }
  const partitions = decodeEntries(primary.entries);
  checkPlaces(partitions, primary.firstUsableSector, primary.lastUsableSector, name);
  return { diskSectors, diskUuid: primary.diskUuid, partitions };
}

function readSectors(source: BlockSource, startSector: number, sectorCount: number): Buffer {
  return Buffer.from(source.read(startSector * SECTOR_BYTES, sectorCount * SECTOR_BYTES));
}

function checkProtectiveMbr(bytes: Buffer, name: string): void {
  if (bytes.readUInt16LE(MBR.signature) !== MBR_SIGNATURE) {
    throw new UserError(`${name}: no partition table: sector 0 does not end in 55 AA`);
  }
  if (bytes.readUInt8(MBR.record + MBR.type) !== MBR_TYPE_GPT_PROTECTIVE) {
    throw new UserError(`${name}: the MBR has no protective partition of type 0xEE: not a GPT disk`);
  }
}

interface Copy {
  readonly diskUuid: string;
  readonly firstUsableSector: number;
  readonly lastUsableSector: number;
  readonly entries: Buffer;
}

function readCopy(source: BlockSource, mySector: number, alternateSector: number, where: string): Copy {
  const header = readSectors(source, mySector, 1).subarray(0, HEADER_BYTES);
  const fail = (message: string): never => {
    throw new UserError(`${where} at sector ${mySector}: ${message}`);
  };
  if (header.toString('latin1', HEADER.signature, HEADER.revision) !== HEADER_SIGNATURE) {
    return fail(`no signature "${HEADER_SIGNATURE}"`);
  }
  const expect = (field: string, value: number, expected: number): void => {
    if (value !== expected) fail(`${field} is ${value}, expected ${expected}`);
  };
  expect('the revision', header.readUInt32LE(HEADER.revision), HEADER_REVISION);
  expect('the header size', header.readUInt32LE(HEADER.headerBytes), HEADER_BYTES);
  const storedCrc = header.readUInt32LE(HEADER.headerCrc);
  const withoutCrc = Buffer.from(header);
  withoutCrc.writeUInt32LE(0, HEADER.headerCrc);
  const headerCrc = crc32(withoutCrc);
  if (storedCrc !== headerCrc) fail(`header CRC32 is ${hex(storedCrc)}, the bytes give ${hex(headerCrc)}`);
  const sector = (field: number): number => Number(header.readBigUInt64LE(field));
  expect('its own sector', sector(HEADER.mySector), mySector);
  expect('the sector of the other copy', sector(HEADER.alternateSector), alternateSector);
  expect('the number of entries', header.readUInt32LE(HEADER.entryCount), ENTRY_COUNT);
  expect('the size of an entry', header.readUInt32LE(HEADER.entryBytes), ENTRY_BYTES);

  const entriesSector = sector(HEADER.entriesSector);
  const isPrimary = mySector === PRIMARY_HEADER_SECTOR;
  expect('the sector of the entries', entriesSector, isPrimary ? mySector + 1 : mySector - ENTRIES_SECTORS);
  const entries = readSectors(source, entriesSector, ENTRIES_SECTORS);
  const storedEntriesCrc = header.readUInt32LE(HEADER.entriesCrc);
  const entriesCrc = crc32(entries);
  if (storedEntriesCrc !== entriesCrc) {
    fail(`entries CRC32 is ${hex(storedEntriesCrc)}, the bytes give ${hex(entriesCrc)}`);
  }
  return {
    diskUuid: uuidFromGuidBytes(header.subarray(HEADER.diskGuid, HEADER.entriesSector)),
    firstUsableSector: sector(HEADER.firstUsableSector),
    lastUsableSector: sector(HEADER.lastUsableSector),
    entries,
  };
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

function decodeEntries(entries: Buffer): NumberedPartition[] {
  const partitions: NumberedPartition[] = [];
  for (let index = 0; index < ENTRY_COUNT; index += 1) {
    const entry = entries.subarray(index * ENTRY_BYTES, (index + 1) * ENTRY_BYTES);
    const typeUuid = uuidFromGuidBytes(entry.subarray(ENTRY.typeGuid, ENTRY.uniqueGuid));
    if (typeUuid === NIL_UUID) continue;
    const startSector = Number(entry.readBigUInt64LE(ENTRY.firstSector));
    const nameText = entry.toString('utf16le', ENTRY.name, ENTRY.name + NAME_BYTES);
    partitions.push({
      number: index + 1,
      name: nameText.split('\0', 1)[0] ?? '',
      startSector,
      sizeSectors: Number(entry.readBigUInt64LE(ENTRY.lastSector)) - startSector + 1,
      typeUuid,
      uuid: uuidFromGuidBytes(entry.subarray(ENTRY.uniqueGuid, ENTRY.firstSector)),
      attributes: entry.readBigUInt64LE(ENTRY.attributes),
    });
  }
  return partitions;
}

function checkPlaces(
  partitions: readonly NumberedPartition[],
  firstUsableSector: number,
  lastUsableSector: number,
  name: string,
): void {
  let endSector = firstUsableSector;
  for (const partition of partitions.toSorted((left, right) => left.startSector - right.startSector)) {
    const { number, startSector, sizeSectors } = partition;
    if (sizeSectors < 1 || startSector < endSector || startSector + sizeSectors - 1 > lastUsableSector) {
      throw new UserError(
        `${name}: partition ${number} ("${partition.name}", ${sizeSectors} sectors from ${startSector}) overlaps ` +
          'another one or leaves the usable part of the disk',
      );
    }
    endSector = startSector + sizeSectors;
  }
}
