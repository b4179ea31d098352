import { viewOf } from '../structure/view.ts';
import {
  BACKUP_BOOT_SECTOR,
  BOOT_SECTOR_16,
  BOOT_SECTOR_32,
  BOOT_SIGNATURE,
  bootSectorOf,
  EXTENDED_BOOT_SIGNATURE,
  FAT_COUNT,
  FIRST_CLUSTER,
  HARD_DISK_DRIVE,
  INFO,
  INFO_LEAD_SIGNATURE,
  INFO_SECTOR,
  INFO_STRUCT_SIGNATURE,
  INFO_TRAIL_SIGNATURE,
  JUMP_SHORT,
  MEDIA,
} from './format.ts';
import type { FatGeometry } from './geometry.ts';

/** "BS_OEMName": the string that most drivers accept. */
const OEM_NAME = 'MSWIN4.1';
/** The label in the boot sector of a volume without a label. */
export const NO_LABEL = 'NO NAME';

const JUMP_BYTES = 2;
const NOP = 0x90;
/**
 * `int 0x18` starts the firmware's next boot device. If it returns, `hlt` and `jmp` loop forever.
 */
const BOOT_CODE = Uint8Array.of(0xcd, 0x18, 0xf4, 0xeb, 0xfd);

/** A cylinder of 64 heads and 32 sectors is 1 MiB. */
const TRACK_SECTORS = 32;
const HEAD_COUNT = 64;

export interface VolumeIdentity {
  readonly volumeId: number;
  /** Up to eleven characters; empty for no label. */
  readonly label: string;
  readonly hiddenSectors: number;
}

/** Encodes the boot sector of a volume. */
export function encodeBootSector(geometry: FatGeometry, identity: VolumeIdentity): Uint8Array {
  const { type, totalSectors, fatSectors } = geometry;
  const bytes = new Uint8Array(geometry.sectorBytes);
  const view = viewOf(bytes);
  const { at } = bootSectorOf(type);
  const code = at['boot code'];
  at.BS_jmpBoot.setBytes(bytes, Uint8Array.of(JUMP_SHORT, code.offsetBytes - JUMP_BYTES, NOP));
  at.BS_OEMName.setBytes(bytes, Buffer.from(OEM_NAME, 'latin1'));
  at.BPB_BytsPerSec.set(view, geometry.sectorBytes);
  at.BPB_SecPerClus.set(view, geometry.clusterSectors);
  at.BPB_RsvdSecCnt.set(view, geometry.reservedSectors);
  at.BPB_NumFATs.set(view, FAT_COUNT);
  at.BPB_RootEntCnt.set(view, geometry.rootEntryCount);
  at.BPB_Media.set(view, MEDIA);
  at.BPB_SecPerTrk.set(view, trackSectors(totalSectors));
  at.BPB_NumHeads.set(view, HEAD_COUNT);
  at.BPB_HiddSec.set(view, identity.hiddenSectors);
  if (type !== 'fat32' && totalSectors <= 0xffff) at.BPB_TotSec16.set(view, totalSectors);
  else at.BPB_TotSec32.set(view, totalSectors);
  if (type === 'fat32') {
    BOOT_SECTOR_32.at.BPB_FATSz32.set(view, fatSectors);
    BOOT_SECTOR_32.at.BPB_RootClus.set(view, FIRST_CLUSTER);
    BOOT_SECTOR_32.at.BPB_FSInfo.set(view, INFO_SECTOR);
    BOOT_SECTOR_32.at.BPB_BkBootSec.set(view, BACKUP_BOOT_SECTOR);
  } else {
    BOOT_SECTOR_16.at.BPB_FATSz16.set(view, fatSectors);
  }
  at.BS_DrvNum.set(view, HARD_DISK_DRIVE);
  at.BS_BootSig.set(view, EXTENDED_BOOT_SIGNATURE);
  at.BS_VolID.set(view, identity.volumeId);
  at.BS_VolLab.setBytes(bytes, padded(identity.label || NO_LABEL, at.BS_VolLab.lengthBytes));
  at.BS_FilSysType.setBytes(bytes, padded(type.toUpperCase(), at.BS_FilSysType.lengthBytes));
  code.setBytes(bytes, BOOT_CODE);
  at.signature.set(view, BOOT_SIGNATURE);
  return bytes;
}

function padded(text: string, lengthBytes: number): Buffer {
  return Buffer.from(text.padEnd(lengthBytes), 'latin1');
}

/**
 * Returns the sectors of a track: mtools refuses volumes that are not whole tracks, so odd sizes
 * get shorter ones.
 */
function trackSectors(totalSectors: number): number {
  let sectors = TRACK_SECTORS;
  while (totalSectors % sectors !== 0) sectors /= 2;
  return sectors;
}

/** Encodes the FSInfo sector of FAT32. `nextFree` is the number of the first free cluster. */
export function encodeInfoSector(sectorBytes: number, freeCount: number, nextFree: number): Uint8Array {
  const bytes = new Uint8Array(sectorBytes);
  const view = viewOf(bytes);
  INFO.at.FSI_LeadSig.set(view, INFO_LEAD_SIGNATURE);
  INFO.at.FSI_StrucSig.set(view, INFO_STRUCT_SIGNATURE);
  INFO.at.FSI_Free_Count.set(view, freeCount);
  INFO.at.FSI_Nxt_Free.set(view, nextFree);
  INFO.at.FSI_TrailSig.set(view, INFO_TRAIL_SIGNATURE);
  return bytes;
}
