/** Names the bytes of a FAT volume, with the tables of `tools/lib/formats/fat`. */

import { printableName } from '../../lib/formats/entry/name.ts';
import {
  ATTRIBUTE,
  BOOT_RECORD_BYTES,
  BOOT_SECTOR_16,
  BOOT_SECTOR_32,
  FIRST_CLUSTER,
  INFO,
  LONG,
  LONG_NAME_MASK,
  SLOT,
  SLOT_BYTES,
} from '../../lib/formats/fat/format.ts';
import { viewOf } from '../../lib/formats/structure/view.ts';
import type { ImageSource } from '../bytes/source.ts';
import { type FatLayout, type FatOwner, FatWalk, readFatLayout } from './fat-walk.ts';
import {
  fieldPlace,
  type Place,
  type Region,
  RegionMap,
  region,
  type StructureMap,
  structureRegion,
} from './map.ts';

function tableRegion(layout: FatLayout, copy: number): Region {
  const startBytes = layout.tableStartBytes + copy * layout.tableBytes;
  const endBytes = startBytes + layout.tableBytes;
  return {
    startBytes,
    endBytes,
    place(offsetBytes) {
      const entry = Math.floor(((offsetBytes - startBytes) * 8) / layout.bits);
      const end = startBytes + Math.ceil(((entry + 1) * layout.bits) / 8);
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
  layout: FatLayout,
  owners: ReadonlyMap<number, FatOwner>,
): Region {
  const { dataStartBytes, clusterBytes, clusterCount } = layout;
  const endBytes = dataStartBytes + clusterCount * clusterBytes;
  return {
    startBytes: dataStartBytes,
    endBytes,
    place(offsetBytes) {
      const index = Math.floor((offsetBytes - dataStartBytes) / clusterBytes);
      const start = dataStartBytes + index * clusterBytes;
      const owner = owners.get(index + FIRST_CLUSTER);
      if (owner === undefined) return { structure: 'free clusters', endBytes: start + clusterBytes };
      if (!owner.isDirectory) {
        return { structure: `data of /${printableName(owner.path)}`, endBytes: start + clusterBytes };
      }
      return slotPlace(source, owner.path, start, offsetBytes);
    },
  };
}

function* regions(source: ImageSource): Generator<Region> {
  const layout = readFatLayout(source);
  const { bits, sectorBytes } = layout;
  const boot = viewOf(source.read(0, BOOT_RECORD_BYTES));
  const bootFields = (bits === 32 ? BOOT_SECTOR_32 : BOOT_SECTOR_16).fields;
  yield region(0, layout.tableStartBytes, 'reserved sectors');
  yield structureRegion('boot sector', bootFields, 0, sectorBytes);
  if (bits === 32) {
    const info = BOOT_SECTOR_32.at.BPB_FSInfo.get(boot) * sectorBytes;
    const backup = BOOT_SECTOR_32.at.BPB_BkBootSec.get(boot) * sectorBytes;
    yield structureRegion('FSInfo sector', INFO.fields, info, sectorBytes);
    if (backup > 0) {
      yield structureRegion('backup boot sector', bootFields, backup, sectorBytes);
      yield structureRegion('backup FSInfo sector', INFO.fields, backup + info, sectorBytes);
    }
  }
  for (let copy = 0; copy < layout.tableCount; copy++) yield tableRegion(layout, copy);
  const rootStart = layout.rootStartBytes;
  if (layout.rootBytes > 0) {
    const endBytes = rootStart + layout.rootBytes;
    yield { startBytes: rootStart, endBytes, place: (offset) => slotPlace(source, '', rootStart, offset) };
  }
  yield clusterRegion(source, layout, new FatWalk(source, layout).owners);
  yield region(layout.totalBytes, Number.POSITIVE_INFINITY, 'space after the file system');
}

export function fatStructures(source: ImageSource): StructureMap {
  return new RegionMap(regions(source));
}
