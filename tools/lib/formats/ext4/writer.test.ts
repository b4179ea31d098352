import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { device, directory, file, hardlink, special, symlink } from '../../testing/entries/entries.ts';
import {
  type Contents,
  debugfs,
  e2fsckComplaints,
  ImageFolder,
  readAll,
  readTree,
  TEST_OPTIONS,
  writeFileSystem,
} from '../../testing/ext4/ext4-image.ts';
import { noise } from '../../testing/noise.ts';
import { MemoryImage } from '../block/block.ts';
import type { Entry } from '../entry/entry.ts';
import { decodeName } from '../entry/name.ts';
import { Ext4Writer } from './ext4.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const BLOCK = 4096;
const images = new ImageFolder();
afterAll(() => images.remove());

/** Writes a tree, checks it with e2fsck, and reads it back. */
function roundTrip(entries: readonly Entry[], sizeBytes: number, contents: Contents = {}): string {
  const path = images.write(entries, { sizeBytes }, contents);
  expect(e2fsckComplaints(path)).toBe('');
  expect(readTree(path).slice(1)).toEqual(entries);
  return path;
}

/** Returns the content of a file that debugfs reads. */
function dumped(imagePath: string, path: string): Buffer {
  const target = images.file('dumped');
  debugfs(imagePath, `dump ${path} ${target}`);
  return readFileSync(target);
}

describe('e2fsck reports no problem in', () => {
  test.each([
    ['1 MiB', MIB],
    ['8 MiB', 8 * MIB],
    ['one block less than a group', 128 * MIB - BLOCK],
    ['one group', 128 * MIB],
    ['a second group that is too short for its superblock', 128 * MIB + BLOCK],
    ['a second group that has only its superblock', 128 * MIB + 2 * BLOCK],
    ['a second group with one block for data', 128 * MIB + 3 * BLOCK],
    ['a third group of one block', 256 * MIB + BLOCK],
    ['sixteen groups', 2 * GIB],
    ['a second flexible group of one block', 2 * GIB + BLOCK],
    ['a second flexible group of 1 MiB', 2 * GIB + MIB],
    ['50 GiB', 50 * GIB],
  ])('a file system of %s', (_, sizeBytes) => {
    roundTrip([file('file', 5)], sizeBytes, { file: Buffer.from('hello') });
  });

  test.each([8 * MIB, 128 * MIB, GIB, 2 * GIB, 5 * GIB, 50 * GIB, 200 * GIB])(
    'a journal on %d bytes',
    (sizeBytes) => {
      const path = images.write([file('file', 5)], { sizeBytes, journal: true });
      expect(e2fsckComplaints(path)).toBe('');
      expect(debugfs(path, 'stat <8>')).toContain('Type: regular');
      expect(debugfs(path, 'logdump')).toContain('Journal starts at block 0, transaction 1');
    },
  );

  test('16 TiB minus one block', () => {
    const sizeBytes = 2 ** 44 - BLOCK;
    const image = new MemoryImage(sizeBytes);
    const summary = writeFileSystem(image, [], { ...TEST_OPTIONS, sizeBytes, readOnly: true });
    expect(summary.blockCount).toBe(2 ** 32 - 1);
  });

  test('a read-only file system with exactly the inodes that it needs', () => {
    const entries = Array.from({ length: 5 }, (_, index) => file(`${index}`, 0));
    const path = images.write(entries, { sizeBytes: 8 * MIB, readOnly: true });
    expect(e2fsckComplaints(path)).toBe('');
    expect(debugfs(path, 'stats')).toMatch(/Inode count: +16\n/);
    expect(debugfs(path, 'stats')).toMatch(/Filesystem features:.* read-only/);
  });
});

describe('content is read back', () => {
  test.each([0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * MIB + 7])('of a file of %d bytes', (sizeBytes) => {
    const content = noise(sizeBytes);
    const path = roundTrip([file('file', sizeBytes)], 8 * MIB, { file: content });
    expect(readAll(path, 'file').equals(content)).toBe(true);
    expect(dumped(path, '/file').equals(content)).toBe(true);
  });

  test('of a file that is written in pieces of any size', () => {
    const content = Buffer.concat([
      noise(5000),
      Buffer.alloc(3 * BLOCK),
      noise(9000, 7),
      Buffer.alloc(BLOCK + 3),
    ]);
    const options = { ...TEST_OPTIONS, sizeBytes: 4 * MIB };
    const whole = new MemoryImage(options.sizeBytes);
    writeFileSystem(whole, [file('file', content.length)], options, { file: content });
    for (const pieceBytes of [1, 511, 4095, 4096, 4097, 10_000]) {
      const image = new MemoryImage(options.sizeBytes);
      const writer = new Ext4Writer(image, [file('file', content.length)], options);
      const open = writer.openFile('file');
      for (let offset = 0; offset < content.length; offset += pieceBytes) {
        const piece = Uint8Array.from(content.subarray(offset, offset + pieceBytes));
        open.write(piece);
        piece.fill(0xee);
      }
      open.close();
      writer.finish();
      const same = Buffer.from(image.read(0, options.sizeBytes)).equals(whole.read(0, options.sizeBytes));
      expect(same, `pieces of ${pieceBytes} bytes`).toBe(true);
    }
  });

  test('of a file whose zeros are skipped', () => {
    const content = Buffer.concat([noise(100), Buffer.alloc(9000), noise(100, 3), Buffer.alloc(500)]);
    const options = { ...TEST_OPTIONS, sizeBytes: 4 * MIB };
    const written = new MemoryImage(options.sizeBytes);
    writeFileSystem(written, [file('file', content.length)], options, { file: content });
    const skipped = new MemoryImage(options.sizeBytes);
    const writer = new Ext4Writer(skipped, [file('file', content.length)], options);
    const open = writer.openFile('file');
    open.write(content.subarray(0, 100));
    open.skip(9000);
    open.write(content.subarray(9100, 9200));
    open.skip(500);
    open.close();
    writer.finish();
    expect(Buffer.from(skipped.read(0, 4 * MIB)).equals(written.read(0, 4 * MIB))).toBe(true);
  });

  test('of two files whose pieces are written alternately', () => {
    const path = images.file('turns.img');
    const image = new MemoryImage(8 * MIB);
    const left = noise(200_000, 1);
    const right = noise(200_000, 2);
    const writer = new Ext4Writer(image, [file('left', 200_000), file('right', 200_000)], {
      ...TEST_OPTIONS,
      sizeBytes: 8 * MIB,
    });
    const files = [writer.openFile('left'), writer.openFile('right')] as const;
    for (let offset = 0; offset < 200_000; offset += 5000) {
      files[0].write(left.subarray(offset, offset + 5000));
      files[1].write(right.subarray(offset, offset + 5000));
    }
    for (const open of files) open.close();
    writer.finish();
    images.keep(path, image);
    expect(e2fsckComplaints(path)).toBe('');
    expect(readAll(path, 'left').equals(left)).toBe(true);
    expect(readAll(path, 'right').equals(right)).toBe(true);
  });

  test.each([
    ['five extents', 5],
    ['one full block of extents', 340],
    ['one more than a block of extents', 341],
    ['four full blocks of extents', 4 * 340],
    ['one more than four blocks of extents', 4 * 340 + 1],
  ])('of a file with %s through holes', (_, extentCount) => {
    const content = Buffer.alloc(extentCount * 2 * BLOCK);
    for (let index = 0; index < extentCount; index++) content.write(`${index}`, index * 2 * BLOCK);
    const path = roundTrip([file('file', content.length)], 32 * MIB, { file: content });
    expect(readAll(path, 'file').equals(content)).toBe(true);
    expect(debugfs(path, 'stat /file')).toContain('EXTENTS');
  });

  test('of a file of 10 GiB that is one hole with data at both ends', () => {
    const path = images.file('sparse.img');
    const image = new MemoryImage(4 * MIB);
    const writer = new Ext4Writer(image, [file('file', 10 * GIB)], { ...TEST_OPTIONS, sizeBytes: 4 * MIB });
    const open = writer.openFile('file');
    open.write(Buffer.from('start'));
    open.skip(10 * GIB - 8);
    open.write(Buffer.from('end'));
    open.close();
    writer.finish();
    images.keep(path, image);
    expect(e2fsckComplaints(path)).toBe('');
    const stat = debugfs(path, 'stat /file');
    expect(stat).toMatch(/Size: 10737418240/);
    expect(stat).toMatch(/Blockcount: 16/);
    expect(stat).toMatch(/\(0\):\d+, \(2621439\):\d+/);
  });

  test('of a file over 128 MiB, in as few extents as the block groups allow', () => {
    const content = noise(140 * MIB);
    const path = roundTrip([file('file', content.length)], 256 * MIB, { file: content });
    expect(debugfs(path, 'stat /file').match(/\(\d+-\d+\):/g)?.length).toBeLessThanOrEqual(3);
    expect(dumped(path, '/file').equals(content)).toBe(true);
    expect(readAll(path, 'file').equals(content)).toBe(true);
  });
});

describe('each kind of entry', () => {
  test('is read back, and debugfs shows the same', () => {
    const entries: Entry[] = [
      device('block-new', 259, 70_000, 'block-device'),
      device('char-new', 10, 256),
      device('char-old', 5, 1),
      directory('dir', { mode: 0o1777, uid: 65_536, gid: 4_294_967_294 }),
      special('fifo', 'fifo'),
      file('file', 3, { mode: 0o4755, uid: 1000, gid: 100 }),
      hardlink('hard', 'file'),
      hardlink('hard-symlink', 'link'),
      symlink('link', 'file'),
    ];
    // The reader too uses the first path of a file as the file, so only the order may differ.
    const path = images.write(entries, { sizeBytes: 4 * MIB }, { file: Buffer.from('abc') });
    expect(e2fsckComplaints(path)).toBe('');
    expect(debugfs(path, 'stat /block-new')).toMatch(/Device major\/minor number: 259:70000/);
    expect(debugfs(path, 'stat /char-old')).toMatch(/Device major\/minor number: 05:01/);
    expect(debugfs(path, 'stat /char-new')).toMatch(/\(New-style\) Device major\/minor number: 10:256/);
    expect(debugfs(path, 'stat /dir')).toMatch(/Mode: +01777 .*\n.*\nUser: 65536 +Group: +-2 /);
    expect(debugfs(path, 'stat /file')).toMatch(/Links: 2/);
    expect(debugfs(path, 'stat /fifo')).toMatch(/Type: FIFO/);
    const tree = readTree(path).slice(1);
    expect(tree.map(({ path: name, type }) => `${name} ${type}`)).toEqual([
      'block-new block-device',
      'char-new character-device',
      'char-old character-device',
      'dir directory',
      'fifo fifo',
      'file file',
      'hard hardlink',
      'hard-symlink symlink',
      'link hardlink',
    ]);
    expect(tree.slice(0, 6)).toEqual(entries.slice(0, 6));
  });

  test.each([1, 59, 60, 61, 4094, 4095])('a symbolic link of %d bytes', (targetBytes) => {
    const target = noise(targetBytes).toString('hex').slice(0, targetBytes);
    const path = roundTrip([symlink('link', target)], 4 * MIB);
    const stat = debugfs(path, 'stat /link');
    if (targetBytes < 60) expect(stat).toContain(`Fast link dest: "${target}"`);
    else expect(stat).toMatch(/Blockcount: 8\n/);
  });

  test.each([0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x37fffffff])(
    'has the time %d everywhere',
    (timeSeconds) => {
      const path = images.write([file('file', 0)], { sizeBytes: 4 * MIB, timeSeconds });
      expect(e2fsckComplaints(path, timeSeconds)).toBe('');
      const stat = debugfs(path, 'stat /file');
      const low = (timeSeconds % 2 ** 32).toString(16).padStart(8, '0');
      const extra = (Math.floor((timeSeconds + 2 ** 31) / 2 ** 32) & 3).toString(16).padStart(8, '0');
      for (const field of ['ctime', 'atime', 'mtime', 'crtime']) {
        expect(stat).toMatch(new RegExp(`${field}: 0x${low}:${extra}`));
      }
    },
  );

  test('has the bytes of its name, its target and its attributes, UTF-8 or not', () => {
    const bytes = Buffer.from([0x6e, 0xff, 0xc3, 0x28]);
    const name = decodeName(bytes);
    const path = roundTrip(
      [
        directory(name, { xattrs: new Map([[`user.${name}`, Uint8Array.from(bytes)]]) }),
        file(`${name}/${name}`, 0),
        symlink('short', name),
        symlink('slow', name.repeat(20)),
      ],
      4 * MIB,
    );
    expect(debugfs(path, 'ls -p /', 'latin1')).toContain(`/${bytes.toString('latin1')}/`);
    expect(debugfs(path, 'stat /short', 'latin1')).toContain(`Fast link dest: "${bytes.toString('latin1')}"`);
    // debugfs shows bytes that are not text as numbers: `user.` and the name, then the value.
    expect(debugfs(path, 'ea_list <12>')).toContain('75 73 65 72 2e 6e ff c3 28  (4) = 6e ff c3 28');
  });

  test('directories as deep as a path can go', () => {
    const entries = Array.from({ length: 2000 }, (_, depth) =>
      directory(
        Array(depth + 1)
          .fill('d')
          .join('/'),
      ),
    );
    roundTrip(entries, 32 * MIB);
  });
});

test('equal trees give equal bytes', () => {
  const entries = [directory('d'), file('d/f', 100_000), symlink('d/l', 'x'.repeat(100))];
  const [left, right] = [0, 1].map(() => {
    const image = new MemoryImage(4 * MIB);
    writeFileSystem(image, entries, { ...TEST_OPTIONS, sizeBytes: 4 * MIB }, { 'd/f': noise(100_000) });
    return Buffer.from(image.read(0, 4 * MIB));
  });
  expect(left?.equals(right as Buffer)).toBe(true);
});
