import type { BlockSink } from '../block/block.ts';
import type { Entry } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';
import { encodeBootSector, encodeInfoSector, NO_LABEL } from './boot.ts';
import { type DirectoryRecord, encodeRecords, plainRecord, slotCount } from './directory.ts';
import {
  ATTRIBUTE,
  BACKUP_BOOT_SECTOR,
  DIRECTORY_SLOT_LIMIT,
  FAT_COUNT,
  type FatType,
  FIRST_CLUSTER,
  INFO_SECTOR,
  SHORT_NAME_BYTES,
  SLOT_BYTES,
} from './format.ts';
import { type FatGeometry, findGeometry, planGeometry, sizeBytesFor } from './geometry.ts';
import { type StoredName, storeNames } from './names.ts';
import { type ClusterRun, encodeTable } from './table.ts';
import { type FatTime, fatTime } from './time.ts';
import { buildTree, type FatDirectory, type FatFile, type FatNode } from './tree.ts';

export interface FatOptions {
  /** The size of the volume: whole sectors. */
  readonly sizeBytes: number;
  /** 512 by default; 4096 for a disk with such sectors. */
  readonly sectorBytes?: number;
  /** By default that of mkfs.fat: FAT32 from 512 MiB on, else FAT16 where there are clusters enough, else FAT12. */
  readonly type?: FatType;
  /** A power of two from the size of a sector to 32768; by default that of mkfs.fat. */
  readonly clusterBytes?: number;
  /** The serial number, 32 bits. */
  readonly volumeId: number;
  /** Up to eleven characters in upper case; the empty string for none. */
  readonly label: string;
  /** The partition's first sector on its disk; 0 by default. */
  readonly hiddenSectors?: number;
  /** Every time stamp, in seconds since 1970; before 1980 it is 1980-01-01. 0 by default. */
  readonly timeSeconds?: number;
}

/** What was written. */
export interface FatSummary {
  readonly type: FatType;
  readonly clusterBytes: number;
  readonly clusterCount: number;
  readonly freeClusterCount: number;
}

/** The bytes of the file at `path`, in pieces. */
export type FileContent = (path: string) => Iterable<Uint8Array>;

/** "Volume label" keeps to the characters of short names, and spaces. */
const LABEL_PATTERN = /^[A-Z0-9$%'\-_@~`!(){}^#&][A-Z0-9$%'\-_@~`!(){}^#& ]{0,10}$/;

/**
 * Writes a whole volume.
 *
 * The bytes depend on the arguments alone: directories are sorted by name, all directories come first, then all
 * files in the order of their paths, each without a gap. Owners, modes and extended attributes have no place in FAT.
 *
 * What the sink is never given has to read as zeros: the free part of the tables, free clusters, the rest of a file's last cluster, and
 * whole clusters of zeros within files. Everything else about the volume is written in whole sectors.
 *
 * @throws UserError for what FAT cannot hold, for a volume that is too small, and for content that is not as
 *   long as its entry says
 */
export function writeFat(
  sink: BlockSink,
  entries: readonly Entry[],
  content: FileContent,
  options: FatOptions,
): FatSummary {
  checkOptions(options);
  const geometry = planGeometry(options);
  const root = buildTree(entries);
  const plan = planVolume(root, geometry, options.label);
  if (plan.usedClusterCount > geometry.clusterCount)
    throw new UserError(tooSmall(root, geometry, plan, options));
  const time = fatTime(options.timeSeconds ?? 0);
  writeTables(sink, geometry, plan.runs);
  for (const directory of plan.directories)
    writeDirectory(sink, geometry, plan, directory, options.label, time);
  for (const file of plan.files) writeFile(sink, geometry, plan, file, content);
  // The boot sector comes last: a volume without one is never taken for a whole one.
  const freeClusterCount = geometry.clusterCount - plan.usedClusterCount;
  writeBootSectors(sink, geometry, options, freeClusterCount);
  return {
    type: geometry.type,
    clusterBytes: clusterBytesOf(geometry),
    clusterCount: geometry.clusterCount,
    freeClusterCount,
  };
}

function checkOptions(options: FatOptions): void {
  const { label, volumeId, hiddenSectors = 0 } = options;
  if (label !== '' && (!LABEL_PATTERN.test(label) || label.endsWith(' ') || label === NO_LABEL)) {
    throw new UserError(
      `FAT: the volume label "${label}": use up to ${SHORT_NAME_BYTES} upper-case letters, digits, spaces, _ and -`,
    );
  }
  for (const [name, value] of [
    ['the volume ID', volumeId],
    ['the number of hidden sectors', hiddenSectors],
  ] as const) {
    if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
      throw new UserError(`FAT: ${name} ${value} is not an integer of 32 bits`);
    }
  }
}

function clusterBytesOf({ clusterSectors, sectorBytes }: FatGeometry): number {
  return clusterSectors * sectorBytes;
}

/** Where everything goes. */
interface VolumePlan {
  readonly directories: readonly FatDirectory[];
  readonly files: readonly FatFile[];
  readonly names: ReadonlyMap<FatDirectory, readonly StoredName[]>;
  /** Empty files, and the fixed root directory, have a run of no clusters from cluster 0. */
  readonly runOf: ReadonlyMap<FatNode, ClusterRun>;
  /** All of them in the order of the clusters. */
  readonly runs: readonly ClusterRun[];
  readonly usedClusterCount: number;
}

/** Gives every directory and file its clusters, whether or not the volume has so many. */
function planVolume(root: FatDirectory, geometry: FatGeometry, label: string): VolumePlan {
  const { directories, files } = walk(root);
  const clusterBytes = clusterBytesOf(geometry);
  const names = new Map<FatDirectory, readonly StoredName[]>();
  const runOf = new Map<FatNode, ClusterRun>();
  const runs: ClusterRun[] = [];
  let nextCluster = FIRST_CLUSTER;
  const allocate = (node: FatNode, sizeBytes: number): void => {
    const clusterCount = Math.ceil(sizeBytes / clusterBytes);
    const run = { firstCluster: clusterCount === 0 ? 0 : nextCluster, clusterCount };
    runOf.set(node, run);
    runs.push(run);
    nextCluster += clusterCount;
  };
  for (const directory of directories) {
    const stored = storeNames(directory.children.map((child) => child.name));
    names.set(directory, stored);
    const slots = directorySlots(directory, stored, label);
    checkSlots(directory, slots, geometry);
    const isFixedRoot = directory === root && geometry.type !== 'fat32';
    allocate(directory, isFixedRoot ? 0 : Math.max(1, slots) * SLOT_BYTES);
  }
  for (const file of files) allocate(file, file.sizeBytes);
  return { directories, files, names, runOf, runs, usedClusterCount: nextCluster - FIRST_CLUSTER };
}

function walk(root: FatDirectory): { readonly directories: FatDirectory[]; readonly files: FatFile[] } {
  const directories: FatDirectory[] = [root];
  const files: FatFile[] = [];
  for (const directory of directories) {
    for (const child of directory.children) {
      if (child.type === 'directory') directories.push(child);
      else files.push(child);
    }
  }
  return { directories, files };
}

/** The slots in use: the root has the label, every other directory `.` and `..`. */
function directorySlots(directory: FatDirectory, stored: readonly StoredName[], label: string): number {
  const own = directory.parent !== undefined ? 2 : label === '' ? 0 : 1;
  return stored.reduce((sum, name) => sum + slotCount(name), own);
}

function checkSlots(directory: FatDirectory, slots: number, geometry: FatGeometry): void {
  if (directory.parent === undefined && geometry.type !== 'fat32' && slots > geometry.rootEntryCount) {
    throw new UserError(
      `FAT: the root directory needs ${slots} slots (long names take several), and ${geometry.type.toUpperCase()} ` +
        `has ${geometry.rootEntryCount}: move files into directories, or use fat32`,
    );
  }
  if (slots > DIRECTORY_SLOT_LIMIT) {
    throw new UserError(
      `FAT: "${directory.path}" needs ${slots} slots (long names take several), and a directory on FAT has ` +
        `${DIRECTORY_SLOT_LIMIT} at most: spread its files over several directories`,
    );
  }
}

function tooSmall(root: FatDirectory, geometry: FatGeometry, plan: VolumePlan, options: FatOptions): string {
  const clusterBytes = clusterBytesOf(geometry);
  const need =
    `the files need ${plan.usedClusterCount} clusters of ${clusterBytes} bytes, ` +
    `${options.sizeBytes} bytes hold ${geometry.clusterCount}`;
  const enoughBytes = fittingSizeBytes(root, geometry, plan, options);
  return enoughBytes === undefined
    ? `FAT: the volume is ${(plan.usedClusterCount - geometry.clusterCount) * clusterBytes} bytes too small: ${need}, and ` +
        'the type and cluster size chosen do not go with a larger one: choose others, or put less into it'
    : `FAT: the volume is ${enoughBytes - options.sizeBytes} bytes too small: ${need}; ` +
        'make it larger, or put less into it';
}

/**
 * A size that is enough, if there is one: where a larger volume gets larger clusters, the files need more of it, and the
 * options may not go with it at all.
 */
function fittingSizeBytes(
  root: FatDirectory,
  geometry: FatGeometry,
  plan: VolumePlan,
  options: FatOptions,
): number | undefined {
  const { type, sectorBytes } = geometry;
  const sizeBytes = sizeBytesFor(type, clusterBytesOf(geometry), plan.usedClusterCount, sectorBytes);
  const larger = findGeometry({ ...options, sizeBytes });
  if (larger === undefined) return undefined;
  const largerPlan = planVolume(root, larger, options.label);
  if (largerPlan.usedClusterCount <= larger.clusterCount) return sizeBytes;
  return fittingSizeBytes(root, larger, largerPlan, { ...options, sizeBytes });
}

function writeTables(sink: BlockSink, geometry: FatGeometry, runs: readonly ClusterRun[]): void {
  for (let copy = 0; copy < FAT_COUNT; copy += 1) {
    let offsetBytes = (geometry.reservedSectors + copy * geometry.fatSectors) * geometry.sectorBytes;
    for (const piece of encodeTable(geometry.type, runs, geometry.sectorBytes)) {
      sink.write(offsetBytes, piece);
      offsetBytes += piece.length;
    }
  }
}

function clusterOffset(geometry: FatGeometry, cluster: number): number {
  return (
    geometry.dataStartSector * geometry.sectorBytes + (cluster - FIRST_CLUSTER) * clusterBytesOf(geometry)
  );
}

function runOf(plan: VolumePlan, node: FatNode): ClusterRun {
  const run = plan.runOf.get(node);
  if (run === undefined) throw new Error(`no clusters were planned for "${node.path}"`);
  return run;
}

function writeDirectory(
  sink: BlockSink,
  geometry: FatGeometry,
  plan: VolumePlan,
  directory: FatDirectory,
  label: string,
  time: FatTime,
): void {
  const own = runOf(plan, directory).firstCluster;
  const records: DirectoryRecord[] = [];
  if (directory.parent !== undefined) {
    // The root is 0 as a parent, even in FAT32, where it has a cluster.
    const isRoot = directory.parent.parent === undefined;
    records.push(plainRecord('.', ATTRIBUTE.directory, own));
    records.push(
      plainRecord('..', ATTRIBUTE.directory, isRoot ? 0 : runOf(plan, directory.parent).firstCluster),
    );
  } else if (label !== '') {
    records.push(plainRecord(label, ATTRIBUTE.volumeId, 0));
  }
  for (const [index, stored] of (plan.names.get(directory) ?? []).entries()) {
    const child = directory.children[index];
    if (child === undefined) continue;
    const isFile = child.type === 'file';
    records.push({
      stored,
      attributes: isFile ? ATTRIBUTE.archive : ATTRIBUTE.directory,
      firstCluster: runOf(plan, child).firstCluster,
      sizeBytes: isFile ? child.sizeBytes : 0,
    });
  }
  const isFixedRoot = own === 0;
  const offsetBytes = isFixedRoot
    ? geometry.rootStartSector * geometry.sectorBytes
    : clusterOffset(geometry, own);
  const wholeBytes = isFixedRoot
    ? geometry.rootEntryCount * SLOT_BYTES
    : runOf(plan, directory).clusterCount * clusterBytesOf(geometry);
  const bytes = Buffer.alloc(wholeBytes);
  bytes.set(encodeRecords(records, time));
  sink.write(offsetBytes, bytes);
}

function writeFile(
  sink: BlockSink,
  geometry: FatGeometry,
  plan: VolumePlan,
  file: FatFile,
  content: FileContent,
): void {
  const startBytes = clusterOffset(geometry, Math.max(FIRST_CLUSTER, runOf(plan, file).firstCluster));
  let writtenBytes = 0;
  for (const piece of content(file.path)) {
    if (writtenBytes + piece.length > file.sizeBytes) {
      throw new UserError(
        `FAT: "${file.path}" has more content than the ${file.sizeBytes} bytes of its entry`,
      );
    }
    writeData(sink, startBytes + writtenBytes, piece);
    writtenBytes += piece.length;
  }
  if (writtenBytes !== file.sizeBytes) {
    throw new UserError(
      `FAT: "${file.path}" has ${writtenBytes} bytes of content, its entry says ${file.sizeBytes}`,
    );
  }
}

/** Data is written, or left out, in units of this size at the least. */
const ZERO_UNIT_BYTES = 32768;
const ZEROS = Buffer.alloc(ZERO_UNIT_BYTES);

/** Writes a piece of a file but for its long stretches of zeros: the sink has zeros where nothing was written. */
function writeData(sink: BlockSink, offsetBytes: number, piece: Uint8Array): void {
  let start = 0;
  for (let position = 0; position < piece.length; position += ZERO_UNIT_BYTES) {
    const end = Math.min(position + ZERO_UNIT_BYTES, piece.length);
    if (piece[position] !== 0 || piece[end - 1] !== 0) continue;
    if (ZEROS.compare(piece, position, end, 0, end - position) !== 0) continue;
    if (position > start) sink.write(offsetBytes + start, piece.subarray(start, position));
    start = end;
  }
  if (start < piece.length) sink.write(offsetBytes + start, piece.subarray(start));
}

function writeBootSectors(
  sink: BlockSink,
  geometry: FatGeometry,
  options: FatOptions,
  freeClusterCount: number,
): void {
  const { volumeId, label, hiddenSectors = 0 } = options;
  const { sectorBytes } = geometry;
  const boot = encodeBootSector(geometry, { volumeId, label, hiddenSectors });
  if (geometry.type === 'fat32') {
    const nextFree = FIRST_CLUSTER + geometry.clusterCount - freeClusterCount;
    const info = encodeInfoSector(
      sectorBytes,
      freeClusterCount,
      freeClusterCount === 0 ? FIRST_CLUSTER : nextFree,
    );
    for (const start of [BACKUP_BOOT_SECTOR, 0]) {
      sink.write((start + INFO_SECTOR) * sectorBytes, info);
      sink.write(start * sectorBytes, boot);
    }
    return;
  }
  sink.write(0, boot);
}
