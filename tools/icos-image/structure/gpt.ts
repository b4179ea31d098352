/** Names for the bytes of a disk that lie in no partition: UEFI 2.10, tables 5.3 to 5.6. */
import {
  BACKUP_SECTORS,
  ENTRY_BYTES,
  ENTRY_COUNT,
  FIRST_USABLE_SECTOR,
  SECTOR_BYTES,
} from '../../lib/gpt/gpt.ts';
import { type Field, fieldPlace, type Region, RegionMap, type StructureMap, structureRegion } from './map.ts';

const MBR_FIELDS: readonly Field[] = [
  [0, 440, 'boot code'],
  [440, 4, 'disk signature'],
  [446, 16, 'protective partition record'],
  [462, 48, 'unused partition records'],
  [510, 2, 'signature'],
];
const HEADER_FIELDS: readonly Field[] = [
  [0, 8, 'signature'],
  [8, 4, 'revision'],
  [12, 4, 'header size'],
  [16, 4, 'header CRC32'],
  [20, 4, 'reserved'],
  [24, 8, 'my LBA'],
  [32, 8, 'alternate LBA'],
  [40, 8, 'first usable LBA'],
  [48, 8, 'last usable LBA'],
  [56, 16, 'disk GUID'],
  [72, 8, 'partition entry LBA'],
  [80, 4, 'number of entries'],
  [84, 4, 'entry size'],
  [88, 4, 'entries CRC32'],
  [92, 420, 'reserved'],
];
const ENTRY_FIELDS: readonly Field[] = [
  [0, 16, 'type GUID'],
  [16, 16, 'partition GUID'],
  [32, 8, 'first LBA'],
  [40, 8, 'last LBA'],
  [48, 8, 'attributes'],
  [56, 72, 'name'],
];

function entriesRegion(copy: string, startBytes: number): Region {
  return {
    startBytes,
    endBytes: startBytes + ENTRY_COUNT * ENTRY_BYTES,
    place(offsetBytes) {
      const index = Math.floor((offsetBytes - startBytes) / ENTRY_BYTES);
      const name = `${copy} GPT entry ${index + 1}`;
      return fieldPlace(name, ENTRY_FIELDS, startBytes + index * ENTRY_BYTES, ENTRY_BYTES, offsetBytes);
    },
  };
}

/** @param diskBytes the size of the disk, at whose end the backup lies */
export function gptStructures(diskBytes: number): StructureMap {
  const header = (copy: string, startBytes: number) =>
    structureRegion(`${copy} GPT header`, HEADER_FIELDS, startBytes, SECTOR_BYTES);
  return new RegionMap([
    structureRegion('protective MBR', MBR_FIELDS, 0, SECTOR_BYTES),
    header('primary', SECTOR_BYTES),
    entriesRegion('primary', 2 * SECTOR_BYTES),
    entriesRegion('backup', diskBytes - BACKUP_SECTORS * SECTOR_BYTES),
    header('backup', diskBytes - SECTOR_BYTES),
  ]);
}

/** Where partitions may begin, in bytes. */
export const TABLE_BYTES = FIRST_USABLE_SECTOR * SECTOR_BYTES;
