import { FileImage } from '../lib/formats/block/file.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import { encodeGpt, type GptDisk, SECTOR_BYTES } from '../lib/formats/gpt/gpt.ts';
import { type Extent, sparseHeader } from '../lib/formats/tar/sparse.ts';
import { TAR_END, tarPadding } from '../lib/formats/tar/writer.ts';
import {
  type Layout,
  type LayoutPartition,
  minimumDiskSectors,
  PARTITION_TYPES,
  placeImages,
} from '../lib/image/layout/layout.ts';
import type { ArchiveFile, PackedPartition } from '../lib/image/packed/archive.ts';
import { dataExtents } from '../lib/image/packed/index.ts';
import {
  type PlacedPartition,
  type UnpackPool,
  unpackInParallel,
} from '../lib/image/packed/unpack-parallel.ts';

/** The only member of a disk archive. */
const DISK_MEMBER = 'disk.img';
const DISK_MODE = 0o644;

export interface DiskOptions {
  readonly layout: Layout;
  readonly diskUuid: string;
  /** The size of the whole disk; default: as small as the layout allows. */
  readonly sizeBytes?: number;
  /** The images by the names of their partitions. Partitions without an image stay empty. */
  readonly images: ReadonlyMap<string, PackedPartition>;
}

function diskSectors(layout: Layout, sizeBytes: number | undefined): number {
  const minimum = minimumDiskSectors(layout);
  if (sizeBytes === undefined) return minimum;
  if (sizeBytes % SECTOR_BYTES !== 0) {
    throw new UserError(
      `--expanded-size: ${sizeBytes} bytes are not a multiple of the sector size of ${SECTOR_BYTES} bytes`,
    );
  }
  const missing = minimum * SECTOR_BYTES - sizeBytes;
  if (missing > 0)
    throw new UserError(
      `--expanded-size is ${missing} bytes too small for the partitions of ${layout.file}; ` +
        `the disk needs at least ${minimum * SECTOR_BYTES} bytes`,
    );
  return sizeBytes / SECTOR_BYTES;
}

function gptPartition({
  name,
  startSector,
  sizeSectors,
  type,
  uuid,
}: LayoutPartition): GptDisk['partitions'][number] {
  return { name, startSector, sizeSectors, typeUuid: PARTITION_TYPES[type].guid, uuid };
}

/** The plan of a disk, which does not depend on the compression. */
export interface DiskPlan {
  readonly header: Uint8Array;
  readonly primaryTable: Uint8Array;
  readonly sizeBytes: number;
  /** In the order of the disk. */
  readonly partitions: readonly PlacedPartition[];
  readonly backupTable: Uint8Array;
  readonly backupOffsetBytes: number;
  readonly end: Uint8Array;
}

/**
 * Plans a disk. @throws UserError if the layout is invalid, the disk is too small, a partition is
 * unknown, or an image is too large
 */
export function planDisk({ layout, diskUuid, sizeBytes, images }: DiskOptions): DiskPlan {
  const sectors = diskSectors(layout, sizeBytes);
  const gpt = encodeGpt({ diskSectors: sectors, diskUuid, partitions: layout.partitions.map(gptPartition) });
  const placed = placeImages(
    layout,
    new Map(
      [...images].map(([name, packed]) => [
        name,
        { source: packed.indexPath, sizeBytes: packed.index.sizeBytes, packed },
      ]),
    ),
  );
  const extents: Extent[] = [
    [0, gpt.primary.length],
    ...placed.flatMap(({ partition, image }) =>
      dataExtents(image.packed.index).map(
        ([offsetBytes, lengthBytes]): Extent => [
          partition.startSector * SECTOR_BYTES + offsetBytes,
          lengthBytes,
        ],
      ),
    ),
    [gpt.backupStartSector * SECTOR_BYTES, gpt.backup.length],
  ];
  const { header, dataSizeBytes } = sparseHeader({
    path: DISK_MEMBER,
    mode: DISK_MODE,
    realSizeBytes: sectors * SECTOR_BYTES,
    extents,
  });
  return {
    header,
    primaryTable: gpt.primary,
    sizeBytes: sectors * SECTOR_BYTES,
    partitions: placed.map(({ partition, image: { packed } }) => ({
      packed,
      startBytes: partition.startSector * SECTOR_BYTES,
    })),
    backupTable: gpt.backup,
    backupOffsetBytes: gpt.backupStartSector * SECTOR_BYTES,
    end: Buffer.concat([tarPadding(dataSizeBytes), TAR_END]),
  };
}

/** Writes the archive. */
export async function writeDiskArchive(plan: DiskPlan, archive: ArchiveFile): Promise<void> {
  await archive.write(Buffer.concat([plan.header, plan.primaryTable]));
  for (const { packed } of plan.partitions) archive.copy(packed);
  await archive.write(Buffer.concat([plan.backupTable, plan.end]));
}

/** Writes the raw disk, a sparse file. */
export async function writeRawDisk(plan: DiskPlan, path: string, pool: UnpackPool): Promise<void> {
  const image = FileImage.create(path, plan.sizeBytes);
  image.write(0, plan.primaryTable);
  image.write(plan.backupOffsetBytes, plan.backupTable);
  image.close();
  await unpackInParallel(pool, plan.partitions, path);
}
