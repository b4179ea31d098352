/**
 * Names for the bytes of a dm-verity tree: cryptsetup `lib/verity/verity.c`, `struct verity_sb`.
 */
import type { Field } from '../../lib/formats/structure/structure.ts';
import { planTree } from '../../lib/formats/verity/geometry.ts';
import { readVeritySuperblock } from '../../lib/formats/verity/verity.ts';
import type { ImageSource } from '../bytes/source.ts';
import type { HashTree } from '../content.ts';
import { type Region, region, structureRegion } from './map.ts';

const SUPERBLOCK_BYTES = 512;
const SUPERBLOCK_FIELDS: readonly Field[] = [
  [0, 8, 'signature'],
  [8, 4, 'version'],
  [12, 4, 'hash type'],
  [16, 16, 'uuid'],
  [32, 32, 'algorithm'],
  [64, 4, 'data block size'],
  [68, 4, 'hash block size'],
  [72, 8, 'data blocks'],
  [80, 2, 'salt size'],
  [88, 256, 'salt'],
];

export function* hashTreeRegions(source: ImageSource, { hashOffsetBytes }: HashTree): Generator<Region> {
  const superblock = readVeritySuperblock(source, hashOffsetBytes);
  yield structureRegion('verity superblock', SUPERBLOCK_FIELDS, hashOffsetBytes, SUPERBLOCK_BYTES);
  const { levels } = planTree(superblock, superblock.dataBlockCount, { hashOffsetBytes });
  for (const [level, { offsetBytes, blockCount }] of levels.entries()) {
    const endBytes = offsetBytes + blockCount * superblock.hashBlockBytes;
    yield region(offsetBytes, endBytes, `verity hash tree, level ${level}`);
  }
}
