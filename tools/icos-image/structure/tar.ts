/** Names the bytes of a tar archive. */

import { printableName } from '../../lib/formats/entry/name.ts';
import { BLOCK_BYTES, HEADER } from '../../lib/formats/tar/format.ts';
import type { TarMember } from '../../lib/formats/tar/tar.ts';
import { type Region, RegionMap, region, type StructureMap, structureRegion } from './map.ts';

/** The number of bytes of a member that the archive stores after its headers. */
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
    // Extended headers precede the member's own header. The map of a sparse file follows it.
    if (headerBytes > position) yield region(position, headerBytes, `extended headers of ${path}`);
    yield member.extents === undefined
      ? structureRegion(`header of ${path}`, HEADER.fields, headerBytes, BLOCK_BYTES)
      : region(headerBytes, dataOffsetBytes, `sparse map of ${path}`);
    const endBytes = dataOffsetBytes + storedBytes(member);
    if (endBytes > dataOffsetBytes) yield region(dataOffsetBytes, endBytes, `data of ${path}`);
    position = Math.ceil(endBytes / BLOCK_BYTES) * BLOCK_BYTES;
  }
  yield region(position, Number.POSITIVE_INFINITY, 'end of the archive');
}

/** Maps the bytes of an archive to the headers and contents of its members. */
export function tarStructures(members: readonly TarMember[]): StructureMap {
  return new RegionMap(regions(members));
}
