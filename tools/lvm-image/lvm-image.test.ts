import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BlockSource, MemoryImage } from '../lib/formats/block/block.ts';
import { FileImage } from '../lib/formats/block/file.ts';
import { openLogicalVolume, readVolumeGroup } from '../lib/formats/lvm/lvm.ts';
import { openPackedFiles, packImageFiles, readIndexFile } from '../lib/image/packed/file.ts';
import { unpackImage } from '../lib/image/packed/unpack.ts';
import { Disks, sha256 } from '../lib/testing/lvm/real-lvm.ts';
import { noise } from '../lib/testing/noise.ts';

const MIB = 1 << 20;
const MAIN = join(import.meta.dirname, 'main.ts');
const disks = new Disks();
afterAll(() => disks.remove());

/** 10 MiB with data at its start, across the border of two chunks, and at its end. */
const root = new MemoryImage(10 * MIB);
const small = new MemoryImage(MIB);

beforeAll(async () => {
  root.write(0, noise(MIB, 1));
  root.write(4 * MIB - 8192, noise(16384, 3));
  root.write(10 * MIB - 4096, noise(4096, 5));
  small.write(4096, noise(4096, 7));
  for (const [name, image] of Object.entries({ root, small })) {
    const stem = disks.path(name);
    await packImageFiles(image, { zst: `${stem}.img.zst`, gz: `${stem}.img.gz`, index: `${stem}.json` });
  }
});

function lvmImage(name: string, ...more: string[]) {
  const stem = disks.path(name);
  const files = { zst: `${stem}.img.zst`, gz: `${stem}.img.gz`, index: `${stem}.json` };
  const args = [MAIN, ...Object.entries(files).map(([option, path]) => `--${option}=${path}`), ...more];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { files, status, stderr };
}

const GROUP = ['--vg-name=hostlvm', '--identity=//a:b', '--size=48M'];
const VOLUMES = ['--volume=A_boot=4M', '--volume=A_root=12M', '--volume=rest=8M'];
const content = (volume: string, name: string) => `--content=${volume}=${disks.path(`${name}.json`)}`;
const contents = () => [content('A_root', 'root'), content('A_boot', 'small')];

function expectGroup(source: BlockSource): void {
  const found = readVolumeGroup([{ name: 'hostlvm', source }]);
  expect(found.problems).toEqual([]);
  for (const [name, image] of Object.entries({ A_root: root, A_boot: small })) {
    const volume = openLogicalVolume(found, name);
    expect(Buffer.compare(volume.read(0, image.sizeBytes), image.read(0, image.sizeBytes)), name).toBe(0);
    const rest = volume.read(image.sizeBytes, volume.sizeBytes - image.sizeBytes);
    expect(rest.every((byte) => byte === 0)).toBe(true);
  }
}

describe('a packed volume group', () => {
  test.each([
    ['whose data starts on a chunk', [], true],
    ['with a second copy of the metadata', ['--metadata-copies=2'], true],
    ['whose data starts at the default of lvm2', ['--data-start=1M'], false],
    ['with small extents that happen to be on chunks', ['--extent-size=1M'], true],
    ['with small extents that are not on chunks', ['--extent-size=1M', '--volume=odd=1M'], false],
  ])('%s holds its contents, and its index is correct', (name, options, reused) => {
    const stem = name.replaceAll(' ', '-');
    const { files, stderr, status } = lvmImage(stem, ...GROUP, ...options, ...VOLUMES, ...contents());
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const packed = openPackedFiles(files);
    expectGroup(packed);
    const index = readIndexFile(files.index);
    expect(index.sha256).toBe(sha256(packed));
    expect(index.fileSystem?.type).toBe('LVM2_member');
    const frames = readFileSync(disks.path('root.img.zst'));
    expect(readFileSync(files.zst).includes(frames), 'frames copied').toBe(reused);
    expect(existsSync(`${files.index}.raw`)).toBe(false);
  });

  test('has the same bytes in two runs, and other bytes with another identity', () => {
    const bytes = (name: string, ...options: string[]) => {
      const { files } = lvmImage(
        name,
        '--vg-name=a',
        '--size=32M',
        ...options,
        '--volume=A_root=12M',
        content('A_root', 'root'),
      );
      return createHash('sha256')
        .update(readFileSync(files.zst))
        .update(readFileSync(files.gz))
        .digest('hex');
    };
    expect(bytes('once', '--identity=//a:b')).toBe(bytes('twice', '--identity=//a:b'));
    expect(bytes('other', '--identity=//a:c')).not.toBe(bytes('once', '--identity=//a:b'));
  });

  test('has no gzip members without --gz', () => {
    const stem = disks.path('plain');
    const files = { zst: `${stem}.img.zst`, index: `${stem}.json` };
    const outputs = Object.entries(files).map(([option, path]) => `--${option}=${path}`);
    const { stderr } = spawnSync(process.execPath, [MAIN, ...outputs, ...GROUP, ...VOLUMES, ...contents()]);
    expect(stderr.toString()).toBe('');
    expectGroup(openPackedFiles(files));
    expect(readIndexFile(files.index).chunks.every(({ gz }) => gz === undefined)).toBe(true);
    expect(existsSync(`${stem}.img.gz`)).toBe(false);
  });

  test('is activated by lvm2, which reads the contents back', async () => {
    const { files } = lvmImage(
      'real',
      ...GROUP,
      ...VOLUMES,
      ...contents(),
      '--vg-uuid=4c7GVZ-Df82-QEcJ-xXtV-JgRL-IjLE-hK0FgA',
      '--pv-uuid=eu0VQE-HlTi-EyRc-GceP-xZtn-3j6t-iqEwyv',
      '--volume-uuid=rest=aaaaaa-bbbb-cccc-dddd-eeee-ffff-gggggg',
    );
    const index = readIndexFile(files.index);
    const disk = disks.create('real.img', index.sizeBytes);
    const zst = FileImage.open(files.zst);
    await unpackImage(index, zst, files.zst, disk);
    zst.close();
    const output = await disks.lvm(
      ['real.img'],
      `
      lvm pvck /dev/ubda >/dev/null
      lvm vgck hostlvm
      lvm vgchange -q -ay hostlvm >/dev/null
      lvm vgs --noheadings -o vg_name,vg_uuid,pv_uuid,lv_count hostlvm
      lvm lvs --noheadings -o lv_name,lv_size,lv_uuid hostlvm/rest
      head -c ${10 * MIB} /dev/hostlvm/A_root | sha256sum | cut -c1-64
      head -c ${MIB} /dev/hostlvm/A_boot | sha256sum | cut -c1-64
      lvm lvextend -q -l +100%FREE hostlvm/rest >/dev/null
      lvm lvs --noheadings -o lv_size hostlvm/rest
    `,
    );
    expect(
      output
        .trim()
        .split('\n')
        .map((line) => line.trim()),
    ).toEqual([
      'hostlvm 4c7GVZ-Df82-QEcJ-xXtV-JgRL-IjLE-hK0FgA eu0VQE-HlTi-EyRc-GceP-xZtn-3j6t-iqEwyv   3',
      'rest 8.00m aaaaaa-bbbb-cccc-dddd-eeee-ffff-gggggg',
      sha256(root),
      sha256(small),
      '28.00m',
    ]);
  });

  test.each<[string, string[], RegExp]>([
    ['no name', ['--size=48M', '--identity=//a:b'], /^main\.ts: --vg-name is missing\n$/],
    ['an invalid size', [...GROUP, '--volume=a=big'], /--volume=a: "big" is not a size/],
    [
      'a volume that is not whole extents',
      [...GROUP, '--volume=a=5M'],
      /logical volume "a": 5242880 bytes is not a multiple of the extent size/,
    ],
    [
      'a volume that does not fit',
      [...GROUP, '--volume=a=64M'],
      /logical volume "a": 16 extents .* 11 are left; make the physical volume 20971520 bytes larger/,
    ],
    [
      'content for an unknown volume',
      [...GROUP, '--content=a=b.json'],
      /--content: there is no logical volume "a"/,
    ],
    ['an invalid UUID', [...GROUP, '--vg-uuid=1'], /UUID of volume group "hostlvm" "1" is not an LVM UUID/],
    ['three copies', [...GROUP, '--metadata-copies=3'], /--metadata-copies=3: write 1 or 2/],
  ])('is refused with one line and no output: %s', (_, args, message) => {
    const before = readdirSync(disks.path('.'));
    const { status, stderr } = lvmImage('refused', ...args);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n').length).toBe(1);
    expect(status).toBe(1);
    expect(readdirSync(disks.path('.'))).toEqual(before);
  });

  test('is refused if a content is larger than its volume', () => {
    const { stderr } = lvmImage('refused', ...GROUP, '--volume=a=8M', content('a', 'root'));
    expect(stderr).toContain(
      `root.json: ${10 * MIB} bytes, but logical volume "a" has only ${8 * MIB}: make the volume ${2 * MIB} bytes larger`,
    );
  });
});
