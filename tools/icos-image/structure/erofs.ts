/** Names the bytes of an EROFS file system. */

import { printableName } from '../../lib/formats/entry/name.ts';
import type { ErofsReader, ErofsRecord } from '../../lib/formats/erofs/erofs.ts';
import {
  COMPACT_INODE,
  EXTENDED_BIT,
  EXTENDED_INODE,
  SLOT_BYTES,
  SUPERBLOCK,
  SUPERBLOCK_OFFSET_BYTES,
} from '../../lib/formats/erofs/format.ts';
import type { ImageSource } from '../bytes/source.ts';
import { type Region, RegionMap, region, type StructureMap, structureRegion, UNUSED } from './map.ts';

function inodeRegion(source: ImageSource, metaBytes: number, { nid, entry }: ErofsRecord): Region {
  const startBytes = metaBytes + nid * SLOT_BYTES;
  const isExtended = ((source.read(startBytes, 1)[0] ?? 0) & EXTENDED_BIT) !== 0;
  const { fields, sizeBytes } = isExtended ? EXTENDED_INODE : COMPACT_INODE;
  return structureRegion(`inode ${nid} (/${printableName(entry.path)})`, fields, startBytes, sizeBytes);
}

function* inodeRegions(source: ImageSource, metaBytes: number, reader: ErofsReader): Generator<Region> {
  for (const record of reader.walk()) {
    if (record.entry.type !== 'hardlink') yield inodeRegion(source, metaBytes, record);
  }
}

/**
 * Maps the structures of an image. All bytes between inodes have one name: attributes, directories,
 * block maps and data are mixed there.
 */
export function erofsStructures(source: ImageSource, reader: ErofsReader): StructureMap {
  const { blockBytes, blockCount, metadataBlock } = reader.superblock;
  const endBytes = blockCount * blockBytes;
  const inodes = new RegionMap(inodeRegions(source, metadataBlock * blockBytes, reader));
  const rest: Region = {
    startBytes: SUPERBLOCK_OFFSET_BYTES + SUPERBLOCK.sizeBytes,
    endBytes,
    place(offsetBytes) {
      const place = inodes.at(offsetBytes);
      if (place.structure !== UNUSED) return place;
      return { structure: 'attributes, directories and data', endBytes: Math.min(place.endBytes, endBytes) };
    },
  };
  return new RegionMap([
    region(0, SUPERBLOCK_OFFSET_BYTES, 'boot block'),
    structureRegion('superblock', SUPERBLOCK.fields, SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK.sizeBytes),
    rest,
    region(endBytes, Number.POSITIVE_INFINITY, 'space after the file system'),
  ]);
}
