/** Names the bytes of a dm-verity tree. */
import { planTree, readVeritySuperblock, SUPERBLOCK } from '../../lib/formats/verity/verity.ts';
import type { ImageSource } from '../bytes/source.ts';
import type { HashTree } from '../content.ts';
import { type Region, region, structureRegion } from './map.ts';

export function* hashTreeRegions(source: ImageSource, { hashOffsetBytes }: HashTree): Generator<Region> {
  const superblock = readVeritySuperblock(source, hashOffsetBytes);
  yield structureRegion('verity superblock', SUPERBLOCK.fields, hashOffsetBytes, SUPERBLOCK.sizeBytes);
  const { levels } = planTree(superblock, superblock.dataBlockCount, { hashOffsetBytes });
  for (const [level, { offsetBytes, blockCount }] of levels.entries()) {
    const endBytes = offsetBytes + blockCount * superblock.hashBlockBytes;
    yield region(offsetBytes, endBytes, `verity hash tree, level ${level}`);
  }
}
