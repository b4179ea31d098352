import type { BlockSource } from '../block/block.ts';
import { printableName } from '../entry/name.ts';
import { decodeEntries, type GptCopy, hasSignature, type NumberedPartition, readCopy } from './copy.ts';
import {
  MBR,
  MBR_BYTES,
  MBR_RECORD,
  MBR_RECORD_BYTES,
  MBR_RECORD_COUNT,
  MBR_SIGNATURE,
  MBR_SIZE_LIMIT,
  MBR_TYPE_GPT_PROTECTIVE,
  MBR_TYPE_UNUSED,
  PRIMARY_HEADER_SECTOR,
  SECTOR_BYTES,
  SECTOR_SIZES,
} from './format.ts';

/** One thing that is wrong with a table, as a line for people without the disk's name. */
export interface GptProblem {
  readonly part: 'mbr' | 'primary' | 'backup' | 'partitions';
  readonly message: string;
}

/** A table as a copy of it says, whose checksums are right. */
export interface GptTable {
  readonly sectorBytes: number;
  readonly diskSectors: number;
  readonly diskUuid: string;
  readonly entryCount: number;
  readonly partitions: readonly NumberedPartition[];
}

export interface GptInspection {
  readonly sectorBytes: number;
  /** In the order: the MBR, the primary copy, the backup, both together, the partitions. None for a table that is whole. */
  readonly problems: readonly GptProblem[];
  /** The copies whose checksums are right. */
  readonly goodCopies: readonly ('primary' | 'backup')[];
  /** What the first good copy says; nothing where there is none. */
  readonly table: GptTable | undefined;
}

export interface InspectOptions {
  /** Found by the header's signature where it is not given. */
  readonly sectorBytes?: number;
}

/**
 * Reads a disk's partition table as far as it can be read, and lists all that is wrong with it.
 *
 * Nothing is thrown for what stands on the disk.
 */
export function inspectGpt(source: BlockSource, options: InspectOptions = {}): GptInspection {
  const sectorBytes = options.sectorBytes ?? findSectorBytes(source);
  const diskSectors = Math.floor(source.sizeBytes / sectorBytes);
  const problems: GptProblem[] = [];
  const report = (part: GptProblem['part'], message: string): void => {
    problems.push({ part, message });
  };
  if (source.sizeBytes % sectorBytes !== 0 || diskSectors <= PRIMARY_HEADER_SECTOR + 1) {
    report(
      'mbr',
      `${source.sizeBytes} bytes are no disk: not whole sectors, or too few for a partition table`,
    );
  }
  if (diskSectors <= PRIMARY_HEADER_SECTOR + 1)
    return { sectorBytes, problems, goodCopies: [], table: undefined };
  const ofPrimary: GptProblem[] = [];
  const primary = examine(source, sectorBytes, PRIMARY_HEADER_SECTOR, 'primary', (part, message) => {
    ofPrimary.push({ part, message });
  });
  // Of a disk that has another size than it had, MBR and primary copy speak alike: that is one problem.
  const saidSectors = primary === undefined ? diskSectors : primary.alternateSector + 1;
  for (const message of mbrProblems(source, saidSectors)) report('mbr', message);
  problems.push(...ofPrimary);
  const backup = examineBackup(source, sectorBytes, diskSectors, primary, report);
  if (primary !== undefined && backup !== undefined && differ(primary, backup)) {
    report('backup', 'the primary and the backup GPT differ: the table was changed at one end only');
  }
  const copy = primary ?? backup;
  if (copy === undefined) return { sectorBytes, problems, goodCopies: [], table: undefined };
  const partitions = decodeEntries(copy);
  for (const message of partitionProblems(partitions, copy, diskSectors)) report('partitions', message);
  const { diskUuid, entryCount } = copy;
  return {
    sectorBytes,
    problems,
    goodCopies: [
      ...(primary === undefined ? [] : ['primary' as const]),
      ...(backup === undefined ? [] : ['backup' as const]),
    ],
    table: { sectorBytes, diskSectors, diskUuid, entryCount, partitions },
  };
}

type Report = (part: GptProblem['part'], message: string) => void;

/** Where a header's signature stands, at the begin or else at the end, there is a sector. */
function findSectorBytes(source: BlockSource): number {
  const isHeader = (offsetBytes: number): boolean =>
    offsetBytes >= SECTOR_BYTES &&
    offsetBytes + SECTOR_BYTES <= source.sizeBytes &&
    hasSignature(Buffer.from(source.read(offsetBytes, SECTOR_BYTES)));
  return (
    SECTOR_SIZES.find(isHeader) ??
    SECTOR_SIZES.find((bytes) => source.sizeBytes % bytes === 0 && isHeader(source.sizeBytes - bytes)) ??
    SECTOR_BYTES
  );
}

/** UEFI 2.10 section 5.2.3: one record of type EE over the whole disk, and nothing else. */
function* mbrProblems(source: BlockSource, diskSectors: number): Generator<string> {
  const bytes = Buffer.from(source.read(0, MBR_BYTES));
  if (bytes.readUInt16LE(MBR.signature) !== MBR_SIGNATURE) {
    yield 'no partition table: sector 0 does not end in 55 AA';
    return;
  }
  const records = Array.from({ length: MBR_RECORD_COUNT }, (_, index) => {
    const record = bytes.subarray(MBR.records + index * MBR_RECORD_BYTES);
    return {
      number: index + 1,
      type: record.readUInt8(MBR_RECORD.type),
      startSector: record.readUInt32LE(MBR_RECORD.startSector),
      sizeSectors: record.readUInt32LE(MBR_RECORD.sizeSectors),
    };
  }).filter(({ type }) => type !== MBR_TYPE_UNUSED);
  const protective = records.find(({ type }) => type === MBR_TYPE_GPT_PROTECTIVE);
  if (protective === undefined) {
    yield 'the MBR has no protective partition of type 0xEE: not a GPT disk';
    return;
  }
  const others = records.filter((record) => record !== protective);
  if (others.length > 0) {
    const list = others.map(
      ({ number, type, startSector, sizeSectors }) =>
        `${number} (type 0x${type.toString(16).padStart(2, '0')}, ${sizeSectors} sectors from ${startSector})`,
    );
    yield `the MBR is a hybrid one: beside the protective partition it has ${list.join(', ')}`;
    return;
  }
  const { startSector, sizeSectors } = protective;
  if (startSector !== PRIMARY_HEADER_SECTOR) {
    yield `the protective partition of the MBR begins at sector ${startSector}, expected ${PRIMARY_HEADER_SECTOR}`;
  }
  if (sizeSectors !== Math.min(diskSectors - 1, MBR_SIZE_LIMIT) && sizeSectors !== MBR_SIZE_LIMIT) {
    yield `the protective partition of the MBR has ${sizeSectors} sectors, the disk has ${diskSectors - 1} behind it`;
  }
}

/** Reads a copy and checks what it says about its own place. */
function examine(
  source: BlockSource,
  sectorBytes: number,
  headerSector: number,
  part: 'primary' | 'backup',
  report: Report,
): GptCopy | undefined {
  const copy = readCopy(source, sectorBytes, headerSector);
  const where = `${part} GPT at sector ${headerSector}`;
  if ('problem' in copy) {
    report(part, `${where}: ${copy.problem}`);
    return undefined;
  }
  const { entriesSector, firstUsableSector, lastUsableSector } = copy;
  const endSector = entriesSector + copy.entriesSectors;
  const isInPlace =
    part === 'primary'
      ? entriesSector > headerSector && endSector <= firstUsableSector
      : entriesSector > lastUsableSector && endSector <= headerSector;
  if (!isInPlace || firstUsableSector > lastUsableSector) {
    report(
      part,
      `${where}: entries in sectors ${entriesSector} to ${endSector - 1} do not go with usable sectors ` +
        `${firstUsableSector} to ${lastUsableSector}`,
    );
  }
  return copy;
}

/** The backup lies in the disk's last sector, and where the primary copy says: if these differ, the disk has another size than it had. */
function examineBackup(
  source: BlockSource,
  sectorBytes: number,
  diskSectors: number,
  primary: GptCopy | undefined,
  report: Report,
): GptCopy | undefined {
  const lastSector = diskSectors - 1;
  const saidSector = primary?.alternateSector ?? lastSector;
  if (saidSector > lastSector) {
    report(
      'backup',
      `primary GPT at sector ${PRIMARY_HEADER_SECTOR}: the sector of the other copy is ${saidSector}, expected ${lastSector}: ` +
        `the disk was cut short by ${saidSector - lastSector} sectors`,
    );
    return undefined;
  }
  if (saidSector < lastSector) {
    report(
      'backup',
      `primary GPT at sector ${PRIMARY_HEADER_SECTOR}: the sector of the other copy is ${saidSector}, expected ${lastSector}: ` +
        `the disk was made longer by ${lastSector - saidSector} sectors (sgdisk -e moves the backup to its end)`,
    );
  }
  if (saidSector <= PRIMARY_HEADER_SECTOR) return undefined;
  const backup = examine(source, sectorBytes, saidSector, 'backup', report);
  if (backup !== undefined && backup.alternateSector !== PRIMARY_HEADER_SECTOR) {
    report(
      'backup',
      `backup GPT at sector ${saidSector}: the sector of the other copy is ${backup.alternateSector}, expected ${PRIMARY_HEADER_SECTOR}`,
    );
  }
  return backup;
}

function differ(primary: GptCopy, backup: GptCopy): boolean {
  return (
    primary.diskUuid !== backup.diskUuid ||
    primary.firstUsableSector !== backup.firstUsableSector ||
    primary.lastUsableSector !== backup.lastUsableSector ||
    primary.entryCount !== backup.entryCount ||
    primary.entryBytes !== backup.entryBytes ||
    !primary.entries.equals(backup.entries)
  );
}

function* partitionProblems(
  partitions: readonly NumberedPartition[],
  { firstUsableSector, lastUsableSector }: GptCopy,
  diskSectors: number,
): Generator<string> {
  if (lastUsableSector >= diskSectors)
    yield `the last usable sector is ${lastUsableSector}, and the disk ends at ${diskSectors - 1}`;
  const numbers = new Map<string, number>();
  let previous: NumberedPartition | undefined;
  for (const partition of partitions.toSorted((left, right) => left.startSector - right.startSector)) {
    const { number, startSector, sizeSectors, uuid } = partition;
    const title = `partition ${number} ("${printableName(partition.name)}", ${sizeSectors} sectors from ${startSector})`;
    if (sizeSectors < 1) yield `${title} ends before it begins`;
    else if (startSector < firstUsableSector || startSector + sizeSectors - 1 > lastUsableSector) {
      yield `${title} leaves the usable sectors ${firstUsableSector} to ${lastUsableSector}`;
    }
    if (previous !== undefined && startSector < previous.startSector + previous.sizeSectors) {
      yield `${title} overlaps partition ${previous.number}`;
    }
    const other = numbers.get(uuid);
    if (other !== undefined) yield `${title} has the same UUID as partition ${other}: ${uuid}`;
    numbers.set(uuid, number);
    if (previous === undefined || startSector + sizeSectors > previous.startSector + previous.sizeSectors) {
      previous = partition;
    }
  }
}
