import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { entriesOf, fsck, IDENTITY, mtools, type Tree, writeVolume } from '../../testing/fat/volume.ts';
import { noise } from '../../testing/noise.ts';
import { realTool } from '../../testing/real-tool.ts';
import { FileImage } from '../block/file.ts';
import { comparePaths, parentPath } from '../entry/entry.ts';
import { type FatReader, type FatType, readFat, writeFat } from './fat.ts';
import { sizeBytesFor } from './geometry.ts';

const MEBIBYTE = 1024 ** 2;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fat-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/**
 * Short, lower-case, mixed, long and dotted names, names with numeric tails and beyond ASCII, and a
 * directory with many files.
 */
const TREE: Tree = {
  'EFI/BOOT/BOOTX64.EFI': noise(70_001),
  'EFI/debian/grub.cfg': Buffer.from('set prefix=(hd0,gpt2)/grub\n'),
  'README.TXT': Buffer.alloc(0),
  'Mixed.Txt': noise(4097),
  'a name of more than thirteen letters.config': noise(5),
  'grüße.ini': noise(13),
  '.disk/info': noise(3),
  'archive.tar.zst': noise(2048),
  'same-long-name-1.txt': noise(1, 1),
  'same-long-name-2.txt': noise(1, 101),
  'SAME-L~1.TXT': noise(1, 201),
  empty: undefined,
  'a/b/c/d/e/f/g': noise(512),
  ...Object.fromEntries(
    Array.from({ length: 200 }, (_, index) => [`many/file number ${index}.dat`, noise(index, index)]),
  ),
};

/** Returns the files and the empty directories that the reader finds. */
function treeOf(reader: FatReader): Tree {
  const entries = Array.from(reader.walk(), ({ entry }) => entry);
  const parents = new Set(entries.map(({ path }) => parentPath(path)));
  return Object.fromEntries(
    entries
      .filter(({ type, path }) => type === 'file' || !(path === '' || parents.has(path)))
      .map(({ type, path }) => [
        path,
        type === 'file' ? Buffer.concat([...reader.readFile(path)]) : undefined,
      ]),
  );
}

/** Returns the files and the empty directories that `mcopy` extracts. */
function extractWithMtools(path: string): Tree {
  const target = mkdtempSync(join(folder, 'extracted-'));
  mtools('mcopy', path, '-s', '-n', '::', target);
  const tree: Record<string, Buffer | undefined> = {};
  for (const name of readdirSync(target, { recursive: true, encoding: 'utf8' })) {
    const full = join(target, name);
    if (lstatSync(full).isFile()) tree[name] = readFileSync(full);
    else if (readdirSync(full).length === 0) tree[name] = undefined;
  }
  rmSync(target, { recursive: true });
  return tree;
}

function sorted(tree: Tree): [string, string | undefined][] {
  return Object.entries(tree)
    .map(([path, bytes]): [string, string | undefined] => [path, bytes?.toString('base64')])
    .sort(([left], [right]) => comparePaths(left, right));
}

/** Counts entries as fsck does: with parent directories and the label. */
function entryCount(tree: Tree): number {
  const paths = new Set<string>();
  for (const path of Object.keys(tree)) {
    const parts = path.split('/');
    for (let length = 1; length <= parts.length; length += 1) paths.add(parts.slice(0, length).join('/'));
  }
  return paths.size + 1;
}

/** Checks a volume and its contents with our reader and with the real tools. */
function expectWhole(path: string, tree: Tree): FatReader {
  const verdict = fsck(path);
  const image = FileImage.open(path);
  const reader = readFat(image, path);
  expect(sorted(treeOf(reader))).toEqual(sorted(tree));
  expect(sorted(extractWithMtools(path))).toEqual(sorted(tree));
  expect(verdict.fileCount).toBe(entryCount(tree));
  expect(verdict.clusterCount).toBe(reader.volume.clusterCount);
  expect(verdict.clusterCount - verdict.usedClusterCount).toBe(reader.volume.freeClusterCount);
  image.close();
  return reader;
}

describe('fat volumes', () => {
  test.each<[string, number, FatType | undefined, FatType]>([
    ['1 MiB', 1, undefined, 'fat12'],
    ['8 MiB', 8, undefined, 'fat12'],
    ['9 MiB', 9, undefined, 'fat16'],
    ['40 MiB as FAT32', 40, 'fat32', 'fat32'],
    ['100 MiB', 100, undefined, 'fat16'],
    ['100 MiB as FAT32', 100, 'fat32', 'fat32'],
    ['100 MiB as FAT12', 100, 'fat12', 'fat12'],
    ['511 MiB', 511, undefined, 'fat16'],
    ['512 MiB', 512, undefined, 'fat32'],
    ['8 GiB', 8192, undefined, 'fat32'],
  ])(
    '%s: fsck reports no problem, and mtools and our reader find every file',
    (title, sizeMib, type, expectedType) => {
      const path = join(folder, `${title.replaceAll(' ', '-')}.img`);
      const tree =
        sizeMib === 1
          ? Object.fromEntries(Object.entries(TREE).filter(([name]) => !name.startsWith('many')))
          : TREE;
      const summary = writeVolume(path, tree, {
        sizeBytes: sizeMib * MEBIBYTE,
        ...(type === undefined ? {} : { type }),
      });
      expect(summary.type).toBe(expectedType);
      const reader = expectWhole(path, tree);
      expect(reader).toMatchObject({
        rootLabel: 'ESP',
        volume: { ...summary, label: 'ESP', volumeId: 0x1234abcd, isDirty: false },
      });
      rmSync(path);
    },
  );

  test.each([1, 4, 8, 9, 16, 64, 128, 130, 256, 260, 300, 511, 512, 4096, 9000, 20000])(
    'type and cluster size of %i MiB are those of mkfs.fat',
    (sizeMib) => {
      const path = join(folder, 'mkfs.img');
      FileImage.create(path, sizeMib * MEBIBYTE).close();
      execFileSync(realTool('mkfs.vfat', 'dosfstools'), [path]);
      const image = FileImage.open(path);
      const theirs = readFat(image);
      image.close();
      const ours = writeFat({ write: () => {} }, [], () => [], {
        ...IDENTITY,
        sizeBytes: sizeMib * MEBIBYTE,
      });
      expect({ type: ours.type, clusterBytes: ours.clusterBytes }).toEqual({
        type: theirs.volume.type,
        clusterBytes: theirs.volume.clusterBytes,
      });
      rmSync(path);
    },
  );

  test.each<[number, FatType]>([
    [4084, 'fat12'],
    [4085, 'fat16'],
    [65524, 'fat16'],
    [65525, 'fat32'],
  ])('%i clusters are %s for all tools, in an empty and in a full volume', (clusterCount, type) => {
    const path = join(folder, `${clusterCount}.img`);
    const sizeBytes = sizeBytesFor(type, 512, clusterCount);
    expect(writeVolume(path, {}, { sizeBytes, clusterBytes: 512 })).toEqual({
      type,
      clusterBytes: 512,
      clusterCount,
      freeClusterCount: type === 'fat32' ? clusterCount - 1 : clusterCount,
    });
    expectWhole(path, {});
    const report = execFileSync(realTool('fsck.vfat', 'dosfstools'), ['-n', '-v', path], {
      encoding: 'utf8',
    });
    expect(report).toContain(`${type.slice('fat'.length)} bit entries`);
    const fullBytes = (clusterCount - (type === 'fat32' ? 1 : 0)) * 512;
    const full = { 'full.bin': noise(fullBytes) };
    expect(writeVolume(path, full, { sizeBytes, clusterBytes: 512 }).freeClusterCount).toBe(0);
    expectWhole(path, full);
    expect(() =>
      writeVolume(path, { 'full.bin': noise(fullBytes + 1) }, { sizeBytes, clusterBytes: 512 }),
    ).toThrow('bytes too small: the files need');
    rmSync(path);
  });

  test("GRUB's driver reads every type", () => {
    for (const [sizeMib, type] of [
      [4, 'fat12'],
      [16, 'fat16'],
      [40, 'fat32'],
    ] as const) {
      const path = join(folder, `grub-${type}.img`);
      writeVolume(path, TREE, { sizeBytes: sizeMib * MEBIBYTE, type });
      const fstest = (...args: string[]): Buffer =>
        execFileSync(realTool('grub-fstest', 'grub-common'), [path, ...args], { maxBuffer: 2 ** 26 });
      for (const [name, content] of Object.entries(TREE)) {
        if (content === undefined || content.length === 0 || /^many.*[1-9]/.test(name)) continue;
        expect(fstest('cat', `(loop0)/${name}`).equals(content), name).toBe(true);
      }
      expect(fstest('ls', '--', '-l', '(loop0)').toString()).toMatch(/Label `ESP'.*UUID 1234-ABCD/s);
    }
  });

  test('the reader reads volumes that mtools wrote', () => {
    const path = join(folder, 'theirs.img');
    const source = join(folder, 'source');
    mkdirSync(join(source, 'Deep folder', 'x'), { recursive: true });
    writeFileSync(join(source, 'Deep folder', 'x', 'file.with.dots'), 'abc');
    writeFileSync(join(source, 'UPPER.TXT'), noise(10_000));
    writeFileSync(join(source, 'lower.txt'), 'l');
    for (const type of ['12', '16', '32']) {
      rmSync(path, { force: true });
      FileImage.create(path, (type === '12' ? 4 : 48) * MEBIBYTE).close();
      execFileSync(realTool('mkfs.vfat', 'dosfstools'), ['-F', type, '-n', 'THEIRS', path]);
      mtools(
        'mcopy',
        path,
        '-s',
        join(source, 'Deep folder'),
        join(source, 'UPPER.TXT'),
        join(source, 'lower.txt'),
        '::',
      );
      const reader = readFat(FileImage.open(path));
      expect(reader.rootLabel).toBe('THEIRS');
      expect(sorted(treeOf(reader))).toEqual(
        sorted({
          'Deep folder/x/file.with.dots': Buffer.from('abc'),
          'UPPER.TXT': noise(10_000),
          'lower.txt': Buffer.from('l'),
        }),
      );
    }
  });

  test('a name with characters beyond 16 bits is preserved', () => {
    const path = join(folder, 'emoji.img');
    const tree = { '😀😀😀😀😀😀😀.txt': noise(3) };
    writeVolume(path, tree, { sizeBytes: MEBIBYTE });
    expect(fsck(path).fileCount).toBe(2);
    expect(sorted(treeOf(readFat(FileImage.open(path))))).toEqual(sorted(tree));
  });

  test('20,000 similar names in one directory get unique short names', () => {
    const path = join(folder, 'like.img');
    const tree = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, index) => [
        `d/like name ${String(index).padStart(5, '0')}.text`,
        Buffer.alloc(0),
      ]),
    );
    writeVolume(path, tree, { sizeBytes: 64 * MEBIBYTE });
    const image = FileImage.open(path);
    const shortNames = Array.from(readFat(image).walk(), (record) => record.shortName);
    image.close();
    expect(new Set(shortNames).size).toBe(20_002);
    expect(fsck(path).fileCount).toBe(20_002);
    rmSync(path);
  });

  test('the order of the entries does not change the bytes', () => {
    const left = join(folder, 'left.img');
    const right = join(folder, 'right.img');
    writeVolume(left, TREE, { sizeBytes: 16 * MEBIBYTE });
    writeVolume(right, Object.fromEntries(Object.entries(TREE).reverse()), { sizeBytes: 16 * MEBIBYTE });
    expect(readFileSync(left).equals(readFileSync(right))).toBe(true);
  });

  test('pieces of content may have any size', () => {
    const path = join(folder, 'pieces.img');
    const content = noise(10_000);
    const image = FileImage.create(path, 2 * MEBIBYTE);
    const pieces = [
      content.subarray(0, 1),
      content.subarray(1, 1),
      content.subarray(1, 5001),
      content.subarray(5001),
    ];
    writeFat(image, entriesOf({ f: content }), () => pieces, { ...IDENTITY, sizeBytes: 2 * MEBIBYTE });
    image.close();
    expect(sorted(treeOf(readFat(FileImage.open(path))))).toEqual(sorted({ f: content }));
  });

  test('serial number, label, hidden sectors and time stamps are those of the options', () => {
    const path = join(folder, 'identity.img');
    const timeSeconds = Date.UTC(2024, 1, 29, 13, 14, 16) / 1000;
    for (const type of ['fat12', 'fat16', 'fat32'] as const) {
      writeVolume(
        path,
        { 'x.txt': noise(1) },
        {
          sizeBytes: (type === 'fat32' ? 64 : 6) * MEBIBYTE,
          type,
          label: 'CONFIG 2',
          hiddenSectors: 2048,
          timeSeconds,
        },
      );
      expect(fsck(path).fileCount).toBe(2);
      expect(mtools('mdir', path, '::').toString()).toMatch(
        /is CONFIG 2\s[\s\S]*is 1234-ABCD[\s\S]*2024-02-29 {2}13:14/,
      );
      expect(mtools('minfo', path).toString()).toContain('hidden sectors: 2048');
    }
    writeVolume(path, { 'x.txt': noise(1) }, { sizeBytes: 6 * MEBIBYTE, label: '' });
    expect(fsck(path).fileCount).toBe(1);
    expect(mtools('mdir', path, '::').toString()).toMatch(/has no label[\s\S]*1980-01-01 {3}0:00/);
    expect(readFat(FileImage.open(path))).toMatchObject({ volume: { label: 'NO NAME' }, rootLabel: '' });
  });

  test('our reader and the real tools read any tree completely', () => {
    const letters = fc.constantFrom(..."aAbB1~.-_ +=[];,'ßéЖ字");
    const name = fc
      .string({ unit: letters, minLength: 1, maxLength: 30 })
      .filter((text) => !/[ .]$|^ /.test(text) && text !== '');
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    const fold = (text: string): string => text.toLowerCase().toUpperCase();
    const content = fc.option(fc.integer({ min: 0, max: 9000 }), { nil: undefined, freq: 5 });
    const trees = fc
      .uniqueArray(fc.tuple(path, content), { maxLength: 25, selector: ([text]) => fold(text) })
      .map((pairs) => {
        // Drops paths within a file, and within a directory whose name differs only in case.
        const folders = new Map<string, string>();
        const files = new Set(pairs.map(([text]) => fold(text)));
        return pairs.filter(([text]) => {
          const parts = text.split('/');
          const parents = parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join('/'));
          if (parents.some((parent) => files.has(fold(parent)))) return false;
          if (folders.has(fold(text))) return false;
          if (parents.some((parent) => (folders.get(fold(parent)) ?? parent) !== parent)) return false;
          for (const parent of parents) folders.set(fold(parent), parent);
          return true;
        });
      })
      .map(
        (pairs): Tree =>
          Object.fromEntries(
            pairs.map(([text, sizeBytes], index) => [
              text,
              sizeBytes === undefined ? undefined : noise(sizeBytes, index),
            ]),
          ),
      );
    const file = join(folder, 'any.img');
    fc.assert(
      fc.property(
        trees,
        fc.constantFrom<[number, FatType]>([2, 'fat12'], [5, 'fat16'], [36, 'fat32']),
        (tree, [sizeMib, type]) => {
          writeVolume(file, tree, { sizeBytes: sizeMib * MEBIBYTE, type });
          expectWhole(file, tree);
        },
      ),
      { numRuns: 40 },
    );
  });
});
