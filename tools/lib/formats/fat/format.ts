/**
 * FAT12, FAT16 and FAT32 on disk: Microsoft FAT specification 1.03 (December 2000). The quoted
 * names below are its sections and fields. All integers are little-endian.
 *
 * Each structure is one table of fields, with the names of the specification.
 */
import { structure } from '../structure/structure.ts';

/** The sector size of nearly every disk. */
export const SECTOR_BYTES = 512;
/** "BPB_BytsPerSec": "only the following values". */
export const SECTOR_SIZES: readonly number[] = [512, 1024, 2048, 4096];

export type FatType = 'fat12' | 'fat16' | 'fat32';

/** "FAT Type Determination": only the number of clusters determines the type of a volume. */
export const CLUSTER_LIMITS: Readonly<
  Record<FatType, { readonly minimum: number; readonly maximum: number }>
> = {
  fat12: { minimum: 1, maximum: 4084 },
  fat16: { minimum: 4085, maximum: 65524 },
  fat32: { minimum: 65525, maximum: 0x0ffffff4 },
};

export const FAT_ENTRY_BITS: Readonly<Record<FatType, 12 | 16 | 32>> = { fat12: 12, fat16: 16, fat32: 32 };

/** "FAT Data Structure": the value that is written at the end of a chain. */
export const END_OF_CHAIN: Readonly<Record<FatType, number>> = {
  fat12: 0xfff,
  fat16: 0xffff,
  fat32: 0x0fffffff,
};
/** "FAT Data Structure": this value and all larger ones end a chain. */
export const END_OF_CHAIN_MINIMUM: Readonly<Record<FatType, number>> = {
  fat12: 0xff8,
  fat16: 0xfff8,
  fat32: 0x0ffffff8,
};
/** The four high bits of a FAT32 entry are reserved. */
export const FAT32_ENTRY_MASK = 0x0fffffff;

/** The first two entries of a FAT belong to no cluster: data begins at cluster 2. */
export const FIRST_CLUSTER = 2;

/** Every driver expects two copies of the FAT. */
export const FAT_COUNT = 2;

/** "BPB_Media": a fixed disk. */
export const MEDIA = 0xf8;

/** "Boot Sector and BPB Structure": the fields that the boot sectors of all types begin with. */
const BPB_FIELDS = [
  [0, 3, 'BS_jmpBoot'],
  [3, 8, 'BS_OEMName'],
  [11, 2, 'BPB_BytsPerSec'],
  [13, 1, 'BPB_SecPerClus'],
  [14, 2, 'BPB_RsvdSecCnt'],
  [16, 1, 'BPB_NumFATs'],
  [17, 2, 'BPB_RootEntCnt'],
  [19, 2, 'BPB_TotSec16'],
  [21, 1, 'BPB_Media'],
  [22, 2, 'BPB_FATSz16'],
  [24, 2, 'BPB_SecPerTrk'],
  [26, 2, 'BPB_NumHeads'],
  [28, 4, 'BPB_HiddSec'],
  [32, 4, 'BPB_TotSec32'],
] as const;

/** "Fat12 and Fat16 Structure Starting at Offset 36". */
export const BOOT_SECTOR_16 = structure([
  ...BPB_FIELDS,
  [36, 1, 'BS_DrvNum'],
  [37, 1, 'BS_Reserved1'],
  [38, 1, 'BS_BootSig'],
  [39, 4, 'BS_VolID'],
  [43, 11, 'BS_VolLab'],
  [54, 8, 'BS_FilSysType'],
  [62, 448, 'boot code'],
  [510, 2, 'signature'],
]);

/** "FAT32 Structure Starting at Offset 36". */
export const BOOT_SECTOR_32 = structure([
  ...BPB_FIELDS,
  [36, 4, 'BPB_FATSz32'],
  [40, 2, 'BPB_ExtFlags'],
  [42, 2, 'BPB_FSVer'],
  [44, 4, 'BPB_RootClus'],
  [48, 2, 'BPB_FSInfo'],
  [50, 2, 'BPB_BkBootSec'],
  [52, 12, 'BPB_Reserved'],
  [64, 1, 'BS_DrvNum'],
  [65, 1, 'BS_Reserved1'],
  [66, 1, 'BS_BootSig'],
  [67, 4, 'BS_VolID'],
  [71, 11, 'BS_VolLab'],
  [82, 8, 'BS_FilSysType'],
  [90, 420, 'boot code'],
  [510, 2, 'signature'],
]);

/** The fields of the boot sector are in its first 512 bytes, whatever the size of a sector. */
export const BOOT_RECORD_BYTES = BOOT_SECTOR_16.sizeBytes;

/**
 * Returns the boot sector of a type. From byte 36 on, the fields of both tables have different
 * offsets.
 */
export function bootSectorOf(type: FatType): typeof BOOT_SECTOR_16 | typeof BOOT_SECTOR_32 {
  return type === 'fat32' ? BOOT_SECTOR_32 : BOOT_SECTOR_16;
}

/**
 * Windows NT's use of "BS_Reserved1", and the kernel's `FAT_STATE_DIRTY`: mounted, and not
 * unmounted since.
 */
export const STATE_DIRTY = 0x01;
export const EXTENDED_BOOT_SIGNATURE = 0x29;
export const HARD_DISK_DRIVE = 0x80;
export const BOOT_SIGNATURE = 0xaa55;
/** "BS_jmpBoot": the first byte is one of two jump instructions. */
export const JUMP_SHORT = 0xeb;
export const JUMP_NEAR = 0xe9;

/** "BPB_ExtFlags": bit 7 means that only one FAT is in use, and bits 0 to 3 are its number. */
export const EXTENDED_FLAG_ONE_FAT = 0x80;
export const EXTENDED_FLAG_FAT_MASK = 0x0f;

/** "FSInfo Sector Structure and Backup Boot Sector". */
export const INFO = structure([
  [0, 4, 'FSI_LeadSig'],
  [4, 480, 'FSI_Reserved1'],
  [484, 4, 'FSI_StrucSig'],
  [488, 4, 'FSI_Free_Count'],
  [492, 4, 'FSI_Nxt_Free'],
  [496, 12, 'FSI_Reserved2'],
  [508, 4, 'FSI_TrailSig'],
]);
export const INFO_SECTOR = 1;
export const BACKUP_BOOT_SECTOR = 6;
export const INFO_LEAD_SIGNATURE = 0x41615252;
export const INFO_STRUCT_SIGNATURE = 0x61417272;
export const INFO_TRAIL_SIGNATURE = 0xaa550000;
/** "FSI_Free_Count": the number is not known. */
export const FREE_COUNT_UNKNOWN = 0xffffffff;

/** "FAT Directory Structure": the slot of a short name. */
export const SLOT = structure([
  [0, 11, 'DIR_Name'],
  [11, 1, 'DIR_Attr'],
  [12, 1, 'DIR_NTRes'],
  [13, 1, 'DIR_CrtTimeTenth'],
  [14, 2, 'DIR_CrtTime'],
  [16, 2, 'DIR_CrtDate'],
  [18, 2, 'DIR_LstAccDate'],
  [20, 2, 'DIR_FstClusHI'],
  [22, 2, 'DIR_WrtTime'],
  [24, 2, 'DIR_WrtDate'],
  [26, 2, 'DIR_FstClusLO'],
  [28, 4, 'DIR_FileSize'],
]);
export const SLOT_BYTES = SLOT.sizeBytes;
export const SHORT_NAME_BYTES = SLOT.at.DIR_Name.lengthBytes;
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
/** "ATTR_LONG_NAME_MASK": a slot is part of a long name if these bits are `longName`. */
export const LONG_NAME_MASK = 0x3f;
/**
 * Windows NT's use of "DIR_NTRes": base name and extension are lower case. Not in the
 * specification.
 */
export const CASE_LOWER_BASE = 0x08;
export const CASE_LOWER_EXTENSION = 0x10;
/** "DIR_Name[0]" of a free slot. */
export const SLOT_FREE = 0xe5;
/** "DIR_Name[0]": stored for a first character E5, which would mark the slot as free. */
export const SLOT_LEAD_E5 = 0x05;
/** "DIR_Name[0]" of the first slot after the last one in use. */
export const SLOT_END = 0x00;

/** A directory has at most 65,536 slots. */
export const DIRECTORY_SLOT_LIMIT = 65536;

/** "FAT Long Directory Entries": the slot of a part of a long name. */
export const LONG = structure([
  [0, 1, 'LDIR_Ord'],
  [1, 10, 'LDIR_Name1'],
  [11, 1, 'LDIR_Attr'],
  [12, 1, 'LDIR_Type'],
  [13, 1, 'LDIR_Chksum'],
  [14, 12, 'LDIR_Name2'],
  [26, 2, 'LDIR_FstClusLO'],
  [28, 4, 'LDIR_Name3'],
]);
export const LONG_NAME_LIMIT = 255;
/** "LDIR_Ord": marks the last part of a name, which comes first on disk. */
export const LONG_LAST = 0x40;
/** The offsets of the thirteen UTF-16 units in a slot. */
export const LONG_UNIT_OFFSETS: readonly number[] = [
  LONG.at.LDIR_Name1,
  LONG.at.LDIR_Name2,
  LONG.at.LDIR_Name3,
].flatMap(({ offsetBytes, lengthBytes }) =>
  Array.from({ length: lengthBytes / 2 }, (_, index) => offsetBytes + 2 * index),
);
export const LONG_UNITS = LONG_UNIT_OFFSETS.length;

/** "DIR_FileSize" has 32 bits. */
export const FILE_SIZE_LIMIT = 0xffffffff;

/**
 * "Short Directory Entry Checksum": connects the slots of a long name with the short name after
 * them.
 */
export function shortNameChecksum(shortName: Uint8Array): number {
  let sum = 0;
  for (const byte of shortName) sum = (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff;
  return sum;
}
