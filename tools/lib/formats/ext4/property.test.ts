import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { type RandomTree, treeArbitrary } from '../../testing/entries/random-tree.ts';
import {
  e2fsckComplaints,
  ImageFolder,
  readAll,
  readTree,
  TEST_OPTIONS,
} from '../../testing/ext4/ext4-image.ts';
import { comparePaths, type Entry } from '../entry/entry.ts';
import { encodeName } from '../entry/name.ts';
import { minimumExt4SizeBytes } from './ext4.ts';

const images = new ImageFolder();
afterAll(() => images.remove());

const MAXIMUM_BLOCKS = 30;

/** The content of a file: the byte that fills each block, and the size of the last one. */
const contentArbitrary = fc
  .tuple(
    fc.array(fc.constantFrom(0, 0, 1, 2), { maxLength: MAXIMUM_BLOCKS }),
    fc.integer({ min: 0, max: 4095 }),
  )
  .map(([blocks, missing]) => {
    const bytes = Buffer.concat(blocks.map((byte) => Buffer.alloc(4096, byte)));
    return bytes.subarray(0, Math.max(bytes.length - missing, 0));
  });

const treesArbitrary = treeArbitrary({
  content: contentArbitrary,
  xattrValue: fc.uint8Array({ maxLength: 300 }),
  reservedNames: ['lost+found'],
});

/** Returns the tree that a reader yields: later paths of a file are links, with its metadata. */
function expected({ entries, contents }: RandomTree): unknown[] {
  const owner = new Map<string, Entry>();
  const fileOf = (entry: Entry): Entry =>
    entry.type === 'hardlink' ? (entries.find(({ path }) => path === entry.target) as Entry) : entry;
  return entries
    .toSorted((left, right) => comparePaths(left.path, right.path))
    .map((entry) => {
      const file = fileOf(entry);
      const first = owner.get(file.path);
      if (first === undefined) owner.set(file.path, entry);
      const seen: Entry =
        first === undefined
          ? { ...file, path: entry.path }
          : { ...file, path: entry.path, type: 'hardlink', target: first.path };
      return { ...plain(seen), content: file.type === 'file' ? hex(contents[file.path]) : undefined };
    });
}

function hex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex');
}

function plain(entry: Entry): Record<string, unknown> {
  const { sizeBytes: _, ...rest } = { sizeBytes: undefined, ...entry };
  return {
    ...rest,
    xattrs: Array.from(entry.xattrs, ([name, value]) => `${hex(encodeName(name))}=${hex(value)}`).sort(),
  };
}

test('every tree passes e2fsck and is read back', { timeout: 600_000 }, () => {
  fc.assert(
    fc.property(
      treesArbitrary,
      fc.boolean(),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      (tree, journal, seed) => {
        const digits = hex(seed);
        const hashSeed = [0, 8, 12, 16, 20].map((start, part) =>
          digits.slice(start, [8, 12, 16, 20, 32][part]),
        );
        const options = { ...TEST_OPTIONS, journal, hashSeed: hashSeed.join('-') };
        const entries = tree.entries.toSorted((left, right) => comparePaths(left.path, right.path));
        const sizeBytes = minimumExt4SizeBytes(entries, options);
        const path = images.write(tree.entries, { ...options, sizeBytes }, tree.contents);
        expect(e2fsckComplaints(path)).toBe('');
        const found = readTree(path)
          .slice(1)
          .map((entry) => {
            const isFile = entry.type === 'file' || entry.type === 'hardlink';
            return { ...plain(entry), content: isFile ? hex(readAll(path, entry.path)) : undefined };
          });
        expect(found).toEqual(expected(tree));
      },
    ),
    { numRuns: 250, seed: 20_240_501 },
  );
});
