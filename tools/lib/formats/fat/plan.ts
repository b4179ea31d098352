import { UserError } from '../error/user-error.ts';
import { slotCount } from './directory.ts';
import type { FatDirectory, FatFile, FatNode } from './directory-tree.ts';
import { DIRECTORY_SLOT_LIMIT, type FatType, FIRST_CLUSTER, SLOT_BYTES } from './format.ts';
import { type FatGeometry, findGeometry, sizeBytesFor } from './geometry.ts';
import { type StoredName, storeNames } from './names.ts';
import type { ClusterRun } from './table.ts';

export interface FatOptions {
  /** The size of the volume, a multiple of the sector size. */
  readonly sizeBytes: number;
  /** 512 by default; up to 4096 for disks with larger sectors. */
  readonly sectorBytes?: number;
  /**
   * Default: as mkfs.fat chooses (FAT32 from 512 MiB on, FAT16 from 4085 clusters on, else FAT12).
   */
  readonly type?: FatType;
  /** A power of two from the size of a sector to 32768. Default: as mkfs.fat chooses. */
  readonly clusterBytes?: number;
  /** The serial number, 32 bits. */
  readonly volumeId: number;
  /** Up to eleven characters in upper case; the empty string for no label. */
  readonly label: string;
  /** The partition's first sector on its disk; 0 by default. */
  readonly hiddenSectors?: number;
  /** All time stamps, in seconds since 1970; 1980-01-01 for an earlier time. 0 by default. */
  readonly timeSeconds?: number;
}

export function clusterBytesOf({ clusterSectors, sectorBytes }: FatGeometry): number {
  return clusterSectors * sectorBytes;
}

/** The clusters of all directories and files. */
export interface VolumePlan {
  readonly directories: readonly FatDirectory[];
  readonly files: readonly FatFile[];
  readonly names: ReadonlyMap<FatDirectory, readonly StoredName[]>;
  /** Empty files and the fixed root directory have an empty run that starts at cluster 0. */
  readonly runOf: ReadonlyMap<FatNode, ClusterRun>;
  /** All runs, in the order of the clusters. */
  readonly runs: readonly ClusterRun[];
  readonly usedClusterCount: number;
}

/**
 * Assigns clusters to every directory and file, even if the volume does not have enough of them.
 */
export function planVolume(root: FatDirectory, geometry: FatGeometry, label: string): VolumePlan {
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

/**
 * Counts the slots in use, including the label of the root, and `.` and `..` of other directories.
 */
function directorySlots(directory: FatDirectory, stored: readonly StoredName[], label: string): number {
  const own = directory.parent !== undefined ? 2 : label === '' ? 0 : 1;
  return stored.reduce((sum, name) => sum + slotCount(name), own);
}

function checkSlots(directory: FatDirectory, slots: number, geometry: FatGeometry): void {
  if (directory.parent === undefined && geometry.type !== 'fat32' && slots > geometry.rootEntryCount) {
    throw new UserError(
      `FAT: the root directory needs ${slots} slots (long names take several), but ${geometry.type.toUpperCase()} ` +
        `has room for ${geometry.rootEntryCount}; move files into directories, or use fat32`,
    );
  }
  if (slots > DIRECTORY_SLOT_LIMIT) {
    throw new UserError(
      `FAT: "${directory.path}" needs ${slots} slots (long names take several), and a directory on FAT has ` +
        `at most ${DIRECTORY_SLOT_LIMIT}: spread its files over several directories`,
    );
  }
}

/** Returns the message for a volume that is too small for its files. */
export function tooSmall(
  root: FatDirectory,
  geometry: FatGeometry,
  plan: VolumePlan,
  options: FatOptions,
): string {
  const clusterBytes = clusterBytesOf(geometry);
  const need =
    `the files need ${plan.usedClusterCount} clusters of ${clusterBytes} bytes, ` +
    `but ${options.sizeBytes} bytes have room for ${geometry.clusterCount}`;
  const enoughBytes = fittingSizeBytes(root, geometry, plan, options);
  return enoughBytes === undefined
    ? `FAT: the volume is ${(plan.usedClusterCount - geometry.clusterCount) * clusterBytes} bytes too small: ${need}, and ` +
        'no volume of the chosen type and cluster size is large enough; choose another type or cluster size, ' +
        'or fewer files'
    : `FAT: the volume is ${enoughBytes - options.sizeBytes} bytes too small: ${need}; ` +
        'make it larger, or put less into it';
}

/**
 * Returns a sufficient size, if one exists. A larger volume can have larger clusters, in which the
 * files need more space, and the options may not support it at all.
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

/** Returns the offset of a cluster in the volume, in bytes. */
export function clusterOffset(geometry: FatGeometry, cluster: number): number {
  return (
    geometry.dataStartSector * geometry.sectorBytes + (cluster - FIRST_CLUSTER) * clusterBytesOf(geometry)
  );
}

export function runOf(plan: VolumePlan, node: FatNode): ClusterRun {
  const run = plan.runOf.get(node);
  if (run === undefined) throw new Error(`no clusters were planned for "${node.path}"`);
  return run;
}
