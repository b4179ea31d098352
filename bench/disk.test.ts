import { expect, test } from 'vitest';
import { diskOf, genimageText, layoutText, repartTexts, sfdiskText } from './disk.ts';

const disk = diskOf(10 * 1024, 4 * 1024);

test('the partitions follow each other without gaps and leave 1 MiB for the backup table', () => {
  const ends = disk.partitions.map(({ startMib, sizeMib }) => startMib + sizeMib);
  expect(disk.partitions.map(({ startMib }) => startMib)).toEqual([1, ends[0], ends[1]]);
  expect(ends.at(-1)).toBe(disk.sizeMib - 1);
});

test('every tool receives the same sizes', () => {
  const sizes = disk.partitions.map(({ sizeMib }) => `${sizeMib}M`);
  const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, size]) => size);
  expect(all(layoutText(disk), /M, (\d+M),/g)).toEqual(sizes);
  expect(all(genimageText(disk, String), /M size = (\d+M)/g)).toEqual(sizes);
  expect(all(sfdiskText(disk), /size=(\d+M)iB/g)).toEqual(sizes);
  const definitions = repartTexts(disk, String);
  expect(definitions.flatMap(([, text]) => all(text, /^SizeMinBytes=(\d+M)$/gm))).toEqual(sizes);
});

test('only partitions with an image receive one', () => {
  const definitions = repartTexts(disk, (image) => `/images/${image}`).map(([, text]) => text);
  expect(definitions.map((text) => /^CopyBlocks=(.*)$/m.exec(text)?.[1])).toEqual([
    '/images/fat',
    '/images/root',
    undefined,
  ]);
});
