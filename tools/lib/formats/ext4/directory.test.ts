import { afterAll, describe, expect, test } from 'vitest';
import { directory, file } from '../../testing/entries/entries.ts';
import {
  COLLIDING_NAMES,
  debugfs,
  e2fsckComplaints,
  ImageFolder,
  namesAroundCollision,
  readTree,
  TEST_HASH_START,
} from '../../testing/ext4/ext4-image.ts';
import type { Entry } from '../entry/entry.ts';
import { hashName, hashStart } from './htree-hash.ts';

const MIB = 2 ** 20;
const images = new ImageFolder();
afterAll(() => images.remove());

/** Names with every length of the last word, and with bytes above 127. */
function names(count: number): string[] {
  return Array.from(
    { length: count },
    (_, index) => `${'näme'.slice(0, index % 5)}${'x'.repeat(index % 67)}-${index}`,
  );
}

function filesIn(path: string, fileNames: readonly string[]): Entry[] {
  return [directory(path), ...fileNames.map((name) => file(`${path}/${name}`, 0))];
}

/** Writes a tree, checks it with e2fsck, and reads it back. */
function written(entries: readonly Entry[], sizeBytes: number): string {
  const path = images.write(entries, { sizeBytes });
  expect(e2fsckComplaints(path)).toBe('');
  const paths = new Set(readTree(path).map((entry) => entry.path));
  expect(paths.size).toBe(entries.length + 1);
  expect(entries.filter((entry) => !paths.has(entry.path))).toEqual([]);
  return path;
}

describe('names in a directory', () => {
  // 4096 bytes minus 12 for the tail and 24 for `.` and `..` hold 253 entries of 16 bytes each.
  test.each([
    ['that exactly fill one block', 253, false],
    ['that exceed one block by one name', 254, true],
  ])('%s', (_, count, isIndexed) => {
    const fileNames = Array.from({ length: count }, (_, index) => `name${`${index}`.padStart(4, '0')}`);
    const path = written(filesIn('d', fileNames), 8 * MIB);
    expect(debugfs(path, 'stat /d')).toContain(`Flags: 0x${isIndexed ? '81000' : '80000'}`);
  });

  test('of 255 bytes, ASCII and not, are found through the index', () => {
    const fileNames = Array.from(
      { length: 100 },
      (_, index) => `${index}`.padStart(3, '0') + 'é'.repeat(126),
    );
    const path = written(filesIn('d', [...fileNames, 'x'.repeat(255)]), 8 * MIB);
    expect(debugfs(path, `stat /d/${fileNames[42]}`)).toContain('Type: regular');
  });

  test('50,000 of them, with the hashes that debugfs finds', { timeout: 300_000 }, () => {
    const fileNames = names(50_000);
    const path = written(filesIn('d', fileNames), 256 * MIB);
    const dump = debugfs(path, 'htree_dump /d');
    const found = new Map<string, number>();
    for (const [, hash, name] of dump.matchAll(/\d+ 0x([0-9a-f]{8})-[0-9a-f]{8} \(\d+\) (\S+)/g)) {
      found.set(name as string, Number.parseInt(hash as string, 16));
    }
    expect(found.size).toBe(50_000);
    const wrong = fileNames.filter(
      (name) => found.get(name) !== hashName(Buffer.from(name), TEST_HASH_START),
    );
    expect(wrong).toEqual([]);
    // The root cannot hold all leaves, so the index has two levels.
    expect(/Indirect levels: (\d)/.exec(dump)?.[1]).toBe('1');
    expect(debugfs(path, `stat /d/${fileNames[31_415]}`)).toContain('Type: regular');
  });

  test('with equal hashes, one at the end of a leaf and one at the start of the next', () => {
    const [left, right] = COLLIDING_NAMES.map((name) => hashName(Buffer.from(name), TEST_HASH_START));
    expect(left).toBe(right);
    const path = written(filesIn('d', namesAroundCollision()), 8 * MIB);
    const hash = (((left as number) | 1) >>> 0).toString(16).padStart(8, '0');
    expect(debugfs(path, 'htree_dump /d')).toContain(`Entry #1: Hash 0x${hash}, block 2`);
  });

  // One more than the 64,998 in limits.kernel.test.ts.
  test('64,999 sub-directories: the link count is 1', () => {
    const entries = Array.from({ length: 64_999 }, (_, index) => directory(`d/${index}`));
    const path = images.write([directory('d'), ...entries], { sizeBytes: 512 * MIB });
    expect(e2fsckComplaints(path)).toBe('');
    expect(debugfs(path, 'stat /d')).toMatch(/Links: 1 /);
  });
});

test('a hash is even, and characters are unsigned', () => {
  const start = hashStart(new Uint8Array(16));
  for (const name of ['abc', 'é', 'x'.repeat(31), 'x'.repeat(32), 'x'.repeat(33)]) {
    expect(hashName(Buffer.from(name), start) & 1, name).toBe(0);
  }
  // The output of debugfs for `dx_hash -h half_md4 abc`, without a seed.
  expect(hashName(Buffer.from('abc'), start)).toBe(0xd196a868);
});
