/**
 * FAT12, FAT16 and FAT32 on disk: Microsoft FAT specification 1.03 (December 2000), "section" below. All integers are
 * little-endian.
 */

/** What nearly every disk has. */
export const SECTOR_BYTES = 512;
/** "BPB_BytsPerSec": "only the following values". */
export const SECTOR_SIZES: readonly number[] = [512, 1024, 2048, 4096];
/** The fields of the boot sector and the information sector lie in their first 512 bytes, whatever the sector's size. */
export const BOOT_RECORD_BYTES = 512;

export type FatType = 'fat12' | 'fat16' | 'fat32';

/** "FAT Type Determination": the number of clusters alone says which type a volume is. */
export const CLUSTER_LIMITS: Readonly<
  Record<FatType, { readonly minimum: number; readonly maximum: number }>
> = {
  fat12: { minimum: 1, maximum: 4084 },
  fat16: { minimum: 4085, maximum: 65524 },
  fat32: { minimum: 65525, maximum: 0x0ffffff4 },
};

export const FAT_ENTRY_BITS: Readonly<Record<FatType, number>> = { fat12: 12, fat16: 16, fat32: 32 };

/** "FAT Data Structure": the end of a chain, and the first value that means it. */
export const END_OF_CHAIN: Readonly<Record<FatType, number>> = {
  fat12: 0xfff,
  fat16: 0xffff,
  fat32: 0x0fffffff,
};
export const END_OF_CHAIN_MINIMUM: Readonly<Record<FatType, number>> = {
  fat12: 0xff8,
  fat16: 0xfff8,
  fat32: 0x0ffffff8,
};
/** The four high bits of a FAT32 entry are reserved. */
export const FAT32_ENTRY_MASK = 0x0fffffff;

/** The first two entries of a FAT stand for no cluster: data begins at cluster 2. */
export const FIRST_CLUSTER = 2;

/** Two copies of the FAT, which every driver expects. */
export const FAT_COUNT = 2;

/** Fixed disk. */
export const MEDIA = 0xf8;

/** "Boot Sector and BPB Structure": fields that all types have. */
export const BPB = {
  jump: 0,
  oemName: 3,
  sectorBytes: 11,
  clusterSectors: 13,
  reservedSectors: 14,
  fatCount: 16,
  rootEntryCount: 17,
  totalSectors16: 19,
  media: 21,
  fatSectors16: 22,
  trackSectors: 24,
  headCount: 26,
  hiddenSectors: 28,
  totalSectors32: 32,
  signature: 510,
} as const;

/** The fields of FAT32 alone, from offset 36. */
export const BPB32 = {
  fatSectors: 36,
  extendedFlags: 40,
  version: 42,
  rootCluster: 44,
  infoSector: 48,
  backupBootSector: 50,
} as const;

/** The extended boot record: at 36 for FAT12 and FAT16, at 64 for FAT32. */
export const EXTENDED_RECORD_START: Readonly<Record<FatType, number>> = { fat12: 36, fat16: 36, fat32: 64 };
export const EXTENDED = {
  driveNumber: 0,
  state: 1,
  bootSignature: 2,
  volumeId: 3,
  label: 7,
  typeName: 18,
  code: 26,
} as const;
/** Windows NT's use of the reserved byte, and the kernel's `FAT_STATE_DIRTY`: mounted, and not unmounted since. */
export const STATE_DIRTY = 0x01;
export const EXTENDED_BOOT_SIGNATURE = 0x29;
export const HARD_DISK_DRIVE = 0x80;
export const BOOT_SIGNATURE = 0xaa55;

/** "FSInfo Sector Structure and Backup Boot Sector". */
export const INFO_SECTOR = 1;
export const BACKUP_BOOT_SECTOR = 6;
/** "FSI_Free_Count": the number is not known. */
export const FREE_COUNT_UNKNOWN = 0xffffffff;
export const INFO = {
  leadSignature: 0,
  structSignature: 484,
  freeCount: 488,
  nextFree: 492,
  trailSignature: 508,
} as const;
export const INFO_LEAD_SIGNATURE = 0x41615252;
export const INFO_STRUCT_SIGNATURE = 0x61417272;
export const INFO_TRAIL_SIGNATURE = 0xaa550000;

/** "FAT Directory Structure". */
export const SLOT_BYTES = 32;
export const SLOT = {
  name: 0,
  attributes: 11,
  caseFlags: 12,
  createTime: 14,
  createDate: 16,
  accessDate: 18,
  firstClusterHigh: 20,
  writeTime: 22,
  writeDate: 24,
  firstClusterLow: 26,
  sizeBytes: 28,
} as const;
export const SHORT_NAME_BYTES = 11;
export const SHORT_BASE_BYTES = 8;
export const ATTRIBUTE = {
  readOnly: 0x01,
  hidden: 0x02,
  system: 0x04,
  volumeId: 0x08,
  directory: 0x10,
  archive: 0x20,
  longName: 0x0f,
} as const;
/** "ATTR_LONG_NAME_MASK": the bits that tell a slot of a long name. */
export const LONG_NAME_MASK = 0x3f;
/** Windows NT's use of the reserved byte: base name and extension are lower case. Not in the specification. */
export const CASE_LOWER_BASE = 0x08;
export const CASE_LOWER_EXTENSION = 0x10;
export const SLOT_FREE = 0xe5;
/** "DIR_Name[0]": stands for a first character E5, which would mean a free slot. */
export const SLOT_LEAD_E5 = 0x05;
export const SLOT_END = 0x00;

/** A directory may not be larger than 65,536 slots. */
export const DIRECTORY_SLOT_LIMIT = 65536;

/** "FAT Long Directory Entries". */
export const LONG_NAME_LIMIT = 255;
export const LONG_LAST = 0x40;
export const LONG = { order: 0, type: 12, checksum: 13 } as const;
/** Where the thirteen UTF-16 units of a slot lie. */
export const LONG_UNIT_OFFSETS: readonly number[] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
export const LONG_UNITS = LONG_UNIT_OFFSETS.length;

/** "BPB_ExtFlags": bit 7 says that one FAT alone is in use, bits 0 to 3 which. */
export const EXTENDED_FLAG_ONE_FAT = 0x80;
export const EXTENDED_FLAG_FAT_MASK = 0x0f;

/** The size field has 32 bits. */
export const FILE_SIZE_LIMIT = 0xffffffff;

/** "Short Directory Entry Checksum": ties the slots of a long name to the short name behind them. */
export function shortNameChecksum(shortName: Uint8Array): number {
  let sum = 0;
  for (const byte of shortName) sum = (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff;
  return sum;
}
