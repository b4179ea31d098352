/**
 * Reads hostile images. Each is refused, with the rule that it violates, before it uses many
 * resources.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { directory } from '../../testing/entries/entries.ts';
import {
  debugfs,
  debugfsWrite,
  ImageFolder,
  TEST_OPTIONS,
  writeFileSystem,
} from '../../testing/ext4/ext4-image.ts';
import { noise } from '../../testing/noise.ts';
import { realTool } from '../../testing/real-tool.ts';
import { MemoryImage } from '../block/block.ts';
import { FileImage } from '../block/file.ts';
import { type Ext4Reader, readExt4 } from './ext4.ts';

const MIB = 2 ** 20;
const images = new ImageFolder();
afterAll(() => images.remove());

const folder = images.file('folder');
beforeAll(() => {
  mkdirSync(`${folder}/dir`, { recursive: true });
  mkdirSync(`${folder}/other`);
  for (let index = 0; index < 120; index++) writeFileSync(`${folder}/dir/name-${index}`, '');
  writeFileSync(`${folder}/file`, noise(300_000));
});

/** An ext2 file system with blocks of 1 KiB, whose block maps debugfs can change. */
function ext2(...commands: string[]): string {
  const path = images.file('hostile.img');
  const options = ['-q', '-F', '-t', 'ext2', '-b', '1024', '-O', '^dir_index', '-d', folder, path, '4M'];
  execFileSync(realTool('mke2fs', 'e2fsprogs'), options, { stdio: 'ignore' });
  for (const command of commands) debugfsWrite(path, command);
  return path;
}

function reading(path: string, use: (reader: Ext4Reader) => void): () => void {
  return () => {
    const image = FileImage.open(path);
    try {
      use(readExt4(image, 'disk.img'));
    } finally {
      image.close();
    }
  };
}

const walk = (reader: Ext4Reader): void => {
  for (const _ of reader.walk());
};
const ranges = (reader: Ext4Reader): void => {
  for (const _ of reader.dataRanges('file'));
};

/** Returns the number of a block of a file. */
function blockOf(path: string, file: string, index: number): string {
  return debugfs(path, `bmap ${file} ${index}`).trim();
}

test('a directory that has a block twice', () => {
  const path = ext2();
  debugfsWrite(path, `sif /dir block[1] ${blockOf(path, '/dir', 0)}`);
  expect(reading(path, walk)).toThrow(/^disk\.img: inode \d+: the directory has block \d+ twice$/);
});

test('a directory with two names', () => {
  const path = ext2('link /dir /other/again');
  expect(reading(path, walk)).toThrow(/inode \d+: the directory has two names$/);
});

/** Changes bytes of an image that no tool can change. */
function patched(path: string, change: (bytes: Buffer) => void): string {
  const bytes = readFileSync(path);
  change(bytes);
  writeFileSync(path, bytes);
  return path;
}

test('a directory that has a name twice', () => {
  const path = patched(ext2(), (bytes) => bytes.write('name-79', bytes.indexOf('name-80')));
  expect(reading(path, walk)).toThrow(/inode \d+: it has the name "name-79" twice$/);
});

test('a name with a slash, and one with a line feed, which the error escapes', () => {
  const path = patched(ext2(), (bytes) => bytes.write('/a\n', bytes.indexOf('name-80')));
  expect(reading(path, walk)).toThrow('its entry "/a\\012e-80" has an impossible name');
});

test('a directory of 3 GiB, and one with a hole', () => {
  expect(reading(ext2('sif /dir size 3221225472'), walk)).toThrow('has 3221225472 bytes; up to 2 GiB');
  expect(reading(ext2('sif /dir size 1073741824'), walk)).toThrow('the directory has a hole');
});

test('a file of 4 TiB whose block map refers to one block again and again', () => {
  const path = ext2('sif /file size 4398046511104');
  // The first indirect block is also the map of the second and third level, and refers to itself.
  const indirect = /\(IND\):(\d+)/.exec(debugfs(path, 'stat /file'))?.[1] as string;
  debugfsWrite(path, `sif /file block[TIND] ${indirect}`);
  expect(reading(path, ranges)).toThrow(
    /inode \d+: it (refers to the invalid block \d+|has more blocks than)/,
  );
  patched(path, (bytes) => {
    const start = Number(indirect) * 1024;
    for (let word = 0; word < 256; word++) bytes.writeUInt32LE(Number(indirect), start + 4 * word);
  });
  expect(reading(path, ranges)).toThrow(/inode \d+: it has more blocks than the whole file system$/);
});

test('a path of more than 65,536 characters', () => {
  const name = 'n'.repeat(255);
  const entries = Array.from({ length: 258 }, (_, depth) =>
    directory(
      Array(depth + 1)
        .fill(name)
        .join('/'),
    ),
  );
  const image = new MemoryImage(4 * MIB);
  writeFileSystem(image, entries, { ...TEST_OPTIONS, sizeBytes: 4 * MIB });
  expect(() => walk(readExt4(image, 'disk.img'))).toThrow(
    /inode \d+: its path is over 65536 characters long$/,
  );
});
