/** Names the bytes of a FAT volume, with the tables of `tools/lib/formats/fat`. */

import { printableName } from '../../lib/formats/entry/name.ts';
import type { FatReader, FatVolume } from '../../lib/formats/fat/fat.ts';
import {
  ATTRIBUTE,
  BOOT_RECORD_BYTES,
  BOOT_SECTOR_32,
  bootSectorOf,
  FAT_ENTRY_BITS,
  FIRST_CLUSTER,
  INFO,
  LONG,
  LONG_NAME_MASK,
  SLOT,
  SLOT_BYTES,
} from '../../lib/formats/fat/format.ts';
import { viewOf } from '../../lib/formats/structure/view.ts';
import type { ImageSource } from '../bytes/source.ts';
import { clusterOwners, type FatOwner } from './fat-walk.ts';
import {
  fieldPlace,
  type Place,
  type Region,
  RegionMap,
  region,
  type StructureMap,
  structureRegion,
} from './map.ts';

function tableRegion(volume: FatVolume, copy: number): Region {
  const { type, reservedSectors, fatSectors, sectorBytes } = volume;
  const bits = FAT_ENTRY_BITS[type];
  const startBytes = (reservedSectors + copy * fatSectors) * sectorBytes;
  const endBytes = startBytes + fatSectors * sectorBytes;
  return {
    startBytes,
    endBytes,
    place(offsetBytes) {
      const entry = Math.floor(((offsetBytes - startBytes) * 8) / bits);
      const end = startBytes + Math.ceil(((entry + 1) * bits) / 8);
      return {
        structure: `FAT ${copy + 1}`,
        field: `entry ${entry}`,
        endBytes: Math.max(end, offsetBytes + 1),
      };
    },
  };
}

/**
 * Names a byte of a directory.
 *
 * @param startBytes the start of the root directory, or of the cluster with the byte
 */
function slotPlace(source: ImageSource, directory: string, startBytes: number, offsetBytes: number): Place {
  const slot = Math.floor((offsetBytes - startBytes) / SLOT_BYTES);
  const slotStart = startBytes + slot * SLOT_BYTES;
  const attributes = SLOT.at.DIR_Attr.get(viewOf(source.read(slotStart, SLOT_BYTES)));
  const { fields } = (attributes & LONG_NAME_MASK) === ATTRIBUTE.longName ? LONG : SLOT;
  const name = `directory /${printableName(directory)} slot ${slot}`;
  return fieldPlace(name, fields, slotStart, SLOT_BYTES, offsetBytes);
}

function clusterRegion(
  source: ImageSource,
  volume: FatVolume,
  owners: ReadonlyMap<number, FatOwner>,
): Region {
  const { dataStartSector, sectorBytes, clusterBytes, clusterCount } = volume;
  const startBytes = dataStartSector * sectorBytes;
  const endBytes = startBytes + clusterCount * clusterBytes;
  return {
    startBytes,
    endBytes,
    place(offsetBytes) {
      const index = Math.floor((offsetBytes - startBytes) / clusterBytes);
      const start = startBytes + index * clusterBytes;
      const owner = owners.get(index + FIRST_CLUSTER);
      if (owner === undefined) return { structure: 'free clusters', endBytes: start + clusterBytes };
      if (!owner.isDirectory) {
        return { structure: `data of /${printableName(owner.path)}`, endBytes: start + clusterBytes };
      }
      return slotPlace(source, owner.path, start, offsetBytes);
    },
  };
}

function* regions(source: ImageSource, reader: FatReader): Generator<Region> {
  const { volume } = reader;
  const { type, sectorBytes, fatCount } = volume;
  const bootFields = bootSectorOf(type).fields;
  yield region(0, volume.reservedSectors * sectorBytes, 'reserved sectors');
  yield structureRegion('boot sector', bootFields, 0, sectorBytes);
  if (type === 'fat32') {
    const boot = viewOf(source.read(0, BOOT_RECORD_BYTES));
    const info = BOOT_SECTOR_32.at.BPB_FSInfo.get(boot) * sectorBytes;
    const backup = BOOT_SECTOR_32.at.BPB_BkBootSec.get(boot) * sectorBytes;
    yield structureRegion('FSInfo sector', INFO.fields, info, sectorBytes);
    if (backup > 0) {
      yield structureRegion('backup boot sector', bootFields, backup, sectorBytes);
      yield structureRegion('backup FSInfo sector', INFO.fields, backup + info, sectorBytes);
    }
  }
  for (let copy = 0; copy < fatCount; copy++) yield tableRegion(volume, copy);
  if (type !== 'fat32') {
    const startBytes = volume.rootStartSector * sectorBytes;
    const endBytes = volume.dataStartSector * sectorBytes;
    yield { startBytes, endBytes, place: (offset) => slotPlace(source, '', startBytes, offset) };
  }
  yield clusterRegion(source, volume, clusterOwners(source, reader));
  yield region(volume.sizeBytes, Number.POSITIVE_INFINITY, 'space after the file system');
}

export function fatStructures(source: ImageSource, reader: FatReader): StructureMap {
  return new RegionMap(regions(source, reader));
}
