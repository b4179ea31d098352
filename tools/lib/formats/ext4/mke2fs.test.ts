/** Reads file systems of mke2fs with old and new features, from twenty years of its development. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { debugfsWrite, e2fsckComplaints, ImageFolder } from '../../testing/ext4/ext4-image.ts';
import { noise } from '../../testing/noise.ts';
import { realTool } from '../../testing/real-tool.ts';
import { FileImage } from '../block/file.ts';
import { comparePaths } from '../entry/entry.ts';
import { decodeName, encodeName } from '../entry/name.ts';
import { type Ext4Reader, readExt4 } from './ext4.ts';

const KIB = 1024;
const MTIME_SECONDS = 1_234_567_890;
const images = new ImageFolder();
afterAll(() => images.remove());

const folder = images.file('folder');
const contents = new Map<string, Buffer>();
const links = new Map<string, string>();

/**
 * Sizes around each boundary: of content in inodes of 256 and 1,024 bytes, of a block, of direct
 * and indirect maps.
 */
const SIZES = [
  0,
  1,
  60,
  61,
  150,
  156,
  157,
  900,
  1023,
  1024,
  1025,
  4095,
  4096,
  4097,
  12 * KIB,
  12 * KIB + 1,
  268 * KIB,
  268 * KIB + 1,
  48 * KIB + 1,
  400 * KIB,
];

/** Paths as bytes, which `mke2fs -d` and Node support. */
function onDisk(path: string): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), encodeName(path)]);
}

function put(path: string, content: Buffer): void {
  writeFileSync(onDisk(path), content);
  contents.set(path, content);
}

function makeFolder(): void {
  mkdirSync(`${folder}/many`, { recursive: true });
  mkdirSync(`${folder}/few`);
  for (const size of SIZES) put(`size-${size}`, noise(size, size + 1));
  for (let index = 0; index < 600; index++) put(`many/file-${index}`, Buffer.from(`${index}`));
  put('few/one', Buffer.from('1'));
  put(decodeName(Buffer.from([0x6e, 0xff, 0xc3, 0x28])), Buffer.from('not UTF-8'));
  // Blocks far apart need the second and third level of a block map.
  const sparse = Buffer.alloc(20_000 * KIB + 1000);
  const descriptor = openSync(`${folder}/sparse`, 'w');
  ftruncateSync(descriptor, sparse.length);
  for (let offset = 0; offset < sparse.length; offset += 1000 * KIB) {
    const piece = noise(1000, offset + 1);
    sparse.set(piece, offset);
    writeSync(descriptor, piece, 0, piece.length, offset);
  }
  closeSync(descriptor);
  contents.set('sparse', sparse);
  for (const length of [1, 59, 60, 61, 150, 200, 1000]) {
    links.set(`link-${length}`, 'x'.repeat(length));
    symlinkSync('x'.repeat(length), `${folder}/link-${length}`);
  }
  linkSync(`${folder}/size-61`, `${folder}/hard`);
  for (const path of contents.keys()) utimesSync(onDisk(path), MTIME_SECONDS, MTIME_SECONDS);
}
beforeAll(makeFolder);

function mke2fs(options: readonly string[], size = '64M', name = 'mke2fs.img'): string {
  const path = images.file(name);
  const arguments_ = ['-q', '-F', ...options, '-d', folder, path, size];
  execFileSync(realTool('mke2fs', 'e2fsprogs'), arguments_, { stdio: ['ignore', 'ignore', 'pipe'] });
  return path;
}

function opened<T>(path: string, use: (reader: Ext4Reader) => T): T {
  const image = FileImage.open(path);
  try {
    return use(readExt4(image, 'disk.img'));
  } finally {
    image.close();
  }
}

/** mke2fs writes wrong counts of quotas. */
function repair(path: string): void {
  spawnSync(realTool('e2fsck', 'e2fsprogs'), ['-fy', path], { stdio: 'ignore' });
  expect(e2fsckComplaints(path)).toBe('');
}

/** Compares an image with the directory that it was built from. */
function expectFolder(path: string): void {
  opened(path, (reader) => {
    const records = [...reader.walk()].filter(({ entry }) => entry.path !== 'lost+found');
    const expected = ['', 'few', 'many', 'hard', ...contents.keys(), ...links.keys()].sort(comparePaths);
    expect(records.map(({ entry }) => entry.path)).toEqual(expected);
    for (const { entry, inodeNumber, linkCount, modificationTime } of records) {
      const stat = lstatSync(onDisk(entry.path));
      if (entry.path !== '')
        expect([entry.mode, entry.uid], entry.path).toEqual([stat.mode & 0o7777, stat.uid]);
      if (entry.type !== 'directory') expect(linkCount, entry.path).toBe(stat.nlink);
      if (entry.type === 'symlink') expect(entry.target).toBe(links.get(entry.path));
      if (entry.type === 'hardlink') expect([entry.path, entry.target]).toEqual(['size-61', 'hard']);
      if (entry.type !== 'file') continue;
      expect(modificationTime.seconds, entry.path).toBe(MTIME_SECONDS);
      const content = contents.get(entry.path === 'hard' ? 'size-61' : entry.path) as Buffer;
      expect(entry.sizeBytes).toBe(content.length);
      expect(Buffer.concat([...reader.readFile(inodeNumber)]).equals(content), entry.path).toBe(true);
    }
  });
}

describe('the reader reads an image that mke2fs built from a directory', () => {
  test.each<[string, string[], string?]>([
    ['with its defaults', ['-t', 'ext4']],
    ['with blocks of 1 KiB', ['-t', 'ext4', '-b', '1024']],
    ['with blocks of 2 KiB', ['-t', 'ext4', '-b', '2048']],
    ['with blocks of 64 KiB', ['-t', 'ext4', '-b', '65536'], '512M'],
    [
      'with inodes of 128 bytes and no checksums',
      ['-t', 'ext4', '-b', '4096', '-I', '128', '-O', '^metadata_csum,^64bit'],
    ],
    ['with a stored checksum seed', ['-t', 'ext4', '-b', '4096', '-O', 'metadata_csum,metadata_csum_seed']],
    ['as ext2', ['-t', 'ext2']],
    ['as ext2 with blocks of 1 KiB', ['-t', 'ext2', '-b', '1024']],
    ['as ext3', ['-t', 'ext3']],
    ['as ext3 with blocks of 1 KiB', ['-t', 'ext3', '-b', '1024']],
    ['without types in directory entries', ['-t', 'ext4', '-O', '^filetype']],
    ['without extents', ['-t', 'ext4', '-O', '^extent,^64bit', '-b', '1024']],
    ['without indexed directories', ['-t', 'ext4', '-O', '^dir_index']],
    ['with content in inodes', ['-t', 'ext4', '-O', 'inline_data']],
    ['with content in inodes of 1 KiB', ['-t', 'ext4', '-O', 'inline_data', '-I', '1024']],
    ['with content in inodes and no checksums', ['-t', 'ext4', '-O', 'inline_data,^metadata_csum']],
    [
      'with descriptors in their own groups',
      ['-t', 'ext4', '-O', 'meta_bg,^resize_inode', '-b', '1024', '-g', '256', '-N', '16384'],
    ],
    [
      'with descriptors in their own groups, 32 bytes each',
      ['-t', 'ext4', '-O', 'meta_bg,^resize_inode,^64bit', '-b', '1024', '-g', '256', '-N', '16384'],
    ],
    [
      'with descriptors in their own groups and sparse_super2',
      ['-t', 'ext4', '-O', 'meta_bg,^resize_inode,sparse_super2', '-b', '1024', '-g', '256', '-N', '16384'],
    ],
    [
      'with descriptors in their own groups and superblocks in all groups',
      ['-t', 'ext4', '-O', 'meta_bg,^resize_inode,^sparse_super', '-b', '1024', '-g', '256', '-N', '16384'],
    ],
    [
      'with many small groups',
      ['-t', 'ext4', '-b', '1024', '-g', '256', '-N', '16384', '-O', '^resize_inode'],
    ],
    ['with sparse_super2', ['-t', 'ext4', '-O', 'sparse_super2,^resize_inode']],
    ['with clusters of blocks', ['-t', 'ext4', '-O', 'bigalloc', '-C', '65536'], '256M'],
    ['with clusters of blocks of 1 KiB', ['-t', 'ext4', '-O', 'bigalloc', '-b', '1024', '-C', '16384']],
    ['with the older checksums of groups', ['-t', 'ext4', '-O', 'uninit_bg,^metadata_csum']],
    [
      'with the older checksums of groups of 64 bytes',
      ['-t', 'ext4', '-O', 'uninit_bg,^metadata_csum,64bit'],
    ],
    ['with a file for orphans', ['-t', 'ext4', '-O', 'orphan_file']],
    ['with protection against two mounts', ['-t', 'ext4', '-O', 'mmp']],
    ['with quotas and projects', ['-t', 'ext4', '-O', 'quota,project']],
    [
      'with large directories, stable inodes and fast commits',
      ['-t', 'ext4', '-O', 'large_dir,stable_inodes,fast_commit'],
    ],
    [
      'with unused features for encrypted, case-folding and verified files',
      ['-t', 'ext4', '-O', 'encrypt,casefold,verity'],
    ],
    ['without a journal', ['-t', 'ext4', '-O', '^has_journal']],
  ])('%s', (_, options, size) => {
    const path = mke2fs(options, size);
    if (options.includes('quota,project')) repair(path);
    expectFolder(path);
  });
});

test('the reader reads a file system of the original revision, whose inodes have a fixed size', () => {
  const path = mke2fs(['-t', 'ext2', '-b', '1024', '-I', '128', '-O', 'none']);
  for (const field of ['rev_level', 'inode_size', 'first_ino']) debugfsWrite(path, `ssv ${field} 0`);
  expect(e2fsckComplaints(path)).toBe('');
  expectFolder(path);
});

describe('extended attributes that e2fsprogs wrote', () => {
  const VALUE_SIZES = [10, 60, 1500, 3000];

  test.each<[string, string[], number[]]>([
    ['with defaults', ['-t', 'ext4', '-b', '4096'], VALUE_SIZES],
    ['as ext2', ['-t', 'ext2', '-b', '4096'], VALUE_SIZES],
    ['next to content in the inode', ['-t', 'ext4', '-b', '4096', '-O', 'inline_data'], VALUE_SIZES],
  ])('are read %s', (_, options, sizes) => {
    const path = mke2fs(options);
    const value = images.file('value');
    for (const size of sizes) {
      writeFileSync(value, noise(size, size));
      debugfsWrite(path, `ea_set -f ${value} /size-${SIZES[sizes.indexOf(size)]} user.of-${size}`);
      debugfsWrite(
        path,
        `ea_set /size-${SIZES[sizes.indexOf(size)]} security.selinux system_u:object_r:etc_t:s0`,
      );
    }
    opened(path, (reader) => {
      const found = new Map(Array.from(reader.walk(), ({ entry }) => [entry.path, entry.xattrs]));
      for (const size of sizes) {
        const xattrs = found.get(`size-${SIZES[sizes.indexOf(size)]}`);
        expect(Buffer.from(xattrs?.get(`user.of-${size}`) ?? []).equals(noise(size, size)), `${size}`).toBe(
          true,
        );
        expect(Buffer.from(xattrs?.get('security.selinux') ?? []).toString()).toBe(
          'system_u:object_r:etc_t:s0',
        );
      }
    });
    expectFolder(path);
  });
});

describe('the reader names the unsupported feature', () => {
  test.each([
    ['an encrypted file', '0x80800', 'it is encrypted (fscrypt), which is not supported'],
    ['a file under fs-verity', '0x180000', 'it is protected by fs-verity, which is not supported'],
    ['a directory that folds case', '0x40080000', 'it is a directory that folds case (casefold), which is'],
  ])('%s', (_, flags, message) => {
    const path = mke2fs(['-t', 'ext4', '-O', 'encrypt,casefold,verity']);
    debugfsWrite(path, `set_inode_field /few flags ${flags}`);
    expect(() => opened(path, (reader) => [...reader.walk()])).toThrow(message);
  });

  test('a separate journal', () => {
    const path = images.file('journal.img');
    execFileSync(realTool('mke2fs', 'e2fsprogs'), ['-q', '-F', '-O', 'journal_dev', path, '16M']);
    expect(() => opened(path, () => undefined)).toThrow('features that are not supported: journal_dev');
  });

  test('a journal that has to be replayed', () => {
    const path = mke2fs(['-t', 'ext4']);
    debugfsWrite(path, 'feature needs_recovery');
    expect(() => opened(path, () => undefined)).toThrow('disk.img: its journal has to be replayed first');
  });
});
