/**
 * Finds what each cluster of a FAT volume belongs to: Microsoft FAT specification 1.03. The volume
 * was opened before, so it is sane.
 */
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

const FIRST_CLUSTER = 2;
const SLOT_BYTES = 32;
const ATTRIBUTES_OFFSET = 11;
const LONG_NAME = 0x0f;
const VOLUME_LABEL = 0x08;
const DIRECTORY = 0x10;
/** "FAT Type Determination". */
const FAT12_CLUSTERS = 4084;
const FAT16_CLUSTERS = 65524;

export function readFatLayout(source: ImageSource): FatLayout {
  const boot = Buffer.from(source.read(0, 512));
  const sectorBytes = boot.readUInt16LE(11);
  const clusterBytes = boot.readUInt8(13) * sectorBytes;
  const tableCount = boot.readUInt8(16);
  const tableBytes = (boot.readUInt16LE(22) || boot.readUInt32LE(36)) * sectorBytes;
  const totalBytes = (boot.readUInt16LE(19) || boot.readUInt32LE(32)) * sectorBytes;
  const tableStartBytes = boot.readUInt16LE(14) * sectorBytes;
  const rootStartBytes = tableStartBytes + tableCount * tableBytes;
  const rootBytes = Math.ceil((boot.readUInt16LE(17) * SLOT_BYTES) / sectorBytes) * sectorBytes;
  const dataStartBytes = rootStartBytes + rootBytes;
  const clusterCount = Math.max(0, Math.floor((totalBytes - dataStartBytes) / clusterBytes));
  const bits = clusterCount <= FAT12_CLUSTERS ? 12 : clusterCount <= FAT16_CLUSTERS ? 16 : 32;
  return {
    bits,
    sectorBytes,
    clusterBytes,
    tableStartBytes,
    tableBytes,
    tableCount,
    rootStartBytes,
    rootBytes,
    rootCluster: bits === 32 ? boot.readUInt32LE(44) : 0,
    dataStartBytes,
    clusterCount,
    totalBytes,
  };
}

/** A cluster's owner. */
export interface FatOwner {
  readonly path: string;
  readonly isDirectory: boolean;
}

export class FatWalk {
  /** By cluster. */
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
    if (bits === 32) return this.#table.readUInt32LE(cluster * 4) & 0x0fffffff;
    const pair = this.#table.readUInt16LE(Math.floor((cluster * 3) / 2));
    return cluster % 2 === 0 ? pair & 0xfff : pair >> 4;
  }

  /** The clusters of a chain that nobody has yet. */
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
      if (slot[0] === 0) return;
      const attributes = slot.readUInt8(ATTRIBUTES_OFFSET);
      if (slot[0] === 0xe5) long = [];
      else if (attributes === LONG_NAME) long.unshift(longPart(slot));
      else {
        const name = long.length > 0 ? (long.join('').split('\0', 1)[0] ?? '') : shortName(slot);
        long = [];
        if ((attributes & VOLUME_LABEL) === 0 && name !== '.' && name !== '..') {
          this.#entry(slot, directory === '' ? name : `${directory}/${name}`);
        }
      }
    }
  }

  #entry(slot: Buffer, path: string): void {
    const isDirectory = (slot.readUInt8(ATTRIBUTES_OFFSET) & DIRECTORY) !== 0;
    const high = this.#layout.bits === 32 ? slot.readUInt16LE(20) * 0x10000 : 0;
    const clusters = this.#chain(slot.readUInt16LE(26) + high, path, isDirectory);
    if (isDirectory) this.#directory(clusters, path);
  }
}

/** "FAT Long Directory Entries": thirteen UTF-16 units in three places. */
function longPart(slot: Buffer): string {
  return [
    [1, 11],
    [14, 26],
    [28, 32],
  ]
    .map(([start, end]) => slot.toString('utf16le', start, end))
    .join('');
}

function shortName(slot: Buffer): string {
  const base = slot.toString('latin1', 0, 8).trimEnd();
  const extension = slot.toString('latin1', 8, 11).trimEnd();
  return extension === '' ? base : `${base}.${extension}`;
}
