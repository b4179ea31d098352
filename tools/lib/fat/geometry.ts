import { UserError } from '../error/user-error.ts';
import {
  CLUSTER_LIMITS,
  FAT_COUNT,
  FAT_ENTRY_BITS,
  type FatType,
  FIRST_CLUSTER,
  SECTOR_BYTES,
  SLOT_BYTES,
} from './format.ts';

/** Where everything lies in a volume, in sectors from its start. */
export interface FatGeometry {
  readonly type: FatType;
  readonly totalSectors: number;
  readonly clusterSectors: number;
  readonly reservedSectors: number;
  /** Sectors of one copy of the FAT. */
  readonly fatSectors: number;
  /** Slots of the fixed root directory; none in FAT32, where the root is a chain of clusters. */
  readonly rootEntryCount: number;
  readonly rootStartSector: number;
  readonly dataStartSector: number;
  readonly clusterCount: number;
}

export interface GeometryOptions {
  readonly sizeBytes: number;
  readonly type?: FatType;
  readonly clusterBytes?: number;
}

/** The specification's values for fixed disks. */
const ROOT_ENTRY_COUNT = 512;
const RESERVED_SECTORS: Readonly<Record<FatType, number>> = { fat12: 1, fat16: 1, fat32: 32 };

/** Clusters begin on 4 KiB at least, so that a volume's chunks and a disk's physical sectors hold whole ones. */
const DATA_ALIGNMENT_SECTORS = 8;

/** mkfs.fat 4.2 takes FAT32 from 512 MiB on, and below it the smallest clusters of 2 KiB or more that do. */
const FAT32_FROM_BYTES = 512 * 1024 ** 2;
const CLUSTER_SECTORS_12_16: readonly number[] = [4, 8, 16, 32, 64, 2, 1];

/** mkfs.fat 4.2 and the specification's table for FAT32: volumes up to so many MiB get clusters of so many sectors. */
const CLUSTER_SECTORS_32: readonly (readonly [number, number])[] = [
  [260, 1],
  [8 * 1024, 8],
  [16 * 1024, 16],
  [32 * 1024, 32],
  [Number.POSITIVE_INFINITY, 64],
];
const MEBIBYTE = 1024 ** 2;

/** 32 KiB: larger clusters are not read by every driver. */
const CLUSTER_BYTES_MAXIMUM = 32768;

/** The total has 32 bits. */
const SECTORS_LIMIT = 0xffffffff;

/**
 * Plans a volume of a given size: the type and the cluster size where they are not given are those of mkfs.fat.
 *
 * @throws UserError where no type, or not the one asked for, can have the size
 */
export function planGeometry(options: GeometryOptions): FatGeometry {
  const totalSectors = options.sizeBytes / SECTOR_BYTES;
  if (!Number.isInteger(totalSectors) || totalSectors < 1) {
    throw new UserError(`FAT: the size ${options.sizeBytes} is not a multiple of ${SECTOR_BYTES} bytes`);
  }
  if (totalSectors > SECTORS_LIMIT) {
    throw new UserError(
      `FAT: the size ${options.sizeBytes} is too large: up to ${SECTORS_LIMIT * SECTOR_BYTES} bytes`,
    );
  }
  if (options.clusterBytes !== undefined) checkClusterBytes(options.clusterBytes);
  const geometry = findGeometry(options);
  if (geometry === undefined) throw new UserError(outOfRange(options));
  return geometry;
}

/** The plan for a size, or nothing where no number of clusters is right for its type. */
export function findGeometry({ sizeBytes, type, clusterBytes }: GeometryOptions): FatGeometry | undefined {
  const totalSectors = sizeBytes / SECTOR_BYTES;
  if (totalSectors > SECTORS_LIMIT) return undefined;
  return candidates(sizeBytes, type, clusterBytes)
    .map(([candidateType, clusterSectors]) => layOut(candidateType, clusterSectors, totalSectors))
    .find((geometry) => {
      const { minimum, maximum } = CLUSTER_LIMITS[geometry.type];
      return geometry.clusterCount >= minimum && geometry.clusterCount <= maximum;
    });
}

function checkClusterBytes(clusterBytes: number): void {
  const powerOfTwo = Number.isInteger(Math.log2(clusterBytes));
  if (!powerOfTwo || clusterBytes < SECTOR_BYTES || clusterBytes > CLUSTER_BYTES_MAXIMUM) {
    throw new UserError(
      `FAT: clusters of ${clusterBytes} bytes: use a power of two from ${SECTOR_BYTES} to ${CLUSTER_BYTES_MAXIMUM}`,
    );
  }
}

/** Types and cluster sizes in the order of preference. */
function candidates(
  sizeBytes: number,
  type?: FatType,
  clusterBytes?: number,
): (readonly [FatType, number])[] {
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
      ? [clusterBytes / SECTOR_BYTES]
      : types.includes('fat32')
        ? fat32ClusterSectors(sizeBytes)
        : CLUSTER_SECTORS_12_16;
  return clusterSizes.flatMap((clusterSectors) =>
    types.map((candidateType) => [candidateType, clusterSectors] as const),
  );
}

function fat32ClusterSectors(sizeBytes: number): number[] {
  const preferred = CLUSTER_SECTORS_32.find(([limitMib]) => sizeBytes <= limitMib * MEBIBYTE)?.[1] ?? 1;
  const smaller: number[] = [];
  for (let sectors = preferred; sectors >= 1; sectors /= 2) smaller.push(sectors);
  return smaller;
}

function layOut(type: FatType, clusterSectors: number, totalSectors: number): FatGeometry {
  const rootEntryCount = type === 'fat32' ? 0 : ROOT_ENTRY_COUNT;
  const rootSectors = (rootEntryCount * SLOT_BYTES) / SECTOR_BYTES;
  const alignmentSectors = Math.max(clusterSectors, DATA_ALIGNMENT_SECTORS);
  const place = (fatSectors: number): FatGeometry => {
    const unaligned = RESERVED_SECTORS[type] + FAT_COUNT * fatSectors + rootSectors;
    const dataStartSector = Math.ceil(unaligned / alignmentSectors) * alignmentSectors;
    return {
      type,
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
  // The smallest FAT that has an entry for each cluster it leaves room for: more FAT means fewer clusters.
  let lower = 1;
  let upper = fatSectorsFor(type, Math.ceil(totalSectors / clusterSectors));
  while (lower < upper) {
    const middle = Math.floor((lower + upper) / 2);
    if (fatSectorsFor(type, place(middle).clusterCount) <= middle) upper = middle;
    else lower = middle + 1;
  }
  return place(lower);
}

function fatSectorsFor(type: FatType, clusterCount: number): number {
  const bits = (clusterCount + FIRST_CLUSTER) * FAT_ENTRY_BITS[type];
  return Math.max(1, Math.ceil(bits / 8 / SECTOR_BYTES));
}

/** What to say when no candidate has a number of clusters that its type allows. */
function outOfRange({ sizeBytes, type, clusterBytes }: GeometryOptions): string {
  const title = type === undefined ? 'FAT' : type.toUpperCase();
  const clusters = clusterBytes === undefined ? '' : ` with clusters of ${clusterBytes} bytes`;
  const smallestType = type ?? 'fat12';
  const smallestBytes = sizeBytesFor(
    smallestType,
    (clusterBytes ?? SECTOR_BYTES) / SECTOR_BYTES,
    CLUSTER_LIMITS[smallestType].minimum,
  );
  if (sizeBytes < smallestBytes) {
    const missingBytes = smallestBytes - sizeBytes;
    return `${title}${clusters}: the volume is ${missingBytes} bytes too small: it needs ${smallestBytes} at least`;
  }
  const { minimum, maximum } = CLUSTER_LIMITS[type ?? 'fat32'];
  return (
    `${title}${clusters}: ${sizeBytes} bytes do not make between ${minimum} and ${maximum} clusters: ` +
    'choose another type or another cluster size'
  );
}

/** The smallest size of a volume with so many clusters. */
export function sizeBytesFor(type: FatType, clusterSectors: number, clusterCount: number): number {
  const fatSectors = fatSectorsFor(type, clusterCount);
  const rootEntryCount = type === 'fat32' ? 0 : ROOT_ENTRY_COUNT;
  const unaligned =
    RESERVED_SECTORS[type] + FAT_COUNT * fatSectors + (rootEntryCount * SLOT_BYTES) / SECTOR_BYTES;
  const alignmentSectors = Math.max(clusterSectors, DATA_ALIGNMENT_SECTORS);
  const dataStartSector = Math.ceil(unaligned / alignmentSectors) * alignmentSectors;
  return (dataStartSector + clusterCount * clusterSectors) * SECTOR_BYTES;
}
