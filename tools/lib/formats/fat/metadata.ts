import type { BlockSink } from '../block/block.ts';
import { encodeBootSector, encodeInfoSector } from './boot.ts';
import { type DirectoryRecord, encodeRecords, plainRecord } from './directory.ts';
import type { FatDirectory } from './directory-tree.ts';
import {
  ATTRIBUTE,
  BACKUP_BOOT_SECTOR,
  FAT_COUNT,
  FIRST_CLUSTER,
  INFO_SECTOR,
  SLOT_BYTES,
} from './format.ts';
import type { FatGeometry } from './geometry.ts';
import { clusterBytesOf, clusterOffset, type FatOptions, runOf, type VolumePlan } from './plan.ts';
import { type ClusterRun, encodeTable } from './table.ts';
import { type FatTime, fatTime } from './time.ts';

/** Writes a planned volume, except the contents of files, in whole sectors. */
export function writeMetadata(
  sink: BlockSink,
  geometry: FatGeometry,
  plan: VolumePlan,
  options: FatOptions,
): void {
  const time = fatTime(options.timeSeconds ?? 0);
  writeTables(sink, geometry, plan.runs);
  for (const directory of plan.directories)
    writeDirectory(sink, geometry, plan, directory, options.label, time);
  // The boot sector is written last: a volume without it is never mistaken for a complete one.
  writeBootSectors(sink, geometry, options, geometry.clusterCount - plan.usedClusterCount);
}

function writeTables(sink: BlockSink, geometry: FatGeometry, runs: readonly ClusterRun[]): void {
  const { type, sectorBytes, reservedSectors, fatSectors } = geometry;
  let positionBytes = reservedSectors * sectorBytes;
  for (const piece of encodeTable(type, runs, sectorBytes)) {
    for (let copy = 0; copy < FAT_COUNT; copy += 1) {
      sink.write(positionBytes + copy * fatSectors * sectorBytes, piece);
    }
    positionBytes += piece.length;
  }
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
    // A `..` that refers to the root has cluster 0, even in FAT32, in which the root has a cluster.
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
