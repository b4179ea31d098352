/** Names for the bytes of a FAT volume: Microsoft FAT specification 1.03. */

import { printableName } from '../../lib/formats/entry/name.ts';
import type { Field } from '../../lib/formats/structure/structure.ts';
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

const FIRST_CLUSTER = 2;
const SLOT_BYTES = 32;
const BACKUP_BOOT_OFFSET = 50;
const INFO_OFFSET = 48;

/** "Boot Sector and BPB Structure". */
const COMMON_FIELDS: readonly Field[] = [
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
  [510, 2, 'signature'],
];
const FAT32_FIELDS: readonly Field[] = [
  [36, 4, 'BPB_FATSz32'],
  [40, 2, 'BPB_ExtFlags'],
  [42, 2, 'BPB_FSVer'],
  [44, 4, 'BPB_RootClus'],
  [48, 2, 'BPB_FSInfo'],
  [50, 2, 'BPB_BkBootSec'],
  [52, 12, 'BPB_Reserved'],
];

function bootFields(bits: number): Field[] {
  const start = bits === 32 ? 64 : 36;
  return [
    ...COMMON_FIELDS,
    ...(bits === 32 ? FAT32_FIELDS : []),
    [start, 1, 'BS_DrvNum'],
    [start + 1, 1, 'BS_Reserved1'],
    [start + 2, 1, 'BS_BootSig'],
    [start + 3, 4, 'BS_VolID'],
    [start + 7, 11, 'BS_VolLab'],
    [start + 18, 8, 'BS_FilSysType'],
    [start + 26, 510 - start - 26, 'boot code'],
  ];
}

/** "FSInfo Sector Structure". */
const INFO_FIELDS: readonly Field[] = [
  [0, 4, 'FSI_LeadSig'],
  [4, 480, 'FSI_Reserved1'],
  [484, 4, 'FSI_StrucSig'],
  [488, 4, 'FSI_Free_Count'],
  [492, 4, 'FSI_Nxt_Free'],
  [496, 12, 'FSI_Reserved2'],
  [508, 4, 'FSI_TrailSig'],
];
/** "FAT Directory Structure". */
const SLOT_FIELDS: readonly Field[] = [
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
];

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

function slotPlace(directory: string, startBytes: number, offsetBytes: number): Place {
  const slot = Math.floor((offsetBytes - startBytes) / SLOT_BYTES);
  const name = `directory /${printableName(directory)} slot ${slot}`;
  return fieldPlace(name, SLOT_FIELDS, startBytes + slot * SLOT_BYTES, SLOT_BYTES, offsetBytes);
}

function clusterRegion(layout: FatLayout, owners: ReadonlyMap<number, FatOwner>): Region {
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
      return slotPlace(owner.path, start, offsetBytes);
    },
  };
}

function* regions(source: ImageSource): Generator<Region> {
  const layout = readFatLayout(source);
  const { bits, sectorBytes } = layout;
  const boot = Buffer.from(source.read(0, 512));
  yield region(0, layout.tableStartBytes, 'reserved sectors');
  yield structureRegion('boot sector', bootFields(bits), 0, sectorBytes);
  if (bits === 32) {
    const info = boot.readUInt16LE(INFO_OFFSET) * sectorBytes;
    const backup = boot.readUInt16LE(BACKUP_BOOT_OFFSET) * sectorBytes;
    yield structureRegion('FSInfo sector', INFO_FIELDS, info, sectorBytes);
    if (backup > 0) {
      yield structureRegion('backup boot sector', bootFields(bits), backup, sectorBytes);
      yield structureRegion('backup FSInfo sector', INFO_FIELDS, backup + info, sectorBytes);
    }
  }
  for (let copy = 0; copy < layout.tableCount; copy++) yield tableRegion(layout, copy);
  const rootStart = layout.rootStartBytes;
  if (layout.rootBytes > 0) {
    const endBytes = rootStart + layout.rootBytes;
    yield { startBytes: rootStart, endBytes, place: (offset) => slotPlace('', rootStart, offset) };
  }
  yield clusterRegion(layout, new FatWalk(source, layout).owners);
  yield region(layout.totalBytes, Number.POSITIVE_INFINITY, 'space behind the file system');
}

export function fatStructures(source: ImageSource): StructureMap {
  return new RegionMap(regions(source));
}
