import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryImage } from '../lib/formats/block/block.ts';
import { FileImage } from '../lib/formats/block/file.ts';
import { readGpt } from '../lib/formats/gpt/read.ts';
import { packImageFiles } from '../lib/image/packed/file.ts';
import { realTool } from '../lib/testing/real-tool.ts';
import { gnuTar, temporaryFolder } from '../lib/testing/tar/archive.ts';

const folder = temporaryFolder();
const MAIN = join(import.meta.dirname, 'main.ts');
const MIB = 1 << 20;

const LAYOUT = `
esp,    1M,  8M, U, b78084e2-3363-1346-8c25-d426f26b8928,
A_root, 16M, 64M, L, 6788e4cf-f456-104e-9a34-a2c58cfb0ee6,
B_root, 80M, 64M, L, 6788e4cf-f456-104e-9a34-a2c58cfb0ee7,
empty,  9M,  1M, L, 6788e4cf-f456-104e-9a34-a2c58cfb0ee8,
`;

const esp = new MemoryImage(8 * MIB);
const root = new MemoryImage(60 * MIB);

async function packed(image: MemoryImage, name: string): Promise<void> {
  const stem = join(folder(), name);
  await packImageFiles(image, { zst: `${stem}.img.zst`, gz: `${stem}.img.gz`, index: `${stem}.json` });
}

beforeAll(async () => {
  esp.write(0, Buffer.alloc(5000, 'esp '));
  esp.write(8 * MIB - 10, Buffer.from('esp ends'));
  for (let offset = 0; offset < 60 * MIB; offset += 7 * MIB)
    root.write(offset, Buffer.alloc(100_000, `${offset} `));
  await packed(esp, 'esp');
  await packed(root, 'root');
  writeFileSync(join(folder(), 'partitions.csv'), LAYOUT);
});

function diskImage(...more: string[]): { status: number | null; stderr: string; zst: string; gz: string } {
  const [zst, gz] = [join(folder(), 'disk-img.tar.zst'), join(folder(), 'disk-img.tar.gz')];
  const args = [
    MAIN,
    `--layout=${join(folder(), 'partitions.csv')}`,
    '--identity=//a:b',
    `--zst=${zst}`,
    `--gz=${gz}`,
    ...more,
  ];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { status, stderr, zst, gz };
}

function partition(name: string, image: string): string {
  return `--partition=${name}=${join(folder(), `${image}.json`)}`;
}

const ALL = () => [partition('B_root', 'root'), partition('esp', 'esp'), partition('A_root', 'root')];

describe('a disk archive', () => {
  it('is refused as .gz if a partition was packed without gzip, and leaves no .zst', async () => {
    const stem = join(folder(), 'no-gzip');
    await packImageFiles(esp, { zst: `${stem}.img.zst`, index: `${stem}.json` });
    const made = diskImage(partition('esp', 'no-gzip'));
    expect(made.status).toBe(1);
    expect(made.stderr).toBe(
      `main.ts: ${stem}.json: packed without gz, so no gz archive can be made from it; pack it with --gz, or omit that archive\n`,
    );
    expect(existsSync(made.zst) || existsSync(made.gz)).toBe(false);
  });

  it.each(['zst', 'gz'] as const)(
    '.%s unpacks with GNU tar to a sparse disk with each partition in its place',
    (compression) => {
      const made = diskImage(...ALL());
      expect(made.stderr).toBe('');
      const tool = compression === 'zst' ? realTool('zstd', 'zstd') : realTool('gzip', 'gzip');
      execFileSync(tool, ['-qt', made[compression]]);
      const tar = execFileSync(tool, ['-qdc', made[compression]], { maxBuffer: 1 << 28 });
      const target = join(folder(), compression);
      mkdirSync(target);
      expect(gnuTar(['-xvf', '-', '-C', target, '--no-same-owner'], tar).toString()).toBe('disk.img\n');

      const path = join(target, 'disk.img');
      expect(statSync(path).size).toBe(145 * MIB);
      expect(statSync(path).blocks * 512).toBeLessThan(4 * MIB);
      const disk = FileImage.open(path);
      const expected = new MemoryImage(145 * MIB);
      for (const [image, startBytes] of [
        [esp, MIB],
        [root, 16 * MIB],
        [root, 80 * MIB],
      ] as const) {
        for (let offset = 0; offset < image.sizeBytes; offset += MIB) {
          expected.write(startBytes + offset, image.read(offset, MIB));
        }
      }
      // Everything except the two ends, which are the partition tables.
      for (let offset = MIB; offset < 144 * MIB; offset += MIB) {
        expect(Buffer.compare(disk.read(offset, MIB), expected.read(offset, MIB))).toBe(0);
      }
      const sgdisk = execFileSync(realTool('sgdisk', 'gdisk'), ['-v', path], { encoding: 'utf8' });
      expect(sgdisk).toContain('No problems found');
      expect(readGpt(disk, 'disk.img').partitions.map(({ name }) => name)).toEqual([
        'esp',
        'A_root',
        'B_root',
        'empty',
      ]);
      disk.close();
    },
  );

  it('written raw has the bytes of the archived one, and is as sparse', () => {
    const raw = join(folder(), 'raw.img');
    const { stderr, zst } = diskImage(...ALL(), `--raw=${raw}`);
    expect(stderr).toBe('');
    const tar = execFileSync(realTool('zstd', 'zstd'), ['-qdc', zst], { maxBuffer: 1 << 28 });
    const target = join(folder(), 'of-raw');
    mkdirSync(target);
    gnuTar(['-xf', '-', '-C', target], tar);
    expect(readFileSync(raw).equals(readFileSync(join(target, 'disk.img')))).toBe(true);
    expect(statSync(raw).blocks * 512).toBeLessThan(4 * MIB);
  });

  it('has no checksum file with --no-checksum, and is otherwise the same', () => {
    const one = readFileSync(diskImage(...ALL()).zst);
    rmSync(join(folder(), 'disk-img.tar.zst.sha256'));
    const { zst } = diskImage(...ALL(), '--no-checksum');
    expect(readFileSync(zst).equals(one)).toBe(true);
    expect(existsSync(`${zst}.sha256`)).toBe(false);
  });

  it('has a checksum file in the format of sha256sum', () => {
    const { zst, gz } = diskImage(...ALL());
    for (const path of [zst, gz]) {
      const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
      expect(readFileSync(`${path}.sha256`, 'utf8')).toBe(`${digest}  ${path.slice(folder().length + 1)}\n`);
    }
  });

  it('has the same bytes in every run and for every order of the options', () => {
    const one = readFileSync(diskImage(...ALL()).zst);
    expect(readFileSync(diskImage(...ALL().toReversed()).zst).equals(one)).toBe(true);
    expect(
      readFileSync(diskImage(...ALL(), '--disk-guid=2b110bb7-cdec-7d41-b97e-893edcbe5428').zst).equals(one),
    ).toBe(false);
  });

  it('contains the frames of the partitions unchanged', () => {
    const { zst } = diskImage(...ALL());
    const archive = readFileSync(zst);
    const frames = readFileSync(join(folder(), 'root.img.zst'));
    const first = archive.indexOf(frames);
    expect(first).toBeGreaterThan(0);
    expect(archive.indexOf(frames, first + 1)).toBe(first + frames.length);
  });

  it('can be made larger', () => {
    const { zst } = diskImage(partition('esp', 'esp'), '--expanded-size=50G');
    const tar = execFileSync(realTool('zstd', 'zstd'), ['-qdc', zst]);
    expect(gnuTar(['-tvf', '-'], tar).toString()).toMatch(/ 53687091200 .* disk\.img\n$/);
  });
});

it('a disk with a damaged partition is refused with one line, and leaves no raw disk', async () => {
  const stem = join(folder(), 'damaged');
  await packImageFiles(esp, { zst: `${stem}.img.zst`, index: `${stem}.json` });
  const frames = readFileSync(`${stem}.img.zst`);
  frames[20] = (frames[20] as number) ^ 1;
  writeFileSync(`${stem}.img.zst`, frames);
  const raw = join(folder(), 'damaged.img');
  const layout = `--layout=${join(folder(), 'partitions.csv')}`;
  const args = [MAIN, layout, '--identity=x', partition('esp', 'damaged'), `--raw=${raw}`];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(stderr).toMatch(/^main\.ts: .*damaged\.img\.zst: the frame at 0 is damaged: .*\n$/);
  expect([status, existsSync(raw)]).toEqual([1, false]);
});

describe('a disk is refused with one line, and leaves no archive:', () => {
  it.each<[string, () => string[], string]>([
    ['an unknown partition', () => [partition('C_root', 'root')], 'unknown partition "C_root"'],
    [
      'an image that is too large',
      () => [partition('esp', 'root')],
      'root.json is 54525952 bytes too large for partition "esp"',
    ],
    [
      'two images for one partition',
      () => [partition('esp', 'esp'), partition('esp', 'root')],
      'two images for one partition',
    ],
    [
      'an index that is missing',
      () => [partition('esp', 'missing')],
      'missing.json: no such file or directory',
    ],
    [
      'a disk that is too small',
      () => ['--expanded-size=100M'],
      '--expanded-size is 47185920 bytes too small for the partitions',
    ],
    ['a disk of half a sector', () => ['--expanded-size=1000000001'], 'not a multiple of the sector size'],
    ['an invalid GUID', () => ['--disk-guid=x'], '--disk-guid "x" is not a UUID'],
  ])('%s', (_what, options, message) => {
    for (const name of ['zst', 'gz']) rmSync(join(folder(), `disk-img.tar.${name}`), { force: true });
    const { status, stderr, zst, gz } = diskImage(...options());
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^main\.ts: [^\n]+\n$/);
    expect(status).toBe(1);
    expect([existsSync(zst), existsSync(gz)]).toEqual([false, false]);
  });

  it('frames that do not belong to the index', async () => {
    const image = new MemoryImage(MIB);
    image.write(0, Buffer.from('other'));
    await packed(image, 'other');
    writeFileSync(join(folder(), 'other.img.zst'), 'short');
    const { status, stderr, zst } = diskImage(partition('esp', 'other'));
    expect(stderr).toContain('the two files do not belong together');
    expect([status, existsSync(zst), existsSync(`${zst}.sha256`)]).toEqual([1, false, false]);
  });
});
