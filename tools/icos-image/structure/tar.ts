/** Names for the bytes of a tar: POSIX.1-2024 `pax`, "ustar Interchange Format". */

import { printableName } from '../../lib/formats/entry/name.ts';
import type { Field } from '../../lib/formats/structure/structure.ts';
import type { TarMember } from '../../lib/formats/tar/tar.ts';
import { type Region, RegionMap, region, type StructureMap, structureRegion } from './map.ts';

const BLOCK_BYTES = 512;
const HEADER_FIELDS: readonly Field[] = [
  [0, 100, 'name'],
  [100, 8, 'mode'],
  [108, 8, 'uid'],
  [116, 8, 'gid'],
  [124, 12, 'size'],
  [136, 12, 'mtime'],
  [148, 8, 'chksum'],
  [156, 1, 'typeflag'],
  [157, 100, 'linkname'],
  [257, 6, 'magic'],
  [263, 2, 'version'],
  [265, 32, 'uname'],
  [297, 32, 'gname'],
  [329, 8, 'devmajor'],
  [337, 8, 'devminor'],
  [345, 155, 'prefix'],
];

/** Bytes of a member that lie in the archive behind its headers. */
export function storedBytes({ entry, extents }: TarMember): number {
  if (extents !== undefined) return extents.reduce((sum, [, lengthBytes]) => sum + lengthBytes, 0);
  return entry.type === 'file' ? entry.sizeBytes : 0;
}

function* regions(members: readonly TarMember[]): Generator<Region> {
  let position = 0;
  for (const member of members) {
    const { entry, dataOffsetBytes } = member;
    const path = `/${printableName(entry.path)}`;
    const headerBytes = dataOffsetBytes - BLOCK_BYTES;
    // Before the member's own header come the extended ones, behind it the map of a sparse file.
    if (headerBytes > position) yield region(position, headerBytes, `extended headers of ${path}`);
    yield member.extents === undefined
      ? structureRegion(`header of ${path}`, HEADER_FIELDS, headerBytes, BLOCK_BYTES)
      : region(headerBytes, dataOffsetBytes, `sparse map of ${path}`);
    const endBytes = dataOffsetBytes + storedBytes(member);
    if (endBytes > dataOffsetBytes) yield region(dataOffsetBytes, endBytes, `data of ${path}`);
    position = Math.ceil(endBytes / BLOCK_BYTES) * BLOCK_BYTES;
  }
  yield region(position, Number.POSITIVE_INFINITY, 'end of the archive');
}

export function tarStructures(members: readonly TarMember[]): StructureMap {
  return new RegionMap(regions(members));
}
