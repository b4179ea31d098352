import { crc32 } from 'node:zlib';
import type { BlockSource } from '../block/block.ts';
import { hex32 } from '../structure/hex.ts';
import { viewOf } from '../structure/view.ts';
import { NIL_UUID, uuidFromGuidBytes } from '../uuid/uuid.ts';
import {
  ENTRIES_LIMIT_BYTES,
  ENTRY,
  ENTRY_BYTES,
  entriesSectors,
  HEADER,
  HEADER_REVISION,
  HEADER_SIGNATURE,
} from './format.ts';
import type { GptPartition } from './write.ts';

/** A partition as the table describes it, with its number. */
export type NumberedPartition = Required<GptPartition> & { readonly number: number };

/** One of the two copies of a table, with correct checksums. */
export interface GptCopy {
  readonly headerSector: number;
  /** The sector of the other copy's header, according to this copy. */
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

/** Reads the copy whose header is in `headerSector`. Returns the problem of a damaged copy. */
export function readCopy(
  source: BlockSource,
  sectorBytes: number,
  headerSector: number,
): GptCopy | { readonly problem: string } {
  const sector = source.read(headerSector * sectorBytes, sectorBytes);
  const headerProblem = checkHeader(sector, headerSector);
  if (headerProblem !== undefined) return { problem: headerProblem };
  const header = viewOf(sector);
  const entryCount = HEADER.at.NumberOfPartitionEntries.get(header);
  const entryBytes = HEADER.at.SizeOfPartitionEntry.get(header);
  // UEFI 2.10 table 5.5: "128 x 2^n".
  if (entryBytes < ENTRY_BYTES || !Number.isInteger(Math.log2(entryBytes / ENTRY_BYTES))) {
    return {
      problem: `the size of an entry is ${entryBytes}, expected ${ENTRY_BYTES} times a power of two`,
    };
  }
  if (entryCount === 0 || entryCount * entryBytes > ENTRIES_LIMIT_BYTES) {
    return { problem: `the number of entries is ${entryCount}, of ${entryBytes} bytes each` };
  }
  const entriesSector = HEADER.at.PartitionEntryLBA.get(header);
  const sectors = entriesSectors(entryCount, entryBytes, sectorBytes);
  const endBytes = (entriesSector + sectors) * sectorBytes;
  if (!Number.isSafeInteger(endBytes) || endBytes > source.sizeBytes || entriesSector < 1) {
    return { problem: `the sector of the entries is ${entriesSector}, which is not on the disk` };
  }
  const bytes = source.read(entriesSector * sectorBytes, entryCount * entryBytes);
  const entries = Buffer.from(bytes);
  const storedCrc = HEADER.at.PartitionEntryArrayCRC32.get(header);
  const entriesCrc = crc32(entries);
  if (storedCrc !== entriesCrc)
    return { problem: `entries CRC32 is ${hex32(storedCrc)}, the bytes give ${hex32(entriesCrc)}` };
  return {
    headerSector,
    alternateSector: HEADER.at.AlternateLBA.get(header),
    diskUuid: uuidFromGuidBytes(HEADER.at.DiskGUID.bytes(sector)),
    firstUsableSector: HEADER.at.FirstUsableLBA.get(header),
    lastUsableSector: HEADER.at.LastUsableLBA.get(header),
    entriesSector,
    entriesSectors: sectors,
    entryCount,
    entryBytes,
    entries,
  };
}

/** Returns the problem of a header, if it has one. Does not check the entries that it refers to. */
function checkHeader(sector: Uint8Array, headerSector: number): string | undefined {
  if (!hasSignature(sector)) return `no signature "${HEADER_SIGNATURE.toString('latin1')}"`;
  const header = viewOf(sector);
  const revision = HEADER.at.Revision.get(header);
  if (revision !== HEADER_REVISION) return `the revision is ${revision}, expected ${HEADER_REVISION}`;
  const headerBytes = HEADER.at.HeaderSize.get(header);
  if (headerBytes < HEADER.sizeBytes || headerBytes > sector.length) {
    return `the header size is ${headerBytes}, expected ${HEADER.sizeBytes} to ${sector.length}`;
  }
  const storedCrc = HEADER.at.HeaderCRC32.get(header);
  const withoutCrc = Uint8Array.from(sector.subarray(0, headerBytes));
  HEADER.at.HeaderCRC32.set(viewOf(withoutCrc), 0);
  const headerCrc = crc32(withoutCrc);
  if (storedCrc !== headerCrc)
    return `header CRC32 is ${hex32(storedCrc)}, the bytes give ${hex32(headerCrc)}`;
  const mySector = HEADER.at.MyLBA.getBig(header);
  return mySector === BigInt(headerSector)
    ? undefined
    : `its own sector is ${mySector}, expected ${headerSector}`;
}

/** Reports whether a sector begins with the signature of a GPT header. */
export function hasSignature(sector: Uint8Array): boolean {
  return HEADER_SIGNATURE.equals(HEADER.at.Signature.bytes(sector));
}

/** Decodes the entries in use. */
export function decodeEntries({ entries, entryCount, entryBytes }: GptCopy): NumberedPartition[] {
  const partitions: NumberedPartition[] = [];
  for (let index = 0; index < entryCount; index += 1) {
    const entry = entries.subarray(index * entryBytes, (index + 1) * entryBytes);
    const typeUuid = uuidFromGuidBytes(ENTRY.at.PartitionTypeGUID.bytes(entry));
    if (typeUuid === NIL_UUID) continue;
    const fields = viewOf(entry);
    const startSector = ENTRY.at.StartingLBA.get(fields);
    const nameText = Buffer.from(ENTRY.at.PartitionName.bytes(entry)).toString('utf16le');
    partitions.push({
      number: index + 1,
      name: nameText.split('\0', 1)[0] ?? '',
      startSector,
      sizeSectors: ENTRY.at.EndingLBA.get(fields) - startSector + 1,
      typeUuid,
      uuid: uuidFromGuidBytes(ENTRY.at.UniquePartitionGUID.bytes(entry)),
      attributes: ENTRY.at.Attributes.getBig(fields),
    });
  }
  return partitions;
}
