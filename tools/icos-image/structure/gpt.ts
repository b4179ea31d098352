/**
 * Names the bytes of a disk that are in no partition, with the tables of `tools/lib/formats/gpt`.
 */
import {
  ENTRY,
  ENTRY_BYTES,
  HEADER,
  HEADER_SIGNATURE,
  MBR,
  MBR_RECORD,
  MBR_RECORD_COUNT,
} from '../../lib/formats/gpt/gpt.ts';
import type { Field } from '../../lib/formats/structure/structure.ts';
import { viewOf } from '../../lib/formats/structure/view.ts';
import type { ImageSource } from '../bytes/source.ts';
import { fieldPlace, type Place, type Region, RegionMap, type StructureMap, structureRegion } from './map.ts';

/** The limit for a damaged header. No tool makes a table with more entries. */
const LARGEST_COUNT = 0xffff;

function mbrPlace(offsetBytes: number): Place {
  const records = MBR.at.PartitionRecord;
  const index = Math.floor((offsetBytes - records.offsetBytes) / MBR_RECORD.sizeBytes);
  if (index < 0 || index >= MBR_RECORD_COUNT) {
    return fieldPlace('protective MBR', MBR.fields, 0, MBR.sizeBytes, offsetBytes);
  }
  const startBytes = records.offsetBytes + index * MBR_RECORD.sizeBytes;
  const name = `protective MBR, record ${index + 1}`;
  return fieldPlace(name, MBR_RECORD.fields, startBytes, MBR_RECORD.sizeBytes, offsetBytes);
}

/** Returns the region of the entries that a header points to; none if it has no signature. */
function entriesRegion(
  source: ImageSource,
  copy: string,
  headerStartBytes: number,
  sectorBytes: number,
): Region[] {
  const header = source.read(headerStartBytes, HEADER.sizeBytes);
  if (!HEADER_SIGNATURE.equals(HEADER.at.Signature.bytes(header))) return [];
  const view = viewOf(header);
  const startBytes = HEADER.at.PartitionEntryLBA.get(view) * sectorBytes;
  const entryBytes = Math.max(ENTRY_BYTES, HEADER.at.SizeOfPartitionEntry.get(view));
  const entryCount = Math.min(LARGEST_COUNT, HEADER.at.NumberOfPartitionEntries.get(view));
  const place = (offsetBytes: number): Place => {
    const index = Math.floor((offsetBytes - startBytes) / entryBytes);
    const name = `${copy} GPT entry ${index + 1}`;
    return fieldPlace(name, ENTRY.fields, startBytes + index * entryBytes, entryBytes, offsetBytes);
  };
  return [{ startBytes, endBytes: startBytes + entryCount * entryBytes, place }];
}

export function gptStructures(source: ImageSource, sectorBytes: number): StructureMap {
  // UEFI 2.10 table 5.5: the rest of the header's sector is reserved.
  const rest: Field = [HEADER.sizeBytes, sectorBytes - HEADER.sizeBytes, 'Reserved'];
  const copy = (name: string, startBytes: number): Region[] => [
    structureRegion(`${name} GPT header`, [...HEADER.fields, rest], startBytes, sectorBytes),
    ...entriesRegion(source, name, startBytes, sectorBytes),
  ];
  return new RegionMap([
    { startBytes: 0, endBytes: MBR.sizeBytes, place: mbrPlace },
    ...copy('primary', sectorBytes),
    ...copy('backup', source.sizeBytes - sectorBytes),
  ]);
}
