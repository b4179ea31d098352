import type { BlockSource } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import {
  BACKUP_BOOT_SECTOR,
  BOOT_SIGNATURE,
  BPB,
  BPB32,
  CLUSTER_LIMITS,
  EXTENDED,
  EXTENDED_RECORD_START,
  FAT_ENTRY_BITS,
  type FatType,
  FIRST_CLUSTER,
  INFO,
  INFO_LEAD_SIGNATURE,
  INFO_STRUCT_SIGNATURE,
  SECTOR_BYTES,
  SHORT_NAME_BYTES,
  SLOT_BYTES,
} from './format.ts';
import { tableEntry } from './table.ts';

/** What the boot sector and the tables say about a volume. */
export interface FatVolume {
  readonly type: FatType;
  readonly sizeBytes: number;
  readonly clusterBytes: number;
  readonly clusterCount: number;
  readonly freeClusterCount: number;
  readonly volumeId: number;
  /** The label of the boot sector. */
  readonly label: string;
  readonly hiddenSectors: number;
  readonly reservedSectors: number;
  readonly rootEntryCount: number;
  readonly rootStartSector: number;
  readonly rootCluster: number;
  readonly dataStartSector: number;
  /** The bytes of the first table. */
  readonly table: Buffer;
}

/** Reads boot sector, information sector and tables; throws a {@link UserError} where they are damaged. */
export function readVolume(source: BlockSource, name: string): FatVolume {
  const fail = (message: string): never => {
    throw new UserError(`${name}: ${message}`);
  };
  if (source.sizeBytes < SECTOR_BYTES) fail('too small for a FAT volume');
  const boot = Buffer.from(source.read(0, SECTOR_BYTES));
  if (boot.readUInt16LE(BPB.signature) !== BOOT_SIGNATURE)
    fail('no FAT volume: sector 0 does not end in 55 AA');
  const clusterSectors = boot.readUInt8(BPB.clusterSectors);
  const fatCount = boot.readUInt8(BPB.fatCount);
  if (
    boot.readUInt16LE(BPB.sectorBytes) !== SECTOR_BYTES ||
    clusterSectors === 0 ||
    (clusterSectors & (clusterSectors - 1)) !== 0 ||
    fatCount === 0
  ) {
    fail('no FAT volume with sectors of 512 bytes: the boot sector holds impossible values');
  }
  const reservedSectors = boot.readUInt16LE(BPB.reservedSectors);
  const rootEntryCount = boot.readUInt16LE(BPB.rootEntryCount);
  const fatSectors = boot.readUInt16LE(BPB.fatSectors16) || boot.readUInt32LE(BPB32.fatSectors);
  const totalSectors = boot.readUInt16LE(BPB.totalSectors16) || boot.readUInt32LE(BPB.totalSectors32);
  const rootStartSector = reservedSectors + fatCount * fatSectors;
  const dataStartSector = rootStartSector + Math.ceil((rootEntryCount * SLOT_BYTES) / SECTOR_BYTES);
  const clusterCount = Math.floor((totalSectors - dataStartSector) / clusterSectors);
  const type = typeOf(clusterCount);
  if (type === undefined || totalSectors * SECTOR_BYTES > source.sizeBytes) {
    return fail(`a FAT volume of ${totalSectors} sectors does not go into ${source.sizeBytes} bytes`);
  }
  const tableBytes = fatSectors * SECTOR_BYTES;
  if (tableBytes * 8 < (clusterCount + FIRST_CLUSTER) * FAT_ENTRY_BITS[type]) {
    fail(`the table of ${tableBytes} bytes is too small for ${clusterCount} clusters`);
  }
  const tables = Array.from({ length: fatCount }, (_, copy) =>
    Buffer.from(source.read(reservedSectors * SECTOR_BYTES + copy * tableBytes, tableBytes)),
  );
  const [table = Buffer.alloc(0), ...copies] = tables;
  if (copies.some((copy) => !copy.equals(table))) fail('the copies of the file allocation table differ');
  const freeClusterCount = countFree(type, table, clusterCount);
  if (type === 'fat32') checkFat32(source, boot, freeClusterCount, fail);
  const extended = EXTENDED_RECORD_START[type];
  const labelStart = extended + EXTENDED.label;
  return {
    type,
    sizeBytes: totalSectors * SECTOR_BYTES,
    clusterBytes: clusterSectors * SECTOR_BYTES,
    clusterCount,
    freeClusterCount,
    volumeId: boot.readUInt32LE(extended + EXTENDED.volumeId),
    label: boot.toString('latin1', labelStart, labelStart + SHORT_NAME_BYTES).trimEnd(),
    hiddenSectors: boot.readUInt32LE(BPB.hiddenSectors),
    reservedSectors,
    rootEntryCount,
    rootStartSector,
    rootCluster: type === 'fat32' ? boot.readUInt32LE(BPB32.rootCluster) : 0,
    dataStartSector,
    table,
  };
}

function typeOf(clusterCount: number): FatType | undefined {
  for (const type of ['fat12', 'fat16', 'fat32'] as const) {
    const { minimum, maximum } = CLUSTER_LIMITS[type];
    if (clusterCount >= minimum && clusterCount <= maximum) return type;
  }
  return undefined;
}

function countFree(type: FatType, table: Buffer, clusterCount: number): number {
  let count = 0;
  for (let cluster = FIRST_CLUSTER; cluster < FIRST_CLUSTER + clusterCount; cluster += 1) {
    if (tableEntry(type, table, cluster) === 0) count += 1;
  }
  return count;
}

function checkFat32(
  source: BlockSource,
  boot: Buffer,
  freeClusterCount: number,
  fail: (message: string) => never,
): void {
  const infoSector = boot.readUInt16LE(BPB32.infoSector);
  if (infoSector >= boot.readUInt16LE(BPB.reservedSectors))
    fail('the information sector of FAT32 is missing');
  const info = Buffer.from(source.read(infoSector * SECTOR_BYTES, SECTOR_BYTES));
  if (
    info.readUInt32LE(INFO.leadSignature) !== INFO_LEAD_SIGNATURE ||
    info.readUInt32LE(INFO.structSignature) !== INFO_STRUCT_SIGNATURE
  ) {
    fail('the information sector of FAT32 has no signature');
  }
  if (info.readUInt32LE(INFO.freeCount) !== freeClusterCount) {
    fail(
      `the information sector says ${info.readUInt32LE(INFO.freeCount)} free clusters, there are ${freeClusterCount}`,
    );
  }
  const backup = Buffer.from(source.read(BACKUP_BOOT_SECTOR * SECTOR_BYTES, SECTOR_BYTES));
  if (!backup.equals(boot)) fail('the boot sector and its backup differ');
}
