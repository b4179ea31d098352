/**
 * Finds the owner of each cluster of a FAT volume. The boot sector is valid, because the volume was
 * opened before.
 */
import {
  ATTRIBUTE,
  BOOT_RECORD_BYTES,
  BOOT_SECTOR_16,
  BOOT_SECTOR_32,
  CLUSTER_LIMITS,
  FAT32_ENTRY_MASK,
  FIRST_CLUSTER,
  LONG,
  SHORT_BASE_BYTES,
  SLOT,
  SLOT_BYTES,
  SLOT_END,
  SLOT_FREE,
} from '../../lib/formats/fat/format.ts';
import { viewOf } from '../../lib/formats/structure/view.ts';
import type { ImageSource } from '../bytes/source.ts';

export interface FatLayout {
  readonly bits: 12 | 16 | 32;
  readonly sectorBytes: number;
  readonly clusterBytes: number;
  readonly tableStartBytes: number;
  readonly tableBytes: number;
  readonly tableCount: number;
  readonly rootStartBytes: number;
  readonly rootBytes: number;
  readonly rootCluster: number;
  readonly dataStartBytes: number;
  readonly clusterCount: number;
  readonly totalBytes: number;
}

export function readFatLayout(source: ImageSource): FatLayout {
  const boot = viewOf(source.read(0, BOOT_RECORD_BYTES));
  // These fields are common to all types.
  const { at } = BOOT_SECTOR_16;
  const sectorBytes = at.BPB_BytsPerSec.get(boot);
  const clusterBytes = at.BPB_SecPerClus.get(boot) * sectorBytes;
  const tableCount = at.BPB_NumFATs.get(boot);
  const tableSectors = at.BPB_FATSz16.get(boot) || BOOT_SECTOR_32.at.BPB_FATSz32.get(boot);
  const tableBytes = tableSectors * sectorBytes;
  const totalBytes = (at.BPB_TotSec16.get(boot) || at.BPB_TotSec32.get(boot)) * sectorBytes;
  const tableStartBytes = at.BPB_RsvdSecCnt.get(boot) * sectorBytes;
  const rootStartBytes = tableStartBytes + tableCount * tableBytes;
  const rootBytes = Math.ceil((at.BPB_RootEntCnt.get(boot) * SLOT_BYTES) / sectorBytes) * sectorBytes;
  const dataStartBytes = rootStartBytes + rootBytes;
  const clusterCount = Math.max(0, Math.floor((totalBytes - dataStartBytes) / clusterBytes));
  const { fat12, fat16 } = CLUSTER_LIMITS;
  const bits = clusterCount <= fat12.maximum ? 12 : clusterCount <= fat16.maximum ? 16 : 32;
  return {
    bits,
    sectorBytes,
    clusterBytes,
    tableStartBytes,
    tableBytes,
    tableCount,
    rootStartBytes,
    rootBytes,
    rootCluster: bits === 32 ? BOOT_SECTOR_32.at.BPB_RootClus.get(boot) : 0,
    dataStartBytes,
    clusterCount,
    totalBytes,
  };
}

/** The file or directory that a cluster belongs to. */
export interface FatOwner {
  readonly path: string;
  readonly isDirectory: boolean;
}

export class FatWalk {
  /** The owners, by the number of the cluster. */
  readonly owners = new Map<number, FatOwner>();
  readonly #source: ImageSource;
  readonly #layout: FatLayout;
  readonly #table: Buffer;

  constructor(source: ImageSource, layout: FatLayout) {
    this.#source = source;
    this.#layout = layout;
    this.#table = Buffer.from(source.read(layout.tableStartBytes, layout.tableBytes));
    if (layout.bits === 32) this.#directory(this.#chain(layout.rootCluster, '', true), '');
    else this.#slots(Buffer.from(source.read(layout.rootStartBytes, layout.rootBytes)), '');
  }

  #next(cluster: number): number {
    const { bits } = this.#layout;
    if (bits === 16) return this.#table.readUInt16LE(cluster * 2);
    if (bits === 32) return this.#table.readUInt32LE(cluster * 4) & FAT32_ENTRY_MASK;
    const pair = this.#table.readUInt16LE(Math.floor((cluster * 3) / 2));
    return cluster % 2 === 0 ? pair & 0xfff : pair >> 4;
  }

  /** Claims the clusters of a chain, up to the first one that has an owner already. */
  #chain(firstCluster: number, path: string, isDirectory: boolean): number[] {
    const clusters: number[] = [];
    const limit = FIRST_CLUSTER + this.#layout.clusterCount;
    for (
      let cluster = firstCluster;
      cluster >= FIRST_CLUSTER && cluster < limit;
      cluster = this.#next(cluster)
    ) {
      if (this.owners.has(cluster)) break;
      this.owners.set(cluster, { path, isDirectory });
      clusters.push(cluster);
    }
    return clusters;
  }

  #directory(clusters: readonly number[], path: string): void {
    const { dataStartBytes, clusterBytes } = this.#layout;
    const parts = clusters.map((cluster) =>
      this.#source.read(dataStartBytes + (cluster - FIRST_CLUSTER) * clusterBytes, clusterBytes),
    );
    this.#slots(Buffer.concat(parts), path);
  }

  #slots(slots: Buffer, directory: string): void {
    let long: string[] = [];
    for (let offset = 0; offset + SLOT_BYTES <= slots.length; offset += SLOT_BYTES) {
      const slot = slots.subarray(offset, offset + SLOT_BYTES);
      if (slot[0] === SLOT_END) return;
      const attributes = SLOT.at.DIR_Attr.get(viewOf(slot));
      if (slot[0] === SLOT_FREE) long = [];
      else if (attributes === ATTRIBUTE.longName) long.unshift(longPart(slot));
      else {
        const name = long.length > 0 ? (long.join('').split('\0', 1)[0] ?? '') : shortName(slot);
        long = [];
        if ((attributes & ATTRIBUTE.volumeId) === 0 && name !== '.' && name !== '..') {
          this.#entry(slot, directory === '' ? name : `${directory}/${name}`);
        }
      }
    }
  }

  #entry(slot: Buffer, path: string): void {
    const view = viewOf(slot);
    const isDirectory = (SLOT.at.DIR_Attr.get(view) & ATTRIBUTE.directory) !== 0;
    const high = this.#layout.bits === 32 ? SLOT.at.DIR_FstClusHI.get(view) * 0x10000 : 0;
    const clusters = this.#chain(SLOT.at.DIR_FstClusLO.get(view) + high, path, isDirectory);
    if (isDirectory) this.#directory(clusters, path);
  }
}

/** Decodes the thirteen UTF-16 units of a long name's slot. */
function longPart(slot: Buffer): string {
  return [LONG.at.LDIR_Name1, LONG.at.LDIR_Name2, LONG.at.LDIR_Name3]
    .map(({ offsetBytes, endBytes }) => slot.toString('utf16le', offsetBytes, endBytes))
    .join('');
}

function shortName(slot: Buffer): string {
  const { offsetBytes, endBytes } = SLOT.at.DIR_Name;
  const extensionStart = offsetBytes + SHORT_BASE_BYTES;
  const base = slot.toString('latin1', offsetBytes, extensionStart).trimEnd();
  const extension = slot.toString('latin1', extensionStart, endBytes).trimEnd();
  return extension === '' ? base : `${base}.${extension}`;
}
