import { UserError } from '../error/user-error.ts';
import {
  CLUSTER_LIMITS,
  FAT_COUNT,
  FAT_ENTRY_BITS,
  type FatType,
  FIRST_CLUSTER,
  SECTOR_BYTES,
  SECTOR_SIZES,
  SLOT_BYTES,
} from './format.ts';

/** The layout of a volume, in sectors from its start. */
export interface FatGeometry {
  readonly type: FatType;
  readonly sectorBytes: number;
  readonly totalSectors: number;
  readonly clusterSectors: number;
  readonly reservedSectors: number;
  /** The size of one copy of the FAT. */
  readonly fatSectors: number;
  /** The slots of the fixed root directory; 0 in FAT32, where the root is a chain of clusters. */
  readonly rootEntryCount: number;
  readonly rootStartSector: number;
  readonly dataStartSector: number;
  readonly clusterCount: number;
}

export interface GeometryOptions {
  readonly sizeBytes: number;
  /** 512 by default; up to 4096 for disks with larger sectors. */
  readonly sectorBytes?: number;
  readonly type?: FatType;
  readonly clusterBytes?: number;
}

/** The specification's values for fixed disks. */
const ROOT_ENTRY_COUNT = 512;
const RESERVED_SECTORS: Readonly<Record<FatType, number>> = { fat12: 1, fat16: 1, fat32: 32 };

/**
 * Clusters are aligned to at least 4 KiB, so that no cluster crosses a chunk or a physical sector
 * of the disk.
 */
const DATA_ALIGNMENT_BYTES = 4096;

/**
 * mkfs.fat 4.2 uses FAT32 from 512 MiB on. For smaller volumes it uses the smallest clusters of at
 * least 2 KiB that fit.
 */
const FAT32_FROM_BYTES = 512 * 1024 ** 2;
const CLUSTER_BYTES_12_16: readonly number[] = [2048, 4096, 8192, 16384, 32768, 1024, 512];

/**
 * mkfs.fat 4.2 and the specification's table for FAT32: the size of clusters in bytes, for volumes
 * up to a size in MiB.
 */
const CLUSTER_BYTES_32: readonly (readonly [number, number])[] = [
  [260, 512],
  [8 * 1024, 4096],
  [16 * 1024, 8192],
  [32 * 1024, 16384],
  [Number.POSITIVE_INFINITY, 32768],
];
const MEBIBYTE = 1024 ** 2;

/** Not every driver reads clusters larger than 32 KiB. */
const CLUSTER_BYTES_MAXIMUM = 32768;

/** "BPB_TotSec32" has 32 bits. */
const SECTORS_LIMIT = 0xffffffff;

/**
 * Plans a volume of a given size. The default type and cluster size are those of mkfs.fat.
 *
 * @throws UserError if no type, or not the requested type, supports the size
 */
export function planGeometry(options: GeometryOptions): FatGeometry {
  const { sizeBytes, sectorBytes = SECTOR_BYTES, clusterBytes } = options;
  if (!SECTOR_SIZES.includes(sectorBytes)) {
    throw new UserError(`FAT: sectors of ${sectorBytes} bytes: use one of ${SECTOR_SIZES.join(', ')}`);
  }
  const totalSectors = sizeBytes / sectorBytes;
  if (!Number.isInteger(totalSectors) || totalSectors < 1) {
    throw new UserError(`FAT: the size ${sizeBytes} is not a multiple of ${sectorBytes} bytes`);
  }
  if (totalSectors > SECTORS_LIMIT) {
    throw new UserError(
      `FAT: the size ${sizeBytes} is too large: up to ${SECTORS_LIMIT * sectorBytes} bytes`,
    );
  }
  if (clusterBytes !== undefined) checkClusterBytes(clusterBytes, sectorBytes);
  const geometry = findGeometry(options);
  if (geometry === undefined) throw new UserError(outOfRange(options));
  return geometry;
}

/** Returns the plan for a size, or `undefined` if no type allows the number of clusters. */
export function findGeometry(options: GeometryOptions): FatGeometry | undefined {
  const { sizeBytes, sectorBytes = SECTOR_BYTES } = options;
  const totalSectors = sizeBytes / sectorBytes;
  if (totalSectors > SECTORS_LIMIT) return undefined;
  return candidates(options)
    .map(([type, clusterBytes]) => layOut(type, clusterBytes, totalSectors, sectorBytes))
    .find((geometry) => {
      const { minimum, maximum } = CLUSTER_LIMITS[geometry.type];
      return geometry.clusterCount >= minimum && geometry.clusterCount <= maximum;
    });
}

function checkClusterBytes(clusterBytes: number, sectorBytes: number): void {
  const powerOfTwo = Number.isInteger(Math.log2(clusterBytes));
  if (!powerOfTwo || clusterBytes < sectorBytes || clusterBytes > CLUSTER_BYTES_MAXIMUM) {
    throw new UserError(
      `FAT: clusters of ${clusterBytes} bytes: use a power of two from ${sectorBytes} to ${CLUSTER_BYTES_MAXIMUM}`,
    );
  }
}

/** Returns the possible types and cluster sizes in order of preference. */
function candidates(options: GeometryOptions): (readonly [FatType, number])[] {
  const { sizeBytes, type, clusterBytes, sectorBytes = SECTOR_BYTES } = options;
  const types: readonly FatType[] =
    type !== undefined
      ? [type]
      : clusterBytes !== undefined
        ? ['fat12', 'fat16', 'fat32']
        : sizeBytes >= FAT32_FROM_BYTES
          ? ['fat32']
          : ['fat12', 'fat16'];
  const clusterSizes =
    clusterBytes !== undefined
      ? [clusterBytes]
      : types.includes('fat32')
        ? fat32ClusterBytes(sizeBytes, sectorBytes)
        : CLUSTER_BYTES_12_16.filter((bytes) => bytes >= sectorBytes);
  return clusterSizes.flatMap((bytes) => types.map((candidateType) => [candidateType, bytes] as const));
}

function fat32ClusterBytes(sizeBytes: number, sectorBytes: number): number[] {
  const preferred = CLUSTER_BYTES_32.find(([limitMib]) => sizeBytes <= limitMib * MEBIBYTE)?.[1] ?? 0;
  const smaller: number[] = [];
  for (let bytes = Math.max(preferred, sectorBytes); bytes >= sectorBytes; bytes /= 2) smaller.push(bytes);
  return smaller;
}

function layOut(type: FatType, clusterBytes: number, totalSectors: number, sectorBytes: number): FatGeometry {
  const clusterSectors = clusterBytes / sectorBytes;
  const rootEntryCount = type === 'fat32' ? 0 : ROOT_ENTRY_COUNT;
  const rootSectors = (rootEntryCount * SLOT_BYTES) / sectorBytes;
  const alignmentSectors = Math.max(clusterBytes, DATA_ALIGNMENT_BYTES) / sectorBytes;
  const place = (fatSectors: number): FatGeometry => {
    const unaligned = RESERVED_SECTORS[type] + FAT_COUNT * fatSectors + rootSectors;
    const dataStartSector = Math.ceil(unaligned / alignmentSectors) * alignmentSectors;
    return {
      type,
      sectorBytes,
      totalSectors,
      clusterSectors,
      reservedSectors: RESERVED_SECTORS[type] + dataStartSector - unaligned,
      fatSectors,
      rootEntryCount,
      rootStartSector: dataStartSector - rootSectors,
      dataStartSector,
      clusterCount: Math.max(0, Math.floor((totalSectors - dataStartSector) / clusterSectors)),
    };
  };
  // Find the smallest FAT that has an entry for each of the remaining clusters: a larger FAT leaves
  // fewer clusters.
  let lower = 1;
  let upper = fatSectorsFor(type, Math.ceil(totalSectors / clusterSectors), sectorBytes);
  while (lower < upper) {
    const middle = Math.floor((lower + upper) / 2);
    if (fatSectorsFor(type, place(middle).clusterCount, sectorBytes) <= middle) upper = middle;
    else lower = middle + 1;
  }
  return place(lower);
}

/** Returns the size of a table with an entry for each cluster, in sectors. */
export function fatSectorsFor(type: FatType, clusterCount: number, sectorBytes: number): number {
  const bits = (clusterCount + FIRST_CLUSTER) * FAT_ENTRY_BITS[type];
  return Math.max(1, Math.ceil(bits / 8 / sectorBytes));
}

/** Returns the message for a size for which no candidate has a valid number of clusters. */
function outOfRange({ sizeBytes, type, clusterBytes, sectorBytes = SECTOR_BYTES }: GeometryOptions): string {
  const title = type === undefined ? 'FAT' : type.toUpperCase();
  const clusters = clusterBytes === undefined ? '' : ` with clusters of ${clusterBytes} bytes`;
  const smallestType = type ?? 'fat12';
  const smallestBytes = sizeBytesFor(
    smallestType,
    clusterBytes ?? sectorBytes,
    CLUSTER_LIMITS[smallestType].minimum,
    sectorBytes,
  );
  if (sizeBytes < smallestBytes) {
    const missingBytes = smallestBytes - sizeBytes;
    return `${title}${clusters}: the volume is ${missingBytes} bytes too small: it needs at least ${smallestBytes}`;
  }
  const { minimum, maximum } = CLUSTER_LIMITS[type ?? 'fat32'];
  return (
    `${title}${clusters}: a volume of ${sizeBytes} bytes does not have ${minimum} to ${maximum} clusters: ` +
    'choose another type or another cluster size'
  );
}

/** Returns the smallest size of a volume with `clusterCount` clusters. */
export function sizeBytesFor(
  type: FatType,
  clusterBytes: number,
  clusterCount: number,
  sectorBytes = SECTOR_BYTES,
): number {
  const rootBytes = type === 'fat32' ? 0 : ROOT_ENTRY_COUNT * SLOT_BYTES;
  const tableSectors = FAT_COUNT * fatSectorsFor(type, clusterCount, sectorBytes);
  const unalignedBytes = (RESERVED_SECTORS[type] + tableSectors) * sectorBytes + rootBytes;
  const alignmentBytes = Math.max(clusterBytes, DATA_ALIGNMENT_BYTES);
  return Math.ceil(unalignedBytes / alignmentBytes) * alignmentBytes + clusterCount * clusterBytes;
}
