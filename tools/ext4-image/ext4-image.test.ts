import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { FileImage } from '../lib/formats/block/file.ts';
import type { Entry } from '../lib/formats/entry/entry.ts';
import { readExt4 } from '../lib/formats/ext4/ext4.ts';
import { writeLayerFile } from '../lib/image/layer/file.ts';
import type { LayerItem } from '../lib/image/layer/writer.ts';
import { directory, file, hardlink, symlink } from '../lib/testing/entries/entries.ts';
import { noise } from '../lib/testing/noise.ts';
import { realTool } from '../lib/testing/real-tool.ts';
import { gnuTar, temporaryFolder } from '../lib/testing/tar/archive.ts';

const folder = temporaryFolder();
const EXT4 = join(import.meta.dirname, 'main.ts');
const EROFS = join(import.meta.dirname, '../erofs-image/main.ts');
const MIB = 1 << 20;

function content(path: string, bytes: Uint8Array): LayerItem {
  return { kind: 'entry', entry: file(path, bytes.length), content: bytes };
}

function bare(entry: Entry): LayerItem {
  return { kind: 'entry', entry };
}

/**
 * Returns boundary cases of copying: ends of blocks, of pieces of 1 MiB and of files, zeros at each
 * of these, and hard links.
 */
function treeItems(): LayerItem[] {
  const holes = Buffer.alloc(9 * MIB);
  noise(5000, 3).copy(holes, 3 * MIB + 100);
  noise(4096, 5).copy(holes, 9 * MIB - 4096);
  const sizes = [1, 511, 512, 513, 4095, 4096, 4097, 65_535, 65_536, 65_537, MIB, MIB + 1, 3 * MIB + 77];
  return [
    bare(directory('')),
    bare(directory('files')),
    ...sizes.map((size) => content(`files/${size}`, noise(size, size))),
    bare(file('files/empty', 0)),
    content('files/holes', holes),
    content('files/zeros', Buffer.alloc(2 * MIB)),
    bare(directory('many')),
    ...Array.from({ length: 1500 }, (_, index) => content(`many/${index}`, noise(index * 3, index))),
    bare(hardlink('other-name', 'files/513')),
    bare(symlink('short', 'files')),
    bare(symlink('long', 'x'.repeat(200))),
  ];
}

function run(main: string, args: readonly string[]): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, [main, '--identity=x', ...args], {
    encoding: 'utf8',
  });
  return { status, stderr };
}

function made(main: string, name: string, args: readonly string[]): Buffer {
  const path = join(folder(), name);
  expect(run(main, [`--raw=${path}`, ...args])).toEqual({ status: 0, stderr: '' });
  return readFileSync(path);
}

function checked(path: string): void {
  execFileSync(realTool('e2fsck', 'e2fsprogs'), ['-fn', path], { stdio: 'pipe' });
}

const path = (name: string): string => join(folder(), name);

beforeAll(async () => {
  await writeLayerFile(path('tree.tar.zst'), treeItems());
  writeFileSync(path('tree.tar'), zstdDecompressSync(readFileSync(path('tree.tar.zst'))));
});

describe.each([
  ['an ext4 image', EXT4, []],
  ['an ext4 image with a journal and a hash tree', EXT4, ['--journal', '--verity', '--root-hash=ROOT_HASH']],
  ['an EROFS image', EROFS, []],
])('%s of an uncompressed archive', (_name, main, more) => {
  it('has the same bytes as the image of the compressed archive, with and without copying threads', () => {
    const size = ['--size=64M', ...more.map((arg) => arg.replace('ROOT_HASH', path('root-hash')))];
    const threads = made(main, 'threads.img', [`--layer=${path('tree.tar')}`, ...size]);
    const stream = made(main, 'stream.img', [`--layer=${path('tree.tar.zst')}`, ...size]);
    const listed = [`--layer=${path('tree.tar')}`, `--entries=${path('entries.json')}`, ...size];
    expect(threads.equals(stream)).toBe(true);
    expect(made(main, 'listed.img', listed).equals(threads)).toBe(true);
    if (main === EXT4) checked(path('threads.img'));
    else execFileSync(realTool('fsck.erofs', 'erofs-utils'), [path('threads.img')], { stdio: 'pipe' });
  });
});

describe('an ext4 image', () => {
  it('of a sparse archive of GNU tar has its files, and no blocks for their holes', () => {
    const root = path('sparse');
    mkdirSync(root);
    writeFileSync(join(root, 'b'), noise(10_000, 7));
    truncateSync(join(root, 'b'), 1 << 30);
    writeFileSync(join(root, 'c'), noise(5000, 9));
    writeFileSync(join(root, 'a'), '');
    truncateSync(join(root, 'a'), 300 * MIB);
    // Not sorted by name, as archives of other tools may be.
    gnuTar(['--sparse', '-C', root, '-cf', path('sparse.tar'), 'c', 'b', 'a']);
    const image = path('sparse.img');
    made(EXT4, 'sparse.img', [`--layer=${path('sparse.tar')}`, '--size=4M']);
    checked(image);
    const source = FileImage.open(image);
    const hashOf = (name: string): string => {
      const hash = createHash('sha256');
      for (const bytes of readExt4(source).readFile(name)) hash.update(bytes);
      return hash.digest('hex');
    };
    for (const name of ['a', 'b', 'c']) {
      const expected = execFileSync('sha256sum', [join(root, name)], { encoding: 'utf8' }).slice(0, 64);
      expect([name, hashOf(name)]).toEqual([name, expected]);
    }
    source.close();
  });

  it('has space for its tree and the given free space, free inodes and share for root', () => {
    const room = ['--free=48M', '--free-inodes=777', '--reserved-percent=10'];
    made(EXT4, 'room.img', [`--layer=${path('tree.tar')}`, ...room]);
    checked(path('room.img'));
    const text = execFileSync(realTool('dumpe2fs', 'e2fsprogs'), ['-h', path('room.img')], {
      encoding: 'utf8',
    });
    const field = (name: string): number => Number(new RegExp(`^${name}: +(\\d+)$`, 'm').exec(text)?.[1]);
    const share = Math.floor(field('Block count') / 10);
    expect(field('Reserved block count')).toBe(share);
    expect((field('Free blocks') - share) * 4096).toBeGreaterThanOrEqual(48 * MIB);
    // The tree has 11 MiB of zeros, which count because the size must be enough for any content.
    expect((field('Free blocks') - share) * 4096).toBeLessThan(60 * MIB);
    expect(field('Free inodes')).toBeGreaterThanOrEqual(777);
  });

  it('needs a size or free space, and refuses both', () => {
    const both = [`--layer=${path('tree.tar')}`, '--size=64M', '--free=1M', `--raw=${path('both.img')}`];
    const { status, stderr } = run(EXT4, both);
    expect(stderr).toMatch(/^main\.ts: --size and --free: .* give one of the two\n$/);
    expect([status, existsSync(path('both.img'))]).toEqual([1, false]);
  });

  it('that is too small for its contents is refused with one line that says the needed size', () => {
    const raw = path('small.img');
    const { status, stderr } = run(EXT4, [`--layer=${path('tree.tar')}`, '--size=8M', `--raw=${raw}`]);
    expect(stderr).toMatch(
      /^main\.ts: the ext4 file system of 8388608 bytes is \d+ bytes too small; make it \d+, or put less into it\n$/,
    );
    expect([status, existsSync(raw)]).toEqual([1, false]);
  });

  it('of a file that is not an archive is refused', () => {
    writeFileSync(path('text'), 'not an archive\n'.repeat(100));
    const { status, stderr } = run(EXT4, [`--layer=${path('text')}`, '--size=8M', `--raw=${path('x.img')}`]);
    expect(stderr).toBe(`main.ts: ${path('text')}: offset 0: no zstd frame starts here\n`);
    expect(status).toBe(1);
  });
});
