import { END_OF_CHAIN, FAT32_ENTRY_MASK, type FatType, MEDIA } from './format.ts';

/** Clusters that follow each other, of one file or directory. */
export interface ClusterRun {
  readonly firstCluster: number;
  readonly clusterCount: number;
}

/** Entries a piece: even, so that FAT12's pairs stay together, and a whole number of sectors for every type. */
const PIECE_ENTRIES = 16384 * 3;

/**
 * Encodes a file allocation table up to the last cluster in use, piece by piece; what follows is free, which is zeros.
 *
 * @param runs one run a file, in the order of the clusters and without gaps from cluster 2 on
 */
export function* encodeTable(type: FatType, runs: readonly ClusterRun[]): Generator<Uint8Array> {
  let piece: number[] = [];
  for (const value of tableValues(type, runs)) {
    piece.push(value);
    if (piece.length === PIECE_ENTRIES) {
      yield pack(type, piece);
      piece = [];
    }
  }
  if (piece.length > 0) yield pack(type, piece);
}

function* tableValues(type: FatType, runs: readonly ClusterRun[]): Generator<number> {
  const end = END_OF_CHAIN[type];
  // "FAT[0]" repeats the media byte; "FAT[1]" is an end of chain whose high bits say: unmounted, no errors.
  yield (end & ~0xff) | MEDIA;
  yield end;
  for (const { firstCluster, clusterCount } of runs) {
    const lastCluster = firstCluster + clusterCount - 1;
    for (let cluster = firstCluster; cluster < lastCluster; cluster += 1) yield cluster + 1;
    if (clusterCount > 0) yield end;
  }
}

function pack(type: FatType, values: readonly number[]): Uint8Array {
  if (type === 'fat16') return new Uint8Array(Uint16Array.from(values).buffer);
  if (type === 'fat32') return new Uint8Array(Uint32Array.from(values).buffer);
  const bytes = new Uint8Array(Math.ceil((values.length * 3) / 2));
  for (let index = 0; index < values.length; index += 2) {
    const first = values[index] ?? 0;
    const second = values[index + 1] ?? 0;
    const offset = (index / 2) * 3;
    bytes[offset] = first & 0xff;
    bytes[offset + 1] = (first >> 8) | ((second & 0x0f) << 4);
    if (offset + 2 < bytes.length) bytes[offset + 2] = second >> 4;
  }
  return bytes;
}

/** Reads the entry of `cluster` from the bytes of a whole table. */
export function tableEntry(type: FatType, table: Buffer, cluster: number): number {
  if (type === 'fat16') return table.readUInt16LE(cluster * 2);
  if (type === 'fat32') return table.readUInt32LE(cluster * 4) & FAT32_ENTRY_MASK;
  const pair = table.readUInt16LE(Math.floor((cluster * 3) / 2));
  return cluster % 2 === 0 ? pair & 0xfff : pair >> 4;
}
