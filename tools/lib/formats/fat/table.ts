import { END_OF_CHAIN, FAT_ENTRY_BITS, type FatType, FIRST_CLUSTER, MEDIA } from './format.ts';

/** Consecutive clusters of one file or directory. */
export interface ClusterRun {
  readonly firstCluster: number;
  readonly clusterCount: number;
}

/**
 * The number of entries per piece. It keeps FAT12's pairs together, and a piece is whole sectors
 * for every type and sector size.
 */
const PIECE_ENTRIES = 65536;

/**
 * Encodes a file allocation table piece by piece, up to the end of the sector with the last cluster
 * in use. All entries after it are free, which is zero.
 *
 * @param runs one run per file, in the order of the clusters, without gaps, starting at cluster 2
 */
export function* encodeTable(
  type: FatType,
  runs: readonly ClusterRun[],
  sectorBytes: number,
): Generator<Uint8Array> {
  const values = new Uint32Array(PIECE_ENTRIES);
  const end = END_OF_CHAIN[type];
  // "FAT[0]" repeats the media byte. "FAT[1]" is an end of chain whose high bits mean: unmounted,
  // no errors.
  values[0] = (end & ~0xff) | MEDIA;
  values[1] = end;
  let filled = FIRST_CLUSTER;
  for (const { firstCluster, clusterCount } of runs) {
    const endCluster = firstCluster + clusterCount;
    for (let next = firstCluster + 1; next <= endCluster; next += 1) {
      values[filled] = next === endCluster ? end : next;
      filled += 1;
      if (filled === PIECE_ENTRIES) {
        yield pack(type, values, filled, sectorBytes);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield pack(type, values, filled, sectorBytes);
}

/** Encodes the first `count` values in whole sectors. */
function pack(type: FatType, values: Uint32Array, count: number, sectorBytes: number): Uint8Array {
  const usedBytes = Math.ceil((count * FAT_ENTRY_BITS[type]) / 8);
  const bytes = Buffer.alloc(Math.ceil(usedBytes / sectorBytes) * sectorBytes);
  if (type === 'fat32') {
    for (let index = 0; index < count; index += 1) bytes.writeUInt32LE(values[index] as number, index * 4);
  } else if (type === 'fat16') {
    for (let index = 0; index < count; index += 1) bytes.writeUInt16LE(values[index] as number, index * 2);
  } else {
    for (let index = 0; index < count; index += 2) {
      const second = index + 1 < count ? (values[index + 1] as number) : 0;
      // Two entries of twelve bits take three bytes.
      bytes.writeUIntLE((values[index] as number) | (second << 12), (index / 2) * 3, 3);
    }
  }
  return bytes;
}
