import type { BlockSource } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import {
  BOOT_RECORD_BYTES,
  BOOT_SIGNATURE,
  BPB,
  BPB32,
  CLUSTER_LIMITS,
  EXTENDED,
  EXTENDED_FLAG_FAT_MASK,
  EXTENDED_FLAG_ONE_FAT,
  EXTENDED_RECORD_START,
  type FatType,
  FREE_COUNT_UNKNOWN,
  INFO,
  INFO_LEAD_SIGNATURE,
  INFO_STRUCT_SIGNATURE,
  SECTOR_SIZES,
  SHORT_NAME_BYTES,
  SLOT_BYTES,
  STATE_DIRTY,
} from './format.ts';
import { fatSectorsFor } from './geometry.ts';
import { type TablePlace, TableReader } from './table-reader.ts';

/** What the boot sector and the tables say about a volume. */
export interface FatVolume {
  readonly type: FatType;
  readonly sizeBytes: number;
  readonly sectorBytes: number;
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
  /** 0 where the root directory is no chain of clusters. */
  readonly rootCluster: number;
  readonly dataStartSector: number;
  /** Whether it was mounted for writing and not unmounted since. */
  readonly isDirty: boolean;
}

export interface OpenVolume {
  readonly volume: FatVolume;
  readonly table: TableReader;
}

type Fail = (message: string) => never;

interface Layout {
  readonly type: FatType;
  readonly totalSectors: number;
  readonly sectorBytes: number;
  readonly clusterSectors: number;
  readonly clusterCount: number;
  readonly fatCount: number;
  readonly fatSectors: number;
  readonly reservedSectors: number;
  readonly rootEntryCount: number;
  readonly rootStartSector: number;
  readonly dataStartSector: number;
}

/**
 * Reads boot sector and information sector, and compares the copies of tables and boot sector. Memory is bounded.
 *
 * @throws UserError where they are damaged
 */
export function readVolume(source: BlockSource, name: string): OpenVolume {
  const fail: Fail = (message) => {
    throw new UserError(`${name}: ${message}`);
  };
  if (source.sizeBytes < BOOT_RECORD_BYTES) fail('too small for a FAT volume');
  const boot = Buffer.from(source.read(0, BOOT_RECORD_BYTES));
  const layout = readLayout(boot, source.sizeBytes, fail);
  const table = new TableReader(source, tablePlace(boot, layout, fail));
  const freeClusterCount = table.check(name);
  if (layout.type === 'fat32') {
    checkInfoSector(source, boot, layout, freeClusterCount, fail);
    checkBackup(source, boot, layout, fail);
  }
  return { volume: describe(boot, layout, freeClusterCount), table };
}

function readLayout(boot: Buffer, sourceBytes: number, fail: Fail): Layout {
  if (boot.readUInt16LE(BPB.signature) !== BOOT_SIGNATURE)
    fail('no FAT volume: sector 0 does not end in 55 AA');
  const sectorBytes = boot.readUInt16LE(BPB.sectorBytes);
  const clusterSectors = boot.readUInt8(BPB.clusterSectors);
  const fatCount = boot.readUInt8(BPB.fatCount);
  const reservedSectors = boot.readUInt16LE(BPB.reservedSectors);
  const fatSectors16 = boot.readUInt16LE(BPB.fatSectors16);
  const fatSectors = fatSectors16 || boot.readUInt32LE(BPB32.fatSectors);
  if (
    !SECTOR_SIZES.includes(sectorBytes) ||
    clusterSectors === 0 ||
    (clusterSectors & (clusterSectors - 1)) !== 0 ||
    [fatCount, reservedSectors, fatSectors].includes(0)
  ) {
    fail(
      'no FAT volume: the boot sector holds impossible sizes of sectors, clusters, tables or reserved sectors',
    );
  }
  const rootEntryCount = boot.readUInt16LE(BPB.rootEntryCount);
  const totalSectors = boot.readUInt16LE(BPB.totalSectors16) || boot.readUInt32LE(BPB.totalSectors32);
  const rootStartSector = reservedSectors + fatCount * fatSectors;
  const dataStartSector = rootStartSector + Math.ceil((rootEntryCount * SLOT_BYTES) / sectorBytes);
  const clusterCount = Math.floor((totalSectors - dataStartSector) / clusterSectors);
  // mkfs.fat makes FAT32 of few clusters when it is told to; it and the kernel take it from where the table's size stands.
  const type =
    fatSectors16 === 0 ? 'fat32' : clusterCount <= CLUSTER_LIMITS.fat12.maximum ? 'fat12' : 'fat16';
  if (clusterCount < 1 || clusterCount > CLUSTER_LIMITS[type].maximum) {
    fail(`${totalSectors} sectors with clusters of ${clusterSectors} make no ${type.toUpperCase()} volume`);
  }
  if (totalSectors * sectorBytes > sourceBytes)
    fail(`a FAT volume of ${totalSectors} sectors does not go into ${sourceBytes} bytes`);
  if (fatSectorsFor(type, clusterCount, sectorBytes) > fatSectors) {
    fail(`the table of ${fatSectors * sectorBytes} bytes is too small for ${clusterCount} clusters`);
  }
  return {
    type,
    totalSectors,
    sectorBytes,
    clusterSectors,
    clusterCount,
    fatCount,
    fatSectors,
    reservedSectors,
    rootEntryCount,
    rootStartSector,
    dataStartSector,
  };
}

/** The table in use and the copies that have to be like it: all of them, or on FAT32 one alone, if it says so. */
function tablePlace(boot: Buffer, layout: Layout, fail: Fail): TablePlace {
  const { type, clusterCount, fatCount, fatSectors, reservedSectors, sectorBytes } = layout;
  const starts = Array.from(
    { length: fatCount },
    (_, copy) => (reservedSectors + copy * fatSectors) * sectorBytes,
  );
  const flags = type === 'fat32' ? boot.readUInt16LE(BPB32.extendedFlags) : 0;
  const isAlone = (flags & EXTENDED_FLAG_ONE_FAT) !== 0;
  const active = isAlone ? flags & EXTENDED_FLAG_FAT_MASK : 0;
  const startBytes = starts[active] ?? fail(`table ${active} is in use, and there are ${fatCount}`);
  return { type, clusterCount, startBytes, copyStartBytes: isAlone ? [] : starts.slice(1) };
}

function describe(boot: Buffer, layout: Layout, freeClusterCount: number): FatVolume {
  const { type, totalSectors, sectorBytes, clusterSectors } = layout;
  const extended = EXTENDED_RECORD_START[type];
  const labelStart = extended + EXTENDED.label;
  return {
    type,
    sizeBytes: totalSectors * sectorBytes,
    sectorBytes,
    clusterBytes: clusterSectors * sectorBytes,
    clusterCount: layout.clusterCount,
    freeClusterCount,
    volumeId: boot.readUInt32LE(extended + EXTENDED.volumeId),
    label: boot.toString('latin1', labelStart, labelStart + SHORT_NAME_BYTES).trimEnd(),
    hiddenSectors: boot.readUInt32LE(BPB.hiddenSectors),
    reservedSectors: layout.reservedSectors,
    rootEntryCount: layout.rootEntryCount,
    rootStartSector: layout.rootStartSector,
    rootCluster: type === 'fat32' ? boot.readUInt32LE(BPB32.rootCluster) : 0,
    dataStartSector: layout.dataStartSector,
    isDirty: (boot.readUInt8(extended + EXTENDED.state) & STATE_DIRTY) !== 0,
  };
}

function checkInfoSector(
  source: BlockSource,
  boot: Buffer,
  { reservedSectors, sectorBytes }: Layout,
  freeClusterCount: number,
  fail: Fail,
): void {
  const infoSector = boot.readUInt16LE(BPB32.infoSector);
  if (infoSector === 0 || infoSector >= reservedSectors) fail('the information sector of FAT32 is missing');
  const info = Buffer.from(source.read(infoSector * sectorBytes, BOOT_RECORD_BYTES));
  if (
    info.readUInt32LE(INFO.leadSignature) !== INFO_LEAD_SIGNATURE ||
    info.readUInt32LE(INFO.structSignature) !== INFO_STRUCT_SIGNATURE
  ) {
    fail('the information sector of FAT32 has no signature');
  }
  const freeCount = info.readUInt32LE(INFO.freeCount);
  if (freeCount !== freeClusterCount && freeCount !== FREE_COUNT_UNKNOWN) {
    fail(`the information sector says ${freeCount} free clusters, there are ${freeClusterCount}`);
  }
}

/** The backup is not touched by a mount, so that the mark of one does not count. */
function checkBackup(
  source: BlockSource,
  boot: Buffer,
  { type, reservedSectors, sectorBytes }: Layout,
  fail: Fail,
): void {
  const backupSector = boot.readUInt16LE(BPB32.backupBootSector);
  if (backupSector === 0) return;
  if (backupSector >= reservedSectors) fail(`the backup of the boot sector lies at sector ${backupSector}`);
  const backup = Buffer.from(source.read(backupSector * sectorBytes, BOOT_RECORD_BYTES));
  const stateOffset = EXTENDED_RECORD_START[type] + EXTENDED.state;
  backup.writeUInt8(boot.readUInt8(stateOffset), stateOffset);
  if (!backup.equals(boot)) fail('the boot sector and its backup differ');
}
