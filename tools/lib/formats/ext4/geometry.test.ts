import { describe, expect, test } from 'vitest';
import { BLOCKS_PER_GROUP, type BlockRange, type Geometry, isSparseGroup, planGeometry } from './geometry.ts';

test('groups 0, 1 and the powers of 3, 5 and 7 have superblocks', () => {
  const groups = Array.from({ length: 400 }, (_, group) => group).filter(isSparseGroup);
  expect(groups).toEqual([0, 1, 3, 5, 7, 9, 25, 27, 49, 81, 125, 243, 343]);
});

/** Returns every range of metadata. */
function placed(geometry: Geometry): BlockRange[] {
  const ranges: BlockRange[] = [];
  const tableBlocks = geometry.inodesPerGroup / 16;
  for (let group = 0; group < geometry.groupCount; group++) {
    const add = (start: number, count: number): number => ranges.push({ start, end: start + count });
    if (isSparseGroup(group)) add(group * BLOCKS_PER_GROUP, 1 + geometry.descriptorBlocks);
    add(geometry.blockBitmaps[group] as number, 1);
    add(geometry.inodeBitmaps[group] as number, 1);
    add(geometry.inodeTables[group] as number, tableBlocks);
  }
  return ranges.sort((left, right) => left.start - right.start);
}

describe('metadata does not overlap, is inside the file system, and equals the reserved blocks', () => {
  const groupCounts = [1, 2, 3, 15, 16, 17, 18, 32, 33, 100, 400];
  const sizes = groupCounts.flatMap((groups) =>
    [-1, 0, 1, 2, 3, 100, 5000].map((extra) => groups * BLOCKS_PER_GROUP + extra),
  );
  test.each([0, 20_000, 500_000, 100_000_000])('for %d inodes', (inodes) => {
    for (const sizeBlocks of sizes) {
      const geometry = planGeometry(sizeBlocks, inodes);
      const ranges = placed(geometry);
      let used = 0;
      let previousEnd = 0;
      for (const { start, end } of ranges) {
        expect(start, `${sizeBlocks} blocks`).toBeGreaterThanOrEqual(previousEnd);
        previousEnd = end;
        used += end - start;
      }
      expect(previousEnd, `${sizeBlocks} blocks`).toBeLessThanOrEqual(geometry.blockCount);
      expect(geometry.blockCount - used).toBe(geometry.dataBlocks);
      expect(geometry.reserved.reduce((sum, { start, end }) => sum + end - start, 0)).toBe(used);
    }
  });
});

test('only a last group that is too short for its superblock is left out', () => {
  expect(planGeometry(BLOCKS_PER_GROUP + 1, 0).blockCount).toBe(BLOCKS_PER_GROUP);
  expect(planGeometry(BLOCKS_PER_GROUP + 2, 0).blockCount).toBe(BLOCKS_PER_GROUP + 2);
  // Group 2 has no copy of the superblock.
  expect(planGeometry(2 * BLOCKS_PER_GROUP + 1, 0).blockCount).toBe(2 * BLOCKS_PER_GROUP + 1);
});
