import type { BlockSource } from '../block/block.ts';
import { printableName } from '../entry/name.ts';
import { viewOf } from '../structure/view.ts';
import { decodeEntries, type GptCopy, hasSignature, type NumberedPartition, readCopy } from './copy.ts';
import {
  MBR,
  MBR_RECORD,
  MBR_RECORD_COUNT,
  MBR_SIGNATURE,
  MBR_SIZE_LIMIT,
  MBR_TYPE_GPT_PROTECTIVE,
  MBR_TYPE_UNUSED,
  PRIMARY_HEADER_SECTOR,
  SECTOR_BYTES,
  SECTOR_SIZES,
} from './format.ts';

/** A fault of a table. The message is one line that does not name the disk. */
export interface GptProblem {
  readonly part: 'mbr' | 'primary' | 'backup' | 'partitions';
  readonly message: string;
}

/** A table as one of its copies describes it. The copy's checksums are correct. */
export interface GptTable {
  readonly sectorBytes: number;
  readonly diskSectors: number;
  readonly diskUuid: string;
  readonly entryCount: number;
  readonly partitions: readonly NumberedPartition[];
}

export interface GptInspection {
  readonly sectorBytes: number;
  /**
   * In this order: the MBR, the primary copy, the backup, both copies together, the partitions.
   * Empty for a table without a fault.
   */
  readonly problems: readonly GptProblem[];
  /** The copies with correct checksums. */
  readonly goodCopies: readonly ('primary' | 'backup')[];
  /** The table of the first good copy; `undefined` if no copy is good. */
  readonly table: GptTable | undefined;
}

export interface InspectOptions {
  /** The sector size. By default, it is detected by the position of a header's signature. */
  readonly sectorBytes?: number;
}

/**
 * Reads as much of a disk's partition table as possible, and lists all faults of the table.
 *
 * It never throws, whatever the disk contains.
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
      `${source.sizeBytes} bytes are not a disk: not whole sectors, or too few for a partition table`,
    );
  }
  if (diskSectors <= PRIMARY_HEADER_SECTOR + 1)
    return { sectorBytes, problems, goodCopies: [], table: undefined };
  const ofPrimary: GptProblem[] = [];
  const primary = examine(source, sectorBytes, PRIMARY_HEADER_SECTOR, 'primary', (part, message) => {
    ofPrimary.push({ part, message });
  });
  // If the disk was resized, MBR and primary copy still agree on the old size: this is reported as
  // one problem, not two.
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

/**
 * Finds the sector size: a header's signature is at the start of sector 1, or else at the start of
 * the last sector.
 */
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

/** Checks UEFI 2.10 section 5.2.3: the only record has type EE and covers the whole disk. */
function* mbrProblems(source: BlockSource, diskSectors: number): Generator<string> {
  const view = viewOf(source.read(0, MBR.sizeBytes));
  if (MBR.at.Signature.get(view) !== MBR_SIGNATURE) {
    yield 'no partition table: sector 0 does not end in 55 AA';
    return;
  }
  const records = Array.from({ length: MBR_RECORD_COUNT }, (_, index) => {
    const startBytes = MBR.at.PartitionRecord.offsetBytes + index * MBR_RECORD.sizeBytes;
    return {
      number: index + 1,
      type: MBR_RECORD.at.OSType.get(view, startBytes),
      startSector: MBR_RECORD.at.StartingLBA.get(view, startBytes),
      sizeSectors: MBR_RECORD.at.SizeInLBA.get(view, startBytes),
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
    yield `the MBR is a hybrid MBR: besides the protective partition it has ${list.join(', ')}`;
    return;
  }
  const { startSector, sizeSectors } = protective;
  if (startSector !== PRIMARY_HEADER_SECTOR) {
    yield `the protective partition of the MBR begins at sector ${startSector}, expected ${PRIMARY_HEADER_SECTOR}`;
  }
  if (sizeSectors !== Math.min(diskSectors - 1, MBR_SIZE_LIMIT) && sizeSectors !== MBR_SIZE_LIMIT) {
    yield `the protective partition of the MBR has ${sizeSectors} sectors, the disk has ${diskSectors - 1} after the MBR`;
  }
}

/** Reads a copy and checks the positions of its entries and usable sectors. */
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
      `${where}: entries in sectors ${entriesSector} to ${endSector - 1} contradict the usable sectors ` +
        `${firstUsableSector} to ${lastUsableSector}`,
    );
  }
  return copy;
}

/**
 * Reads the backup. The backup is in the last sector of the disk, and the primary copy names this
 * sector. If it names another one, the disk was resized.
 */
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
        `the disk was cut by ${saidSector - lastSector} sectors`,
    );
    return undefined;
  }
  if (saidSector < lastSector) {
    report(
      'backup',
      `primary GPT at sector ${PRIMARY_HEADER_SECTOR}: the sector of the other copy is ${saidSector}, expected ${lastSector}: ` +
        `the disk was enlarged by ${lastSector - saidSector} sectors (sgdisk -e moves the backup to its end)`,
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
