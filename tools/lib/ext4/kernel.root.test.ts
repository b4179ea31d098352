/** Holds the writer and the reader against the running kernel. Needs root and loop devices. */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileImage } from '../block/file.ts';
import type { Entry } from '../entry/entry.ts';
import { realTool } from '../testing/real-tool.ts';
import { readExt4 } from './ext4.ts';
import {
  device,
  directory,
  e2fsckComplaints,
  fifo,
  file,
  hardlink,
  ImageFolder,
  namesAroundCollision,
  noise,
  readAll,
  readTree,
  symlink,
  xattrs,
} from './test-image.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const images = new ImageFolder();
const mountPoint = images.file('mounted');
afterAll(() => images.remove());

beforeAll(() => {
  if (process.getuid?.() !== 0) throw new Error('these tests mount file systems: run them as root');
  mkdirSync(mountPoint);
  try {
    execFileSync(realTool('losetup', 'mount'), ['--find'], { stdio: 'pipe' });
  } catch (error) {
    throw new Error(`these tests need loop devices, and losetup finds none: ${error}`);
  }
});

/** Mounts an image while `use` runs. */
function mounted<T>(imagePath: string, options: string, use: () => T): T {
  execFileSync(realTool('mount', 'mount'), ['-t', 'ext4', '-o', `loop,${options}`, imagePath, mountPoint]);
  try {
    return use();
  } finally {
    execFileSync(realTool('umount', 'mount'), [mountPoint]);
    waitUntilDetached(imagePath);
  }
}

/** A sandbox that was set up meanwhile may hold a copy of the mount, and so the file system, for a while longer. */
function waitUntilDetached(imagePath: string): void {
  for (let attempt = 0; attempt < 600; attempt++) {
    const devices = execFileSync(realTool('losetup', 'mount'), ['--associated', imagePath], {
      encoding: 'utf8',
    });
    if (devices === '') return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  }
  throw new Error(`${imagePath} is still attached to a loop device a minute after umount`);
}

/** u::rw-, u:1000:r--, g::r--, m::r--, o::---. */
const ACL = Buffer.from(
  '02000000' +
    '01000600ffffffff' +
    '02000400e8030000' +
    '04000400ffffffff' +
    '10000400ffffffff' +
    '20000000ffffffff',
  'hex',
);

const content = Buffer.concat([noise(300_000), Buffer.alloc(100_000), noise(5_000_001, 5)]);
const holes = Buffer.alloc(1500 * 8192);
for (let index = 0; index < 1500; index++) holes.write(`${index}`, index * 8192);
const manyNames = Array.from({ length: 50_000 }, (_, index) => `näme-${index}`);

const entries: Entry[] = [
  device('char', 10, 256),
  directory('dir', { mode: 0o2751, uid: 70_000, gid: 80_000 }),
  file('dir/content', content.length, { mode: 0o4711, uid: 4_000_000_000 }),
  hardlink('dir/hard', 'dir/content'),
  file('dir/holes', holes.length),
  symlink('dir/link', 'x'.repeat(59)),
  symlink('dir/long-link', 'x'.repeat(60)),
  fifo('fifo'),
  directory('many'),
  ...manyNames.map((name) => file(`many/${name}`, 0)),
  directory('same-hash'),
  ...namesAroundCollision().map((name) => file(`same-hash/${name}`, 0)),
  file('with-xattrs', 0, {
    mode: 0o640,
    xattrs: new Map([
      ...xattrs({ 'security.capability': Buffer.from('0100000200200000000000000000000000000000', 'hex') }),
      ...xattrs({ 'user.large': noise(3000), 'trusted.small': 'value' }),
      ['system.posix_acl_access', ACL],
    ]),
  }),
];
const contents = { 'dir/content': content, 'dir/holes': holes };

/** The attributes of `path` as GNU tar reads them from the kernel. */
function kernelXattrs(path: string): Map<string, Buffer> {
  const archive = execFileSync(
    realTool('tar', 'tar'),
    ['--create', '--format=pax', '--xattrs', '--xattrs-include=*', '-C', mountPoint, '-f', '-', path],
    { maxBuffer: 64 * MIB },
  );
  const size = Number.parseInt(archive.toString('latin1', 124, 135), 8);
  const found = new Map<string, Buffer>();
  for (let offset = 512; offset < 512 + size; ) {
    const space = archive.indexOf(0x20, offset);
    const length = Number(archive.toString('latin1', offset, space));
    const record = archive.subarray(space + 1, offset + length - 1);
    const equals = record.indexOf(0x3d);
    const name = record.toString('utf8', 0, equals);
    if (name.startsWith('SCHILY.xattr.')) found.set(name.slice(13), record.subarray(equals + 1));
    offset += length;
  }
  return found;
}

/** What the kernel shows of the tree above. */
function checkTree(): void {
  expect(readFileSync(`${mountPoint}/dir/content`).equals(content)).toBe(true);
  expect(readFileSync(`${mountPoint}/dir/holes`).equals(holes)).toBe(true);
  expect(readlinkSync(`${mountPoint}/dir/link`)).toBe('x'.repeat(59));
  expect(readlinkSync(`${mountPoint}/dir/long-link`)).toBe('x'.repeat(60));
  const dir = lstatSync(`${mountPoint}/dir`);
  expect([dir.mode & 0o7777, dir.uid, dir.gid, dir.nlink]).toEqual([0o2751, 70_000, 80_000, 2]);
  const hard = lstatSync(`${mountPoint}/dir/hard`);
  expect([hard.mode & 0o7777, hard.uid, hard.nlink]).toEqual([0o4711, 4_000_000_000, 2]);
  expect([hard.ctimeMs, hard.mtimeMs, hard.birthtimeMs]).toEqual([0, 0, 0]);
  expect(lstatSync(`${mountPoint}/char`).rdev).toBe(10 * 256 + 0x100000);
  expect(lstatSync(`${mountPoint}/fifo`).isFIFO()).toBe(true);
  expect(readdirSync(`${mountPoint}/many`).length).toBe(50_000);
  for (let index = 0; index < 50_000; index += 777) lstatSync(`${mountPoint}/many/${manyNames[index]}`);
  for (const name of namesAroundCollision()) lstatSync(`${mountPoint}/same-hash/${name}`);
  const expected = entries.at(-1)?.xattrs as Map<string, Uint8Array>;
  const found = kernelXattrs('with-xattrs');
  for (const [name, value] of expected) {
    expect(found.get(name)?.toString('hex'), name).toBe(Buffer.from(value).toString('hex'));
  }
}

describe('the kernel mounts', () => {
  test.each([
    ['read-only, without a journal', 'ro', { journal: false }, 512 * MIB],
    ['read-only, with a journal', 'ro', { journal: true }, 512 * MIB],
    ['for writing, without a journal', 'rw', { journal: false }, 512 * MIB],
    ['for writing, with a journal', 'rw', { journal: true }, 512 * MIB],
    ['for writing, 50 GiB', 'rw', { journal: true }, 50 * GIB],
  ])('%s, and sees the whole tree', { timeout: 300_000 }, (_, mountOptions, options, sizeBytes) => {
    const path = images.write(entries, { sizeBytes, ...options }, contents);
    mounted(path, mountOptions, checkTree);
    expect(e2fsckComplaints(path)).toBe('');
  });

  test('a file system marked read-only for reading alone', () => {
    const path = images.write([file('f', 0)], { sizeBytes: 8 * MIB, readOnly: true });
    mounted(path, 'rw', () => {
      expect(() => writeFileSync(`${mountPoint}/new`, '')).toThrow('EROFS');
    });
  });

  test.each([MIB, 8 * MIB, 128 * MIB + 4096, 128 * MIB + 8192, 2 * GIB + 4096])(
    '%d bytes, and fills them to the last block',
    { timeout: 300_000 },
    (sizeBytes) => {
      const path = images.write([file('f', 3)], { sizeBytes }, { f: Buffer.from('abc') });
      mounted(path, 'rw', () => {
        const descriptor = openSync(`${mountPoint}/fill`, 'w');
        for (const piece of [noise(MIB), noise(4096)]) {
          expect(() => {
            for (;;) writeSync(descriptor, piece);
          }).toThrow('ENOSPC');
        }
        closeSync(descriptor);
        // The kernel keeps some blocks to itself, up to 2 %.
        const { bavail, bfree } = statfsSync(mountPoint);
        expect(bavail).toBe(0);
        expect(bfree).toBeLessThanOrEqual(sizeBytes / 4096 / 50);
        expect(readFileSync(`${mountPoint}/f`, 'utf8')).toBe('abc');
      });
      expect(e2fsckComplaints(path)).toBe('');
    },
  );
});

describe('after the kernel changed a file system', () => {
  test.each([{ journal: false }, { journal: true }])(
    '%o: the reader sees what it did, and knows what changed',
    {
      timeout: 300_000,
    },
    (options) => {
      const path = images.write(entries, { sizeBytes: 512 * MIB, ...options }, contents);
      mounted(path, 'rw', () => {
        for (let index = 0; index < 20_000; index++)
          writeFileSync(`${mountPoint}/many/new-${index}`, `${index}`);
        for (let index = 0; index < 10_000; index++) unlinkSync(`${mountPoint}/many/${manyNames[index]}`);
        appendFileSync(`${mountPoint}/dir/content`, 'appended');
        chmodSync(`${mountPoint}/fifo`, 0o777);
        mkdirSync(`${mountPoint}/fresh/deep`, { recursive: true });
        symlinkSync('y'.repeat(200), `${mountPoint}/fresh/long`);
        linkSync(`${mountPoint}/fresh/long`, `${mountPoint}/fresh/long-too`);
        renameSync(`${mountPoint}/dir/link`, `${mountPoint}/fresh/moved`);
        rmSync(`${mountPoint}/dir/holes`);
        execFileSync('fallocate', ['-l', '10MiB', `${mountPoint}/fresh/set-aside`]);
      });
      expect(e2fsckComplaints(path)).toBe('');
      const image = FileImage.open(path);
      const records = [...readExt4(image).walk()];
      image.close();
      const changed = records
        .filter(({ changeTime }) => changeTime.seconds !== 0 || changeTime.nanoseconds !== 0)
        .map(({ entry }) => entry.path);
      expect(changed.filter((name) => !name.startsWith('many/'))).toEqual(
        [
          '',
          'dir',
          'dir/content',
          'dir/hard',
          'fifo',
          'fresh',
          'fresh/deep',
          'fresh/long',
          'fresh/long-too',
          'fresh/moved',
          'fresh/set-aside',
          'many',
        ].sort(),
      );
      expect(records.filter(({ entry }) => entry.path.startsWith('many/')).length).toBe(60_000);
      expect(readAll(path, 'dir/hard').equals(Buffer.concat([content, Buffer.from('appended')]))).toBe(true);
      expect(readAll(path, 'many/new-19999').toString()).toBe('19999');
      expect(readAll(path, 'fresh/set-aside').equals(Buffer.alloc(10 * MIB))).toBe(true);
      const tree = new Map(readTree(path).map((entry) => [entry.path, entry]));
      expect(tree.get('fresh/long-too')).toMatchObject({ type: 'hardlink', target: 'fresh/long' });
      expect(tree.get('with-xattrs')?.xattrs.get('user.large')).toEqual(new Uint8Array(noise(3000)));
    },
  );

  test('a journal that is still in use is refused', () => {
    const path = images.write([file('f', 0)], { sizeBytes: 64 * MIB, journal: true });
    const copy = images.file('dirty.img');
    mounted(path, 'rw', () => {
      writeFileSync(`${mountPoint}/new`, 'x');
      execFileSync('sync', ['-f', mountPoint]);
      copyFileSync(path, copy);
    });
    expect(() => readTree(copy)).toThrow('its journal has to be replayed first');
    expect(readTree(path).map((entry) => entry.path)).toContain('new');
  });
});
