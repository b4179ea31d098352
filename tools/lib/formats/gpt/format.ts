/**
 * The GUID partition table on disk (UEFI 2.10 chapter 5). All integers are little-endian.
 */

/** What nearly every disk has. */
export const SECTOR_BYTES = 512;
/** Disks are read and written with these: "Advanced Format" disks have sectors of 4096 bytes. */
export const SECTOR_SIZES: readonly number[] = [512, 1024, 2048, 4096];

/** UEFI 2.10 section 5.3.1: at least 16,384 bytes for the entry array. */
export const ENTRY_COUNT = 128;
export const ENTRY_BYTES = 128;
/** No tool makes so large a table; what says more is not believed. */
export const ENTRIES_LIMIT_BYTES = 4 * 1024 ** 2;

/** "The MBR ... at LBA 0", whose fields lie in its first 512 bytes, whatever the sector's size. */
export const MBR_BYTES = 512;
export const PRIMARY_HEADER_SECTOR = 1;
export const PRIMARY_ENTRIES_SECTOR = 2;

/** UEFI 2.10 table 5.5: the header's fields. */
export const HEADER = {
  signature: 0,
  revision: 8,
  headerBytes: 12,
  headerCrc: 16,
  mySector: 24,
  alternateSector: 32,
  firstUsableSector: 40,
  lastUsableSector: 48,
  diskGuid: 56,
  entriesSector: 72,
  entryCount: 80,
  entryBytes: 84,
  entriesCrc: 88,
} as const;
export const HEADER_BYTES = 92;
export const HEADER_SIGNATURE = 'EFI PART';
export const HEADER_REVISION = 0x00010000;

/** UEFI 2.10 table 5.6: an entry's fields. */
export const ENTRY = {
  typeGuid: 0,
  uniqueGuid: 16,
  firstSector: 32,
  lastSector: 40,
  attributes: 48,
  name: 56,
} as const;
export const NAME_BYTES = 72;

/** UEFI 2.10 tables 5.1 and 5.3: the MBR's four records, of which the protective one has type 0xEE and covers the whole disk. */
export const MBR = { records: 446, signature: 510 } as const;
export const MBR_RECORD = { startChs: 1, type: 4, endChs: 5, startSector: 8, sizeSectors: 12 } as const;
export const MBR_RECORD_BYTES = 16;
export const MBR_RECORD_COUNT = 4;
export const MBR_TYPE_GPT_PROTECTIVE = 0xee;
export const MBR_TYPE_UNUSED = 0;
export const MBR_START_CHS = 0x000200;
/** "Set to 0xFFFFFF if it is not possible to represent the value in this field": a file has no geometry. */
export const MBR_END_CHS = 0xffffff;
export const MBR_SIZE_LIMIT = 0xffffffff;
export const MBR_SIGNATURE = 0xaa55;

/** The sectors of an entry array. */
export function entriesSectors(entryCount: number, entryBytes: number, sectorBytes: number): number {
  return Math.ceil((entryCount * entryBytes) / sectorBytes);
}

/** Where the first partition may begin on a disk with sectors of 512 bytes and a table of 128 entries: behind MBR, header and entries. */
export const FIRST_USABLE_SECTOR =
  PRIMARY_ENTRIES_SECTOR + entriesSectors(ENTRY_COUNT, ENTRY_BYTES, SECTOR_BYTES);
/** Entries and header at the end of such a disk. */
export const BACKUP_SECTORS = entriesSectors(ENTRY_COUNT, ENTRY_BYTES, SECTOR_BYTES) + 1;
