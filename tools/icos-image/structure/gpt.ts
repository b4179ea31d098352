/** Names for the bytes of a disk that lie in no partition: UEFI 2.10, tables 5.3 to 5.6. */
import type { Field } from '../../lib/formats/structure/structure.ts';
import type { ImageSource } from '../bytes/source.ts';
import { fieldPlace, type Place, type Region, RegionMap, type StructureMap, structureRegion } from './map.ts';

const MBR_BYTES = 512;
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
  [92, 4004, 'reserved'],
];
const ENTRY_FIELDS: readonly Field[] = [
  [0, 16, 'type GUID'],
  [16, 16, 'partition GUID'],
  [32, 8, 'first LBA'],
  [40, 8, 'last LBA'],
  [48, 8, 'attributes'],
  [56, 72, 'name'],
];

const HEADER_BYTES = 92;
const HEADER_SIGNATURE = 'EFI PART';
const ENTRIES_SECTOR_OFFSET = 72;
const ENTRY_COUNT_OFFSET = 80;
const ENTRY_BYTES_OFFSET = 84;
const SMALLEST_ENTRY_BYTES = 128;
const LARGEST_COUNT = 0xffff;

/** The entries that a header points to; nothing where it is no header. */
function entriesRegion(
  source: ImageSource,
  copy: string,
  headerBytes: number,
  sectorBytes: number,
): Region[] {
  const header = Buffer.from(source.read(headerBytes, HEADER_BYTES));
  if (header.toString('latin1', 0, HEADER_SIGNATURE.length) !== HEADER_SIGNATURE) return [];
  const startBytes = Number(header.readBigUInt64LE(ENTRIES_SECTOR_OFFSET)) * sectorBytes;
  const entryBytes = Math.max(SMALLEST_ENTRY_BYTES, header.readUInt32LE(ENTRY_BYTES_OFFSET));
  const entryCount = Math.min(LARGEST_COUNT, header.readUInt32LE(ENTRY_COUNT_OFFSET));
  const place = (offsetBytes: number): Place => {
    const index = Math.floor((offsetBytes - startBytes) / entryBytes);
    const name = `${copy} GPT entry ${index + 1}`;
    return fieldPlace(name, ENTRY_FIELDS, startBytes + index * entryBytes, entryBytes, offsetBytes);
  };
  return [{ startBytes, endBytes: startBytes + entryCount * entryBytes, place }];
}

export function gptStructures(source: ImageSource, sectorBytes: number): StructureMap {
  const copy = (name: string, startBytes: number): Region[] => [
    structureRegion(`${name} GPT header`, HEADER_FIELDS, startBytes, sectorBytes),
    ...entriesRegion(source, name, startBytes, sectorBytes),
  ];
  return new RegionMap([
    structureRegion('protective MBR', MBR_FIELDS, 0, MBR_BYTES),
    ...copy('primary', sectorBytes),
    ...copy('backup', source.sizeBytes - sectorBytes),
  ]);
}
