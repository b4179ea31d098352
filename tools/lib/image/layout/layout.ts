/**
 * Reads `partitions.csv`: the partitions of a disk, one row each (docs/formats/layout.md).
 *
 * Starts and sizes are in sectors of 512 bytes, or have a binary unit.
 */
import { UserError } from '../../formats/error/user-error.ts';
import { isUuid, type Uuid } from '../../formats/uuid/uuid.ts';
import { readSize } from './size.ts';

export const SECTOR_BYTES = 512;

/**
 * Starts and sizes are multiples of 1 MiB, the common alignment of partitioning tools and flash
 * memory.
 */
export const ALIGNMENT_SECTORS = 2048;

/** After the last partition, one unit of alignment is left for the backup partition table. */
const BACKUP_TABLE_SECTORS = ALIGNMENT_SECTORS;

/** UEFI 2.10 table 5.6: a name has 72 bytes of UTF-16. */
const NAME_LIMIT = 36;
const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/** UEFI 2.10 section 5.3.1: the table that every tool writes has room for 128 partitions. */
const PARTITION_LIMIT = 128;

const COLUMNS = 'name, start, size, type, partition UUID, comment';

/** The letters of the type column, each with the kind of partition and its type GUID. */
export const PARTITION_TYPES = {
  U: { title: 'EFI system', guid: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b' },
  L: { title: 'Linux data', guid: '0fc63daf-8483-4772-8e79-3d69d8477de4' },
  M: { title: 'Microsoft basic data', guid: 'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7' },
} as const;

export type PartitionType = keyof typeof PARTITION_TYPES;

export interface LayoutPartition {
  readonly name: string;
  readonly startSector: number;
  readonly sizeSectors: number;
  readonly type: PartitionType;
  readonly uuid: Uuid;
  readonly comment: string;
  /** The line of the row in the file, counted from 1. */
  readonly line: number;
}

export interface Layout {
  /** The name of the file, for errors. */
  readonly file: string;
  /** In the order of the file: the first row is partition number 1. */
  readonly partitions: readonly LayoutPartition[];
}

/**
 * Parses and checks a layout.
 *
 * @param file the name of the file, for errors
 * @throws UserError with file, line, rule and remedy for each rule of docs/formats/layout.md
 */
export function parseLayout(text: string, file: string): Layout {
  const partitions: LayoutPartition[] = [];
  for (const [index, row] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const content = row.replace(/#.*$/, '').trim();
    if (content !== '') partitions.push(parseRow(content, file, index + 1));
  }
  if (partitions.length === 0) {
    throw new UserError(`${file} has no partition; write one row per partition: ${COLUMNS}`);
  }
  if (partitions.length > PARTITION_LIMIT) {
    throw new UserError(
      `${file}: ${partitions.length} partitions: a partition table holds at most ${PARTITION_LIMIT}`,
    );
  }
  checkDuplicates(partitions, file);
  checkOverlaps(partitions, file);
  return { file, partitions };
}

function parseRow(content: string, file: string, line: number): LayoutPartition {
  const [name = '', start = '', size = '', type = '', uuid = '', ...comment] = content
    .split(',')
    .map((field) => field.trim());
  const fail = (message: string): never => {
    throw new UserError(`${file}:${line}: ${message}`);
  };
  if (uuid === '') return fail(`too few columns: write ${COLUMNS} (the comment is optional)`);
  if (!NAME_PATTERN.test(name) || name.length > NAME_LIMIT) {
    return fail(`"${name}" is not a partition name: use up to ${NAME_LIMIT} letters, digits, _ . and -`);
  }
  if (!isPartitionType(type)) {
    return fail(`partition "${name}": unknown type "${type}": use ${listTypes()}`);
  }
  if (!isUuid(uuid)) {
    return fail(`partition "${name}": "${uuid}" is not a UUID: write 32 hexadecimal digits as 8-4-4-4-12`);
  }
  const sectorsOf = (column: string, value: string): number => {
    const sizeBytes = readSize(value, SECTOR_BYTES);
    if (typeof sizeBytes !== 'number') return fail(`partition "${name}": ${column} ${sizeBytes.problem}`);
    return alignedSectors(sizeBytes, value, (rule) => fail(`partition "${name}": ${column} ${rule}`));
  };
  const startSector = sectorsOf('start', start);
  const sizeSectors = sectorsOf('size', size);
  if (startSector < ALIGNMENT_SECTORS) {
    return fail(
      `partition "${name}": start ${start} is inside the partition table: start at sector ${ALIGNMENT_SECTORS} (1M) or later`,
    );
  }
  if (sizeSectors === 0)
    return fail(`partition "${name}": the size is 0: give it ${ALIGNMENT_SECTORS} sectors (1M) or more`);
  return {
    name,
    startSector,
    sizeSectors,
    type,
    uuid: uuid.toLowerCase(),
    comment: comment.join(', '),
    line,
  };
}

function alignedSectors(sizeBytes: number, written: string, fail: (rule: string) => never): number {
  const unitBytes = ALIGNMENT_SECTORS * SECTOR_BYTES;
  if (sizeBytes % unitBytes === 0) return sizeBytes / SECTOR_BYTES;
  const below = Math.floor(sizeBytes / unitBytes) * ALIGNMENT_SECTORS;
  const choices = [below, below + ALIGNMENT_SECTORS].filter((sectors) => sectors > 0);
  return fail(
    `${written} is not a multiple of ${ALIGNMENT_SECTORS} sectors (1 MiB): use ${choices.join(' or ')}`,
  );
}

function isPartitionType(letter: string): letter is PartitionType {
  return Object.hasOwn(PARTITION_TYPES, letter);
}

function listTypes(): string {
  return Object.entries(PARTITION_TYPES)
    .map(([letter, { title }]) => `${letter} (${title})`)
    .join(', ');
}

function checkDuplicates(partitions: readonly LayoutPartition[], file: string): void {
  const seenNames = new Map<string, LayoutPartition>();
  const seenUuids = new Map<string, LayoutPartition>();
  for (const partition of partitions) {
    const { name, uuid, line } = partition;
    const sameName = seenNames.get(name);
    if (sameName !== undefined) {
      throw new UserError(
        `${file}:${line}: the name "${name}" is already used in line ${sameName.line}: give each partition its own`,
      );
    }
    const sameUuid = seenUuids.get(uuid);
    if (sameUuid !== undefined) {
      throw new UserError(
        `${file}:${line}: partition "${name}" has the UUID of "${sameUuid.name}" in line ${sameUuid.line} ` +
          `(${uuid}): give each partition its own`,
      );
    }
    seenNames.set(name, partition);
    seenUuids.set(uuid, partition);
  }
}

function endSector(partition: LayoutPartition): number {
  return partition.startSector + partition.sizeSectors;
}

function checkOverlaps(partitions: readonly LayoutPartition[], file: string): void {
  const byStart = partitions.toSorted((left, right) => left.startSector - right.startSector);
  for (const [index, upper] of byStart.entries()) {
    const lower = byStart[index - 1];
    if (lower === undefined || endSector(lower) <= upper.startSector) continue;
    throw new UserError(
      `${file}:${upper.line}: partition "${upper.name}" begins at sector ${upper.startSector}, within "${lower.name}" ` +
        `of line ${lower.line}, which ends before ${endSector(lower)}: start at ${endSector(lower)} or later`,
    );
  }
}

/**
 * Returns the size of the smallest disk for the layout: up to the end of the last partition, and 1
 * MiB for the backup table.
 */
export function minimumDiskSectors(layout: Layout): number {
  return Math.max(...layout.partitions.map(endSector)) + BACKUP_TABLE_SECTORS;
}

/**
 * Finds the partition called `name`.
 *
 * @throws UserError that lists the known names if there is no such partition
 */
export function partitionNamed(layout: Layout, name: string): LayoutPartition {
  const found = layout.partitions.find((partition) => partition.name === name);
  if (found === undefined) {
    const names = layout.partitions.map((partition) => partition.name).join(', ');
    throw new UserError(`unknown partition "${name}": ${layout.file} has ${names}`);
  }
  return found;
}

/** An image that will be placed in a partition. */
export interface PlacedImage {
  /** The file or label of the image, for errors. */
  readonly source: string;
  readonly sizeBytes: number;
}

/**
 * Checks that an image fits in `partition`.
 *
 * @throws UserError that says by how many bytes it is too large
 */
export function checkImageFits(layout: Layout, partition: LayoutPartition, image: PlacedImage): void {
  const partitionBytes = partition.sizeSectors * SECTOR_BYTES;
  const excessBytes = image.sizeBytes - partitionBytes;
  if (excessBytes <= 0) return;
  throw new UserError(
    `${image.source} is ${excessBytes} bytes too large for partition "${partition.name}" ` +
      `(${image.sizeBytes} bytes into ${partitionBytes}): make the image smaller, or the partition larger in ` +
      `${layout.file}:${partition.line}`,
  );
}

/**
 * Assigns images to partitions by an explicit map, and returns them in the order of the disk.
 *
 * @throws UserError if the layout has no partition of that name, or if an image does not fit
 */
export function placeImages<Image extends PlacedImage>(
  layout: Layout,
  images: ReadonlyMap<string, Image>,
): { readonly partition: LayoutPartition; readonly image: Image }[] {
  const placed = [...images].map(([name, image]) => {
    const partition = partitionNamed(layout, name);
    checkImageFits(layout, partition, image);
    return { partition, image };
  });
  return placed.toSorted((left, right) => left.partition.startSector - right.partition.startSector);
}
