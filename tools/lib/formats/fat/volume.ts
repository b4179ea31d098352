import type { BlockSource } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import { viewOf } from '../structure/view.ts';
import {
  BOOT_RECORD_BYTES,
  BOOT_SECTOR_16,
  BOOT_SECTOR_32,
  BOOT_SIGNATURE,
  bootSectorOf,
  CLUSTER_LIMITS,
  EXTENDED_FLAG_FAT_MASK,
  EXTENDED_FLAG_ONE_FAT,
  type FatType,
  FREE_COUNT_UNKNOWN,
  INFO,
  INFO_LEAD_SIGNATURE,
  INFO_STRUCT_SIGNATURE,
  SECTOR_SIZES,
  SLOT_BYTES,
  STATE_DIRTY,
} from './format.ts';
import { fatSectorsFor } from './geometry.ts';
import { type TablePlace, TableReader } from './table-reader.ts';

/** A volume as its boot sector and tables describe it. */
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
  /** The number of file allocation tables, which follow the reserved sectors. */
  readonly fatCount: number;
  readonly fatSectors: number;
  readonly rootEntryCount: number;
  readonly rootStartSector: number;
  /** 0 if the root directory is not a chain of clusters. */
  readonly rootCluster: number;
  readonly dataStartSector: number;
  /** Whether the volume was mounted for writing and not unmounted since. */
  readonly isDirty: boolean;
}

/** Formats a serial number as mtools and blkid show it: `1234-ABCD`. */
export function formatVolumeId(volumeId: number): string {
  const digits = volumeId.toString(16).toUpperCase().padStart(8, '0');
  return `${digits.slice(0, 4)}-${digits.slice(4)}`;
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
 * Reads the boot sector and the FSInfo sector, and compares the copies of tables and boot sector.
 * The memory use is bounded.
 *
 * @throws UserError if one of them is damaged
 */
export function readVolume(source: BlockSource, name: string): OpenVolume {
  const fail: Fail = (message) => {
    throw new UserError(`${name}: ${message}`);
  };
  if (source.sizeBytes < BOOT_RECORD_BYTES) fail('too small for a FAT volume');
  const boot = source.read(0, BOOT_RECORD_BYTES);
  const layout = readLayout(viewOf(boot), source.sizeBytes, fail);
  const table = new TableReader(source, tablePlace(viewOf(boot), layout, fail));
  const freeClusterCount = table.check(name);
  if (layout.type === 'fat32') {
    checkInfoSector(source, boot, layout, freeClusterCount, fail);
    checkBackup(source, boot, layout, fail);
  }
  return { volume: describe(boot, layout, freeClusterCount), table };
}

function readLayout(boot: DataView, sourceBytes: number, fail: Fail): Layout {
  // These fields are common to all types.
  const { at } = BOOT_SECTOR_16;
  if (at.signature.get(boot) !== BOOT_SIGNATURE) fail('not a FAT volume: sector 0 does not end in 55 AA');
  const sectorBytes = at.BPB_BytsPerSec.get(boot);
  const clusterSectors = at.BPB_SecPerClus.get(boot);
  const fatCount = at.BPB_NumFATs.get(boot);
  const reservedSectors = at.BPB_RsvdSecCnt.get(boot);
  const fatSectors16 = at.BPB_FATSz16.get(boot);
  const fatSectors = fatSectors16 || BOOT_SECTOR_32.at.BPB_FATSz32.get(boot);
  if (
    !SECTOR_SIZES.includes(sectorBytes) ||
    clusterSectors === 0 ||
    (clusterSectors & (clusterSectors - 1)) !== 0 ||
    [fatCount, reservedSectors, fatSectors].includes(0)
  ) {
    fail(
      'not a FAT volume: the boot sector has impossible sizes of sectors, clusters, tables or reserved sectors',
    );
  }
  const rootEntryCount = at.BPB_RootEntCnt.get(boot);
  const totalSectors = at.BPB_TotSec16.get(boot) || at.BPB_TotSec32.get(boot);
  const rootStartSector = reservedSectors + fatCount * fatSectors;
  const dataStartSector = rootStartSector + Math.ceil((rootEntryCount * SLOT_BYTES) / sectorBytes);
  const clusterCount = Math.floor((totalSectors - dataStartSector) / clusterSectors);
  // mkfs.fat can make FAT32 volumes with few clusters. mkfs.fat and the kernel recognize FAT32 by
  // the field that contains the size of the table.
  const type =
    fatSectors16 === 0 ? 'fat32' : clusterCount <= CLUSTER_LIMITS.fat12.maximum ? 'fat12' : 'fat16';
  if (clusterCount < 1 || clusterCount > CLUSTER_LIMITS[type].maximum) {
    fail(`${totalSectors} sectors with clusters of ${clusterSectors} are not a ${type.toUpperCase()} volume`);
  }
  if (totalSectors * sectorBytes > sourceBytes)
    fail(`a FAT volume of ${totalSectors} sectors does not fit into ${sourceBytes} bytes`);
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

/** Locates the table in use and its copies. FAT32 can declare that only one table is in use. */
function tablePlace(boot: DataView, layout: Layout, fail: Fail): TablePlace {
  const { type, clusterCount, fatCount, fatSectors, reservedSectors, sectorBytes } = layout;
  const starts = Array.from(
    { length: fatCount },
    (_, copy) => (reservedSectors + copy * fatSectors) * sectorBytes,
  );
  const flags = type === 'fat32' ? BOOT_SECTOR_32.at.BPB_ExtFlags.get(boot) : 0;
  const isAlone = (flags & EXTENDED_FLAG_ONE_FAT) !== 0;
  const active = isAlone ? flags & EXTENDED_FLAG_FAT_MASK : 0;
  const startBytes = starts[active] ?? fail(`table ${active} is in use, but there are only ${fatCount}`);
  return { type, clusterCount, startBytes, copyStartBytes: isAlone ? [] : starts.slice(1) };
}

function describe(boot: Uint8Array, layout: Layout, freeClusterCount: number): FatVolume {
  const { type, totalSectors, sectorBytes, clusterSectors } = layout;
  const { at } = bootSectorOf(type);
  const view = viewOf(boot);
  return {
    type,
    sizeBytes: totalSectors * sectorBytes,
    sectorBytes,
    clusterBytes: clusterSectors * sectorBytes,
    clusterCount: layout.clusterCount,
    freeClusterCount,
    volumeId: at.BS_VolID.get(view),
    label: Buffer.from(at.BS_VolLab.bytes(boot)).toString('latin1').trimEnd(),
    hiddenSectors: at.BPB_HiddSec.get(view),
    reservedSectors: layout.reservedSectors,
    fatCount: layout.fatCount,
    fatSectors: layout.fatSectors,
    rootEntryCount: layout.rootEntryCount,
    rootStartSector: layout.rootStartSector,
    rootCluster: type === 'fat32' ? BOOT_SECTOR_32.at.BPB_RootClus.get(view) : 0,
    dataStartSector: layout.dataStartSector,
    isDirty: (at.BS_Reserved1.get(view) & STATE_DIRTY) !== 0,
  };
}

function checkInfoSector(
  source: BlockSource,
  boot: Uint8Array,
  { reservedSectors, sectorBytes }: Layout,
  freeClusterCount: number,
  fail: Fail,
): void {
  const infoSector = BOOT_SECTOR_32.at.BPB_FSInfo.get(viewOf(boot));
  if (infoSector === 0 || infoSector >= reservedSectors) fail('the information sector of FAT32 is missing');
  const info = viewOf(source.read(infoSector * sectorBytes, INFO.sizeBytes));
  if (
    INFO.at.FSI_LeadSig.get(info) !== INFO_LEAD_SIGNATURE ||
    INFO.at.FSI_StrucSig.get(info) !== INFO_STRUCT_SIGNATURE
  ) {
    fail('the information sector of FAT32 has no signature');
  }
  const freeCount = INFO.at.FSI_Free_Count.get(info);
  if (freeCount !== freeClusterCount && freeCount !== FREE_COUNT_UNKNOWN) {
    fail(`the information sector says ${freeCount} free clusters, there are ${freeClusterCount}`);
  }
}

/**
 * Compares the boot sector with its backup, except the mark of a mounted volume, which only the
 * boot sector has.
 */
function checkBackup(
  source: BlockSource,
  boot: Uint8Array,
  { reservedSectors, sectorBytes }: Layout,
  fail: Fail,
): void {
  const { BPB_BkBootSec, BS_Reserved1 } = BOOT_SECTOR_32.at;
  const backupSector = BPB_BkBootSec.get(viewOf(boot));
  if (backupSector === 0) return;
  if (backupSector >= reservedSectors) {
    fail(`the backup of the boot sector is in sector ${backupSector}, after the reserved sectors`);
  }
  const backup = Buffer.from(source.read(backupSector * sectorBytes, BOOT_RECORD_BYTES));
  BS_Reserved1.set(viewOf(backup), BS_Reserved1.get(viewOf(boot)));
  if (!backup.equals(boot)) fail('the boot sector and its backup differ');
}
