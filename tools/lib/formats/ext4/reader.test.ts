import { execFileSync } from 'node:child_process';
import { afterAll, describe, expect, test } from 'vitest';
import { directory, file, hardlink, symlink } from '../../testing/entries/entries.ts';
import { ImageFolder, readAll, TEST_OPTIONS, writeFileSystem } from '../../testing/ext4/ext4-image.ts';
import { noise } from '../../testing/noise.ts';
import { realTool } from '../../testing/real-tool.ts';
import { MemoryImage } from '../block/block.ts';
import { CRC32C_START, crc32c } from '../crc32c/crc32c.ts';
import { comparePaths } from '../entry/entry.ts';
import { type Ext4Reader, readExt4 } from './ext4.ts';
import { GROUP_DESCRIPTOR } from './format-group.ts';
import { INODE } from './format-inode.ts';
import { SUPERBLOCK, SUPERBLOCK_OFFSET_BYTES } from './format-superblock.ts';

const AT = SUPERBLOCK.at;
const MIB = 2 ** 20;
const images = new ImageFolder();
afterAll(() => images.remove());

function smallImage(): MemoryImage {
  const image = new MemoryImage(4 * MIB);
  const content = noise(10_000);
  writeFileSystem(
    image,
    [directory('dir'), file('dir/file', content.length)],
    { ...TEST_OPTIONS, sizeBytes: 4 * MIB, timeSeconds: 1_700_000_000, lastMounted: '/mnt' },
    { 'dir/file': content },
  );
  return image;
}

describe('the reader returns', () => {
  test('the values of the superblock', () => {
    const { superblock } = readExt4(smallImage());
    expect(superblock.label).toBe('test');
    expect(superblock.lastMounted).toBe('/mnt');
    expect(Buffer.from(superblock.uuid).toString('hex')).toBe(TEST_OPTIONS.uuid.replaceAll('-', ''));
    expect(superblock.blockCount).toBe(1024);
    expect(superblock.timeSeconds).toBe(1_700_000_000);
  });

  test('the inode number and the times of each path', () => {
    const records = [...readExt4(smallImage()).walk()];
    expect(records.map(({ entry, inodeNumber }) => [entry.path, inodeNumber])).toEqual([
      ['', 2],
      ['dir', 11],
      ['dir/file', 12],
      ['lost+found', 13],
    ]);
    for (const { changeTime, modificationTime } of records) {
      expect(changeTime).toEqual({ seconds: 1_700_000_000, nanoseconds: 0 });
      expect(modificationTime).toEqual({ seconds: 1_700_000_000, nanoseconds: 0 });
    }
  });

  test('paths in the order of their bytes, even if a name begins with the name of a directory', () => {
    const names = ['a', 'a!', 'a/b', 'a/b-', 'a/b/c', 'a0', 'ä', '\u{ffff}', '\u{10000}'];
    const entries = names.map((name) => (['a', 'a/b'].includes(name) ? directory(name) : file(name, 0)));
    const image = new MemoryImage(4 * MIB);
    writeFileSystem(image, entries, { ...TEST_OPTIONS, sizeBytes: 4 * MIB });
    const paths = Array.from(readExt4(image).walk(), ({ entry }) => entry.path);
    expect(paths).toEqual([...names, '', 'lost+found'].sort(comparePaths));
  });

  test('the parts of a file with data', () => {
    const content = Buffer.concat([noise(4096), Buffer.alloc(8192), noise(100)]);
    const image = new MemoryImage(4 * MIB);
    writeFileSystem(
      image,
      [file('f', content.length)],
      { ...TEST_OPTIONS, sizeBytes: 4 * MIB },
      { f: content },
    );
    expect([...readExt4(image).dataRanges('f')]).toEqual([
      { offsetBytes: 0, lengthBytes: 4096 },
      { offsetBytes: 12_288, lengthBytes: 100 },
    ]);
  });

  test('undefined for a missing path', () => {
    const reader = readExt4(smallImage());
    expect(reader.lookup('dir/file')).toBe(12);
    expect(reader.lookup('dir/other')).toBeUndefined();
    expect(reader.lookup('dir/file/below')).toBeUndefined();
  });
});

test('preallocated space reads as zeros', () => {
  const path = images.write([file('f', 20_000)], { sizeBytes: 4 * MIB });
  const debugfsPath = realTool('debugfs', 'e2fsprogs');
  execFileSync(debugfsPath, ['-w', '-R', 'fallocate /f 1 3', path], { stdio: 'ignore' });
  expect(readAll(path, 'f').equals(Buffer.alloc(20_000))).toBe(true);
});

/** Changes fields of the primary superblock and corrects its checksum. */
function patchSuperblock(image: MemoryImage, patch: (view: DataView) => void): MemoryImage {
  const bytes = Uint8Array.from(image.read(SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK.sizeBytes));
  const view = new DataView(bytes.buffer);
  patch(view);
  AT.s_checksum.set(view, crc32c(CRC32C_START, bytes, 0, AT.s_checksum.offsetBytes));
  image.write(SUPERBLOCK_OFFSET_BYTES, bytes);
  return image;
}

function everything(reader: Ext4Reader): void {
  for (const { entry, inodeNumber } of reader.walk()) {
    if (entry.type === 'file') for (const _ of reader.readFile(inodeNumber));
  }
}

describe('the reader refuses', () => {
  test.each<[string, (view: DataView) => void, string]>([
    [
      'a journal to replay',
      (v) => AT.s_feature_incompat.set(v, AT.s_feature_incompat.get(v) | 4),
      'replayed first',
    ],
    ['a file system that was not unmounted', (v) => AT.s_state.set(v, 0), 'not unmounted cleanly'],
    ['a file system with known errors', (v) => AT.s_state.set(v, 3), 'known errors'],
    ['an unknown feature', (v) => AT.s_feature_incompat.set(v, 0x1000c2), 'incompatible 0x100000'],
    ['compression', (v) => AT.s_feature_incompat.set(v, 0xc3), 'not supported: compression'],
    ['a separate journal', (v) => AT.s_feature_incompat.set(v, 0x8), 'not supported: journal_dev'],
    [
      'directory entries with extra data',
      (v) => AT.s_feature_incompat.set(v, 0x10c2),
      'not supported: dirdata',
    ],
    [
      'remaining orphans',
      (v) => AT.s_feature_ro_compat.set(v, AT.s_feature_ro_compat.get(v) | 0x10000),
      'replayed first',
    ],
    [
      'an image that is cut off',
      (v) => AT.s_blocks_count_lo.set(v, 2048),
      'it is cut off: it has 8388608 bytes',
    ],
    ['impossible inode sizes', (v) => AT.s_inode_size.set(v, 100), 'contradicts itself'],
  ])('%s', (_, patch, message) => {
    expect(() => readExt4(patchSuperblock(smallImage(), patch), 'disk.img')).toThrow(message);
  });

  test('an image without ext4', () => {
    expect(() => readExt4(new MemoryImage(MIB), 'disk.img')).toThrow('disk.img: there is no ext4 superblock');
    expect(() => readExt4(new MemoryImage(100), 'disk.img')).toThrow('disk.img: there is no ext4 superblock');
  });

  test('metadata with one changed byte', () => {
    // Blocks of the small image: superblock, descriptors, two bitmaps, inode table, root, dir,
    // lost+found.
    const targets: [string, number][] = [
      ['superblock', SUPERBLOCK_OFFSET_BYTES + AT.s_volume_name.offsetBytes],
      ['group descriptor', 4096 + GROUP_DESCRIPTOR.at.bg_inode_table_lo.offsetBytes],
      ['root inode', 4 * 4096 + 256 + INODE.at.i_size_lo.offsetBytes],
      ['file inode', 4 * 4096 + 11 * 256 + INODE.at.i_block.offsetBytes + 20],
    ];
    for (const [what, offset] of targets) {
      const image = smallImage();
      image.write(offset, Uint8Array.of((image.read(offset, 1)[0] as number) ^ 0x10));
      expect(() => everything(readExt4(image)), what).toThrow('does not match its checksum');
    }
  });
});

test('the first path of a file is the file, and its other paths are links', () => {
  const image = new MemoryImage(4 * MIB);
  const entries = [
    file('m', 3),
    hardlink('a', 'm'),
    hardlink('z', 'a'),
    symlink('l', 'm'),
    hardlink('k', 'l'),
  ];
  writeFileSystem(image, entries, { ...TEST_OPTIONS, sizeBytes: 4 * MIB }, { m: Buffer.from('abc') });
  const reader = readExt4(image);
  const seen = Array.from(reader.walk(), ({ entry, linkCount }) => {
    const target = entry.type === 'hardlink' || entry.type === 'symlink' ? entry.target : '';
    return `${entry.path} ${entry.type} ${target} ${linkCount}`;
  });
  expect(seen.filter((line) => !line.includes('directory'))).toEqual([
    'a file  3',
    'k symlink m 2',
    'l hardlink k 2',
    'm hardlink a 3',
    'z hardlink a 3',
  ]);
  expect(Buffer.concat([...reader.readFile('z')]).toString()).toBe('abc');
  expect(() => [...reader.readFile('l')]).toThrow('not a regular file');
});
