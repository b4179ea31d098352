import {
  BACKUP_BOOT_SECTOR,
  BOOT_SIGNATURE,
  BPB,
  BPB32,
  EXTENDED,
  EXTENDED_BOOT_SIGNATURE,
  EXTENDED_RECORD_START,
  FAT_COUNT,
  FIRST_CLUSTER,
  HARD_DISK_DRIVE,
  INFO,
  INFO_LEAD_SIGNATURE,
  INFO_SECTOR,
  INFO_STRUCT_SIGNATURE,
  INFO_TRAIL_SIGNATURE,
  MEDIA,
  SHORT_NAME_BYTES,
} from './format.ts';
import type { FatGeometry } from './geometry.ts';

/** "BS_OEMName": the string that the most drivers take. */
const OEM_NAME = 'MSWIN4.1';
/** What stands in the boot sector when a volume has no label. */
export const NO_LABEL = 'NO NAME';
const TYPE_NAME_BYTES = 8;

const JUMP_SHORT = 0xeb;
const JUMP_BYTES = 2;
const NOP = 0x90;
/** `int 0x18` hands over to the firmware's next boot device; `hlt` and `jmp` back to it where that returns. */
const BOOT_CODE: readonly number[] = [0xcd, 0x18, 0xf4, 0xeb, 0xfd];

/** A cylinder of 64 heads and 32 sectors is 1 MiB. */
const TRACK_SECTORS = 32;
const HEAD_COUNT = 64;

export interface VolumeIdentity {
  readonly volumeId: number;
  /** Up to eleven characters, or none. */
  readonly label: string;
  readonly hiddenSectors: number;
}

/** Encodes the boot sector of a volume. */
export function encodeBootSector(geometry: FatGeometry, identity: VolumeIdentity): Uint8Array {
  const { type, totalSectors, fatSectors } = geometry;
  const bytes = Buffer.alloc(geometry.sectorBytes);
  const extended = EXTENDED_RECORD_START[type];
  bytes.set([JUMP_SHORT, extended + EXTENDED.code - JUMP_BYTES, NOP], BPB.jump);
  bytes.write(OEM_NAME, BPB.oemName, 'latin1');
  bytes.writeUInt16LE(geometry.sectorBytes, BPB.sectorBytes);
  bytes.writeUInt8(geometry.clusterSectors, BPB.clusterSectors);
  bytes.writeUInt16LE(geometry.reservedSectors, BPB.reservedSectors);
  bytes.writeUInt8(FAT_COUNT, BPB.fatCount);
  bytes.writeUInt16LE(geometry.rootEntryCount, BPB.rootEntryCount);
  bytes.writeUInt8(MEDIA, BPB.media);
  bytes.writeUInt16LE(trackSectors(totalSectors), BPB.trackSectors);
  bytes.writeUInt16LE(HEAD_COUNT, BPB.headCount);
  bytes.writeUInt32LE(identity.hiddenSectors, BPB.hiddenSectors);
  if (type !== 'fat32' && totalSectors <= 0xffff) bytes.writeUInt16LE(totalSectors, BPB.totalSectors16);
  else bytes.writeUInt32LE(totalSectors, BPB.totalSectors32);
  if (type === 'fat32') {
    bytes.writeUInt32LE(fatSectors, BPB32.fatSectors);
    bytes.writeUInt32LE(FIRST_CLUSTER, BPB32.rootCluster);
    bytes.writeUInt16LE(INFO_SECTOR, BPB32.infoSector);
    bytes.writeUInt16LE(BACKUP_BOOT_SECTOR, BPB32.backupBootSector);
  } else {
    bytes.writeUInt16LE(fatSectors, BPB.fatSectors16);
  }
  bytes.writeUInt8(HARD_DISK_DRIVE, extended + EXTENDED.driveNumber);
  bytes.writeUInt8(EXTENDED_BOOT_SIGNATURE, extended + EXTENDED.bootSignature);
  bytes.writeUInt32LE(identity.volumeId, extended + EXTENDED.volumeId);
  bytes.write((identity.label || NO_LABEL).padEnd(SHORT_NAME_BYTES), extended + EXTENDED.label, 'latin1');
  bytes.write(type.toUpperCase().padEnd(TYPE_NAME_BYTES), extended + EXTENDED.typeName, 'latin1');
  bytes.set(BOOT_CODE, extended + EXTENDED.code);
  bytes.writeUInt16LE(BOOT_SIGNATURE, BPB.signature);
  return bytes;
}

/** mtools refuses volumes that are not whole tracks, so that odd sizes get shorter tracks. */
function trackSectors(totalSectors: number): number {
  let sectors = TRACK_SECTORS;
  while (totalSectors % sectors !== 0) sectors /= 2;
  return sectors;
}

/** Encodes FAT32's sector with the number of free clusters and the place of the next one. */
export function encodeInfoSector(sectorBytes: number, freeCount: number, nextFree: number): Uint8Array {
  const bytes = Buffer.alloc(sectorBytes);
  bytes.writeUInt32LE(INFO_LEAD_SIGNATURE, INFO.leadSignature);
  bytes.writeUInt32LE(INFO_STRUCT_SIGNATURE, INFO.structSignature);
  bytes.writeUInt32LE(freeCount, INFO.freeCount);
  bytes.writeUInt32LE(nextFree, INFO.nextFree);
  bytes.writeUInt32LE(INFO_TRAIL_SIGNATURE, INFO.trailSignature);
  return bytes;
}
