/** Checks free space and growth with the real tools and a running kernel. */
import { execFileSync } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { directory, file } from '../../testing/entries/entries.ts';
import {
  debugfs,
  e2fsckComplaints,
  ImageFolder,
  readAll,
  TEST_OPTIONS,
} from '../../testing/ext4/ext4-image.ts';
import { inKernelOn } from '../../testing/ext4/in-kernel.ts';
import { noise } from '../../testing/noise.ts';
import { realTool } from '../../testing/real-tool.ts';
import { minimumExt4SizeBytes } from './ext4.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const images = new ImageFolder();
afterAll(() => images.remove());

const content = noise(3 * MIB);
const entries = [
  directory('d'),
  file('d/f', content.length),
  ...Array.from({ length: 300 }, (_, i) => file(`e${i + 100}`, 0)),
];
const contents = { 'd/f': content };

/** Returns a number from the statistics that debugfs shows. */
function statistic(path: string, name: string): number {
  return Number(new RegExp(`${name}: +(\\d+)`).exec(debugfs(path, 'stats'))?.[1]);
}

describe('a file system of the smallest size with free space', () => {
  test.each([
    ['1 byte', {}, 1],
    ['10 MiB', {}, 10 * MIB],
    ['10 MiB, in addition to a journal', { journal: true }, 10 * MIB],
    ['10 MiB, in addition to the space for root', { reservedPercent: 10 }, 10 * MIB],
    ['300 MiB, over several groups', { freeInodes: 5000 }, 300 * MIB],
  ])('%s: all of this space is free, and only rounding adds more', (_, options, freeBytes) => {
    const sizeBytes = minimumExt4SizeBytes(entries, { ...TEST_OPTIONS, ...options }, freeBytes);
    const path = images.write(entries, { sizeBytes, ...options }, contents);
    expect(e2fsckComplaints(path)).toBe('');
    const usableBytes = (statistic(path, 'Free blocks') - statistic(path, 'Reserved block count')) * 4096;
    expect(usableBytes).toBeGreaterThanOrEqual(freeBytes);
    // Rounding may add one block of inodes per group.
    expect(usableBytes).toBeLessThan(freeBytes + 8 * 4096);
  });

  test('has the requested number of free inodes, or a few more', () => {
    const options = { freeInodes: 1000 };
    const sizeBytes = minimumExt4SizeBytes(entries, { ...TEST_OPTIONS, ...options });
    const path = images.write(entries, { sizeBytes, ...options }, contents);
    expect(e2fsckComplaints(path)).toBe('');
    expect(statistic(path, 'Free inodes')).toBeGreaterThanOrEqual(1000);
    expect(statistic(path, 'Free inodes')).toBeLessThan(1000 + 16);
  });
});

describe('a file system grows', () => {
  test.each([
    ['within its descriptors', { journal: true }, 512 * MIB],
    ['beyond its descriptors', { journal: true }, 20 * GIB],
    ['without a journal', { journal: false }, 20 * GIB],
  ])('offline, %s', (_, options, sizeBytes) => {
    const path = images.write(entries, { sizeBytes: 64 * MIB, ...options }, contents);
    truncateSync(path, sizeBytes);
    execFileSync(realTool('resize2fs', 'e2fsprogs'), [path], { stdio: 'ignore' });
    expect(statistic(path, 'Block count')).toBe(sizeBytes / 4096);
    expect(e2fsckComplaints(path)).toBe('');
    expect(readAll(path, 'd/f').equals(content)).toBe(true);
  });

  test('offline, and shrinks to its smallest size', () => {
    const path = images.write(entries, { sizeBytes: 512 * MIB }, contents);
    execFileSync(realTool('resize2fs', 'e2fsprogs'), ['-M', path], { stdio: 'ignore' });
    expect(statistic(path, 'Block count')).toBeLessThan(4096);
    expect(e2fsckComplaints(path)).toBe('');
    expect(readAll(path, 'd/f').equals(content)).toBe(true);
  });

  test.each([
    ['within its descriptors', 2 * GIB],
    ['beyond its descriptors', 20 * GIB],
  ])('online, %s', async (_, sizeBytes) => {
    const path = images.write(entries, { sizeBytes: 64 * MIB, journal: true }, contents);
    truncateSync(path, sizeBytes);
    await inKernelOn(
      path,
      `
        mount -t ext4 /dev/ubda /mnt
        tool resize2fs /dev/ubda 2>&1
        mkdir /mnt/new
        head -c 200000000 /dev/zero > /mnt/new/file
        umount /mnt
      `,
    );
    expect(statistic(path, 'Block count')).toBe(sizeBytes / 4096);
    expect(e2fsckComplaints(path)).toBe('');
    expect(readAll(path, 'd/f').equals(content)).toBe(true);
    expect(readAll(path, 'new/file').equals(Buffer.alloc(200_000_000))).toBe(true);
  });
});
