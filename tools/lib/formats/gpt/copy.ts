import { crc32 } from 'node:zlib';
import type { BlockSource } from '../block/block.ts';
import { NIL_UUID, uuidFromGuidBytes } from '../uuid/uuid.ts';
import {
  ENTRIES_LIMIT_BYTES,
  ENTRY,
  ENTRY_BYTES,
  entriesSectors,
  HEADER,
  HEADER_BYTES,
  HEADER_REVISION,
  HEADER_SIGNATURE,
  NAME_BYTES,
} from './format.ts';
import type { GptPartition } from './write.ts';

/** A partition as it stands in the table, with its number. */
export type NumberedPartition = Required<GptPartition> & { readonly number: number };

/** One of the two copies of a table, whose checksums are right. */
export interface GptCopy {
  readonly headerSector: number;
  /** Where it says that the other copy's header lies. */
  readonly alternateSector: number;
  readonly diskUuid: string;
  readonly firstUsableSector: number;
  readonly lastUsableSector: number;
  readonly entriesSector: number;
  readonly entriesSectors: number;
  readonly entryCount: number;
  readonly entryBytes: number;
  readonly entries: Buffer;
}

/** Reads the copy whose header lies at a sector, or says what is wrong with it. */
export function readCopy(
  source: BlockSource,
  sectorBytes: number,
  headerSector: number,
): GptCopy | { readonly problem: string } {
  const sector = Buffer.from(source.read(headerSector * sectorBytes, sectorBytes));
  const header = sector.subarray(0, HEADER_BYTES);
  const headerProblem = checkHeader(sector, headerSector);
  if (headerProblem !== undefined) return { problem: headerProblem };
  const number = (field: number): number => Number(header.readBigUInt64LE(field));
  const entryCount = header.readUInt32LE(HEADER.entryCount);
  const entryBytes = header.readUInt32LE(HEADER.entryBytes);
  // UEFI 2.10 table 5.5: "128 x 2^n".
  if (entryBytes < ENTRY_BYTES || !Number.isInteger(Math.log2(entryBytes / ENTRY_BYTES))) {
    return {
      problem: `the size of an entry is ${entryBytes}, expected ${ENTRY_BYTES} or a power of two more`,
    };
  }
  if (entryCount === 0 || entryCount * entryBytes > ENTRIES_LIMIT_BYTES) {
    return { problem: `the number of entries is ${entryCount}, of ${entryBytes} bytes each` };
  }
  const entriesSector = number(HEADER.entriesSector);
  const sectors = entriesSectors(entryCount, entryBytes, sectorBytes);
  const endBytes = (entriesSector + sectors) * sectorBytes;
  if (!Number.isSafeInteger(endBytes) || endBytes > source.sizeBytes || entriesSector < 1) {
    return { problem: `the sector of the entries is ${entriesSector}, which is not on the disk` };
  }
  const bytes = source.read(entriesSector * sectorBytes, entryCount * entryBytes);
  const entries = Buffer.from(bytes);
  const storedCrc = header.readUInt32LE(HEADER.entriesCrc);
  const entriesCrc = crc32(entries);
  if (storedCrc !== entriesCrc)
    return { problem: `entries CRC32 is ${hex(storedCrc)}, the bytes give ${hex(entriesCrc)}` };
  return {
    headerSector,
    alternateSector: number(HEADER.alternateSector),
    diskUuid: uuidFromGuidBytes(header.subarray(HEADER.diskGuid, HEADER.entriesSector)),
    firstUsableSector: number(HEADER.firstUsableSector),
    lastUsableSector: number(HEADER.lastUsableSector),
    entriesSector,
    entriesSectors: sectors,
    entryCount,
    entryBytes,
    entries,
  };
}

/** What is wrong with a header by itself. */
function checkHeader(sector: Buffer, headerSector: number): string | undefined {
  if (!hasSignature(sector)) return `no signature "${HEADER_SIGNATURE}"`;
  const revision = sector.readUInt32LE(HEADER.revision);
  if (revision !== HEADER_REVISION) return `the revision is ${revision}, expected ${HEADER_REVISION}`;
  const headerBytes = sector.readUInt32LE(HEADER.headerBytes);
  if (headerBytes < HEADER_BYTES || headerBytes > sector.length) {
    return `the header size is ${headerBytes}, expected ${HEADER_BYTES} to ${sector.length}`;
  }
  const storedCrc = sector.readUInt32LE(HEADER.headerCrc);
  const withoutCrc = Buffer.from(sector.subarray(0, headerBytes));
  withoutCrc.writeUInt32LE(0, HEADER.headerCrc);
  const headerCrc = crc32(withoutCrc);
  if (storedCrc !== headerCrc) return `header CRC32 is ${hex(storedCrc)}, the bytes give ${hex(headerCrc)}`;
  const mySector = sector.readBigUInt64LE(HEADER.mySector);
  return mySector === BigInt(headerSector)
    ? undefined
    : `its own sector is ${mySector}, expected ${headerSector}`;
}

export function hasSignature(bytes: Buffer): boolean {
  return bytes.toString('latin1', HEADER.signature, HEADER.revision) === HEADER_SIGNATURE;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

/** The entries in use. */
export function decodeEntries({ entries, entryCount, entryBytes }: GptCopy): NumberedPartition[] {
  const partitions: NumberedPartition[] = [];
  for (let index = 0; index < entryCount; index += 1) {
    const entry = entries.subarray(index * entryBytes, (index + 1) * entryBytes);
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
