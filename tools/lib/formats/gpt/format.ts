/**
 * The GUID partition table on disk (UEFI 2.10 chapter 5). All integers are little-endian.
 *
 * Each structure is one table of fields, with the names of the specification.
 */
import { structure } from '../structure/structure.ts';

/** The sector size of nearly every disk. */
export const SECTOR_BYTES = 512;
/**
 * The sector sizes that are read and written: "Advanced Format" disks have sectors of 4096 bytes.
 */
export const SECTOR_SIZES: readonly number[] = [512, 1024, 2048, 4096];

/** UEFI 2.10 section 5.3.1: at least 16,384 bytes for the entry array. */
export const ENTRY_COUNT = 128;
/** No tool makes a table of this size. A header that states a larger one is refused. */
export const ENTRIES_LIMIT_BYTES = 4 * 1024 ** 2;

export const PRIMARY_HEADER_SECTOR = 1;
export const PRIMARY_ENTRIES_SECTOR = 2;

/**
 * UEFI 2.10 tables 5.1 and 5.3: the MBR at LBA 0. Its fields are in the first 512 bytes, whatever
 * the size of a sector.
 */
export const MBR = structure([
  [0, 440, 'BootCode'],
  [440, 4, 'UniqueMBRDiskSignature'],
  [444, 2, 'Unknown'],
  [446, 64, 'PartitionRecord'],
  [510, 2, 'Signature'],
]);
export const MBR_SIGNATURE = 0xaa55;

/** UEFI 2.10 tables 5.2 and 5.4: one of the four records of an MBR. */
export const MBR_RECORD = structure([
  [0, 1, 'BootIndicator'],
  [1, 3, 'StartingCHS'],
  [4, 1, 'OSType'],
  [5, 3, 'EndingCHS'],
  [8, 4, 'StartingLBA'],
  [12, 4, 'SizeInLBA'],
]);
export const MBR_RECORD_COUNT = MBR.at.PartitionRecord.lengthBytes / MBR_RECORD.sizeBytes;

/** UEFI 2.10 table 5.4: the protective record has type 0xEE and covers the whole disk. */
export const MBR_TYPE_GPT_PROTECTIVE = 0xee;
export const MBR_TYPE_UNUSED = 0;
export const MBR_START_CHS: readonly number[] = [0x00, 0x02, 0x00];
/**
 * "Set to 0xFFFFFF if it is not possible to represent the value in this field". This is always so
 * here, because a file has no geometry.
 */
export const MBR_END_CHS: readonly number[] = [0xff, 0xff, 0xff];
/** `SizeInLBA` of a disk with more sectors than the field can count. */
export const MBR_SIZE_LIMIT = 0xffffffff;

/**
 * UEFI 2.10 table 5.5: the GPT header. The reserved rest of its sector is not part of the table.
 */
export const HEADER = structure([
  [0, 8, 'Signature'],
  [8, 4, 'Revision'],
  [12, 4, 'HeaderSize'],
  [16, 4, 'HeaderCRC32'],
  [20, 4, 'Reserved'],
  [24, 8, 'MyLBA'],
  [32, 8, 'AlternateLBA'],
  [40, 8, 'FirstUsableLBA'],
  [48, 8, 'LastUsableLBA'],
  [56, 16, 'DiskGUID'],
  [72, 8, 'PartitionEntryLBA'],
  [80, 4, 'NumberOfPartitionEntries'],
  [84, 4, 'SizeOfPartitionEntry'],
  [88, 4, 'PartitionEntryArrayCRC32'],
]);
export const HEADER_SIGNATURE = Buffer.from('EFI PART', 'latin1');
export const HEADER_REVISION = 0x00010000;

/** UEFI 2.10 table 5.6: a partition entry. An entry larger than this ends in reserved bytes. */
export const ENTRY = structure([
  [0, 16, 'PartitionTypeGUID'],
  [16, 16, 'UniquePartitionGUID'],
  [32, 8, 'StartingLBA'],
  [40, 8, 'EndingLBA'],
  [48, 8, 'Attributes'],
  [56, 72, 'PartitionName'],
]);
export const ENTRY_BYTES = ENTRY.sizeBytes;

/** Returns the number of sectors that an entry array takes. */
export function entriesSectors(entryCount: number, entryBytes: number, sectorBytes: number): number {
  return Math.ceil((entryCount * entryBytes) / sectorBytes);
}

/**
 * The first sector that a partition may use on a disk with sectors of 512 bytes and a table of 128
 * entries: the first one after MBR, header and entries.
 */
export const FIRST_USABLE_SECTOR =
  PRIMARY_ENTRIES_SECTOR + entriesSectors(ENTRY_COUNT, ENTRY_BYTES, SECTOR_BYTES);
/** The sectors that the backup's entries and header take at the end of this disk. */
export const BACKUP_SECTORS = entriesSectors(ENTRY_COUNT, ENTRY_BYTES, SECTOR_BYTES) + 1;
