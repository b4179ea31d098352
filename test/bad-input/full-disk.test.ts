/**
 * Tests with a full disk. Every write to the kernel's /dev/full fails as on a full disk, even for
 * root. So the tests make an output a symbolic link to /dev/full. Scratch files cannot be linked,
 * because the tools choose their names: for them, the limit of `ulimit -f` stops a write midway.
 */
import { lstatSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildDeb, controlText } from '../../tools/lib/testing/deb/sample-deb.ts';
import { directory } from '../../tools/lib/testing/entries/entries.ts';
import { noise } from '../../tools/lib/testing/noise.ts';
import { archive } from '../../tools/lib/testing/tar/archive.ts';
import {
  ARCHIVE_OUTPUTS,
  FILE_SYSTEM_OUTPUTS,
  goodLayer,
  MIB,
  ociArchive,
  PARTITION_OUTPUTS,
  packedPartition,
} from './inputs.ts';
import { Workbench } from './workbench.ts';

const LAYOUT = 'root, 1M, 8M, L, 6788e4cf-f456-104e-9a34-a2c58cfb0ee6,\n';
const LAYER_AND_CONFIG = ['--output=out.layer.tar.zst', '--output-config=out.config.json'];

/** Creates the inputs of a tool, and returns arguments that work if there is enough space. */
type Inputs = (place: Workbench) => string[] | Promise<string[]>;

/** The inputs of a tool that writes a file system with a hash tree. */
const verityInputs: Inputs = async (place) => [
  `--layer=${await goodLayer(place, 'in', noise(MIB))}`,
  ...FILE_SYSTEM_OUTPUTS,
  '--verity',
  '--root-hash=out.root_hash',
  '--size=4M',
];

const TOOLS: Readonly<Record<string, Inputs>> = {
  'ext4-image': verityInputs,
  'erofs-image': verityInputs,
  'vfat-image': async (place) => [
    `--layer=${await goodLayer(place, 'in', noise(MIB))}`,
    ...FILE_SYSTEM_OUTPUTS,
    '--size=4M',
  ],
  'raw-image': (place) => [`--image=${place.put('raw.img', noise(MIB))}`, ...PARTITION_OUTPUTS],
  'lvm-image': async (place) => [
    '--vg-name=vg',
    '--identity=//a:b',
    '--size=16M',
    '--volume=root=4M',
    `--content=root=${await packedPartition(place, 'root', 4 * MIB, noise(MIB))}`,
    ...PARTITION_OUTPUTS,
  ],
  layer: (place) => {
    const source = place.put('source', noise(MIB));
    const entries = [{ type: 'file', path: '/file', mode: '0644', uid: 0, gid: 0, source }];
    return [
      `--manifest=${place.put('manifest.json', JSON.stringify({ entries }))}`,
      '--output=out.layer.tar.zst',
    ];
  },
  'disk-image': async (place) => [
    `--layout=${place.put('partitions.csv', LAYOUT)}`,
    `--partition=root=${await packedPartition(place, 'root', 4 * MIB, noise(MIB))}`,
    '--identity=//a:b',
    ...ARCHIVE_OUTPUTS,
  ],
  'upgrade-image': async (place) => [
    `--boot=${await packedPartition(place, 'boot', MIB, noise(4096))}`,
    `--root=${await packedPartition(place, 'root', 4 * MIB, noise(MIB))}`,
    `--version-file=${place.put('version.txt', '1.0.0\n')}`,
    ...ARCHIVE_OUTPUTS,
  ],
  'apt-base': (place) => {
    writeFileSync(join(place.path, 'noise'), noise(3 * MIB));
    const script = `mkdir -p usr/share && cp ${join(place.path, 'noise')} usr/share/noise`;
    const deb = buildDeb({ control: { control: controlText('noise') }, script, compression: 'none' });
    return [
      `--deb=${place.put('noise.deb', deb)}`,
      '--output=out.layer.tar.zst',
      '--steps=out.steps.json',
      '--packages=out.packages.json',
    ];
  },
  initramfs: async (place) => [
    `--layer=${await goodLayer(place, 'in', Buffer.from('data'))}`,
    `--file=/init=${place.put('init', noise(MIB))}`,
    '--output=out.img',
  ],
  manifest: async (place) => [
    '--os=guestos',
    '--variant=dev',
    `--version-file=${place.put('version.txt', '1.0.0\n')}`,
    `--partition=root=${await packedPartition(place, 'root', MIB)}`,
    '--output=out.json',
  ],
  'boot-args': (place) => [
    `--template=${place.put('boot_args.template', '# GRUB Environment Block\nBOOT_ARGS_A=quiet\n')}`,
    '--output=out.boot_args',
  ],
  dockerfile: (place) => [
    `--dockerfile=${place.put('Dockerfile', 'FROM scratch\nCOPY file /\n')}`,
    `--context=file=${place.put('file', noise(MIB))}`,
    ...LAYER_AND_CONFIG,
  ],
  'oci-base': (place) => {
    const layer = archive([directory('etc')]);
    return [`--image=${place.put('image.tar', ociArchive(layer))}`, ...LAYER_AND_CONFIG];
  },
};

const outputsOf = (args: readonly string[]): string[] =>
  args.flatMap((arg) => /^--[a-z-]+=(out\..*)$/.exec(arg)?.[1] ?? []);

function lastLine(text: string): string | undefined {
  return text.trimEnd().split('\n').at(-1);
}

describe.each(Object.entries(TOOLS))('on a full disk, %s', (tool, inputs) => {
  test('names the file that cannot be written and leaves no file, for each of its outputs', async () => {
    using place = new Workbench();
    const args = await inputs(place);
    place.put('params', '');
    const before = place.files();
    const outputs = outputsOf(args);
    for (const full of outputs) {
      symlinkSync('/dev/full', join(place.path, full));
      const { status, stderr } = place.run(tool, args);
      expect(lastLine(stderr)).toBe(`${full}: the disk is full; free some space and build again (ENOSPC)`);
      expect(status, full).toBe(1);
      expect(place.files(), full).toEqual(before);
    }
    expect(lstatSync('/dev/full').isCharacterDevice()).toBe(true);
    // The same arguments work if there is enough space.
    expect(place.run(tool, args).status).toBe(0);
    expect(place.files()).toEqual(expect.arrayContaining(outputs));
  });
});

describe('with a limit on the size of files', () => {
  test.each([
    ['ext4-image', 'out.json.raw'],
    ['erofs-image', 'out.json.raw'],
    ['vfat-image', 'out.json.raw'],
    ['apt-base', 'out.layer.tar.zst.spool'],
  ])('%s names its scratch file %s, and leaves no file', async (tool, scratch) => {
    using place = new Workbench();
    const args = await (TOOLS[tool] as Inputs)(place);
    expect(place.refusal(tool, args, { fileLimitBytes: 2 * MIB })).toBe(
      `${scratch}: the file grew larger than the file system or "ulimit -f" allows; ` +
        'raise the limit or build elsewhere (EFBIG)',
    );
  });

  test.each(['layer', 'disk-image', 'raw-image'])('%s leaves no incomplete file', async (tool) => {
    using place = new Workbench();
    const args = await (TOOLS[tool] as Inputs)(place);
    expect(place.refusal(tool, args, { fileLimitBytes: MIB / 2 })).toMatch(/^out\..*\(EFBIG\)$/);
  });
});

test('a directory that is given as an output by mistake keeps its contents', async () => {
  using place = new Workbench();
  place.put('out.json/precious', 'data');
  const args = await (TOOLS['manifest'] as Inputs)(place);
  expect(place.refusal('manifest', args)).toMatch(/^out\.json: it is a directory, and a file is expected/);
});
