import { describe, expect, test } from 'vitest';
import { noise } from '../../tools/lib/testing/noise.ts';
import { ARCHIVE_OUTPUTS, FILE_SYSTEM_OUTPUTS, goodLayer, MIB, packedPartition } from './inputs.ts';
import { Workbench } from './workbench.ts';

const GUIDS = ['6788e4cf-f456-104e-9a34-a2c58cfb0ee6', '6788e4cf-f456-104e-9a34-a2c58cfb0ee7'];
const GOOD_LAYOUT = `esp, 1M, 8M, U, ${GUIDS[0]},\nroot, 9M, 4M, L, ${GUIDS[1]},\n`;

function diskImage(place: Workbench, layout: string, ...more: string[]): string {
  place.put('partitions.csv', layout);
  return place.refusal('disk-image', [
    '--layout=partitions.csv',
    '--identity=//a:b',
    ...ARCHIVE_OUTPUTS,
    ...more,
  ]);
}

describe('a layout', () => {
  test.each([
    [
      'whose partitions overlap',
      `esp, 1M, 8M, U, ${GUIDS[0]},\nroot, 8M, 4M, L, ${GUIDS[1]},\n`,
      'partitions.csv:2: partition "root" begins at sector 16384, within "esp" of line 1, ' +
        'which ends before 18432: start at 18432 or later',
    ],
    [
      'that is not aligned',
      `# by sectors\nesp, 2047, 8M, U, ${GUIDS[0]},\n`,
      'partitions.csv:2: partition "esp": start 2047 is not a multiple of 2048 sectors (1 MiB): use 2048',
    ],
    [
      'with an unknown unit',
      `esp, 1M, 8Q, U, ${GUIDS[0]},\n`,
      'partitions.csv:1: partition "esp": size "8Q" has the unknown unit "Q": ' +
        'use B, K or KiB, M or MiB, G or GiB, T or TiB (binary: 1K = 1024 bytes)',
    ],
  ])('%s is refused', (_what, layout, line) => {
    using place = new Workbench();
    expect(diskImage(place, layout)).toBe(line);
  });

  test('without the partition of an image is refused, and the error lists the known partitions', async () => {
    using place = new Workbench();
    const image = await packedPartition(place, 'boot', MIB);
    expect(diskImage(place, GOOD_LAYOUT, `--partition=boot=${image}`)).toBe(
      'unknown partition "boot": partitions.csv has esp, root',
    );
  });

  test('with a partition that is too small is refused, and the error says by how many bytes', async () => {
    using place = new Workbench();
    const image = await packedPartition(place, 'root', 4 * MIB + 4096);
    expect(diskImage(place, GOOD_LAYOUT, `--partition=root=${image}`)).toBe(
      'root.json is 4096 bytes too large for partition "root" (4198400 bytes into 4194304): ' +
        'make the image smaller, or the partition larger in partitions.csv:2',
    );
  });

  test('that is larger than the disk is refused, and the error says by how many bytes', () => {
    using place = new Workbench();
    expect(diskImage(place, GOOD_LAYOUT, '--expanded-size=13M')).toBe(
      '--expanded-size is 1048576 bytes too small for the partitions of partitions.csv; ' +
        'the disk needs at least 14680064 bytes',
    );
  });
});

describe.each(['ext4-image', 'erofs-image', 'vfat-image'])('%s', (tool) => {
  test('reports by how many bytes the file system is too small, and leaves no output', async () => {
    using place = new Workbench();
    const layer = await goodLayer(place, 'in', noise(3 * MIB));
    const options = [`--layer=${layer}`, ...FILE_SYSTEM_OUTPUTS];
    const line = place.refusal(tool, [...options, '--size=2M']);
    const missing = Number(/([0-9]+) bytes too small/.exec(line)?.[1]);
    expect(line).toMatch(
      /^(the (ext4|EROFS) file system of 2097152 bytes is|FAT: the volume is) .*, or put less into it$/,
    );
    // The number is exact: the tree fits into this size, and does not fit into one block less.
    const enough = Math.ceil((2 * MIB + missing) / 4096) * 4096;
    place.refusal(tool, [...options, `--size=${enough - 4096}`]);
    expect(place.run(tool, [...options, `--size=${enough}`])).toEqual({ status: 0, stderr: '' });
  });

  test('reports the next valid size if the size is not a multiple of the block size', async () => {
    using place = new Workbench();
    const layer = await goodLayer(place, 'in', Buffer.from('content'));
    expect(place.refusal(tool, [`--layer=${layer}`, ...FILE_SYSTEM_OUTPUTS, '--size=4000001'])).toBe(
      '--size: 4000001 bytes are not a multiple of the block size of 4096 bytes; make it 4001792',
    );
  });

  test('names an unknown unit, and lists the known ones', async () => {
    using place = new Workbench();
    const layer = await goodLayer(place, 'in', Buffer.from('content'));
    expect(place.refusal(tool, [`--layer=${layer}`, ...FILE_SYSTEM_OUTPUTS, '--size=3GB'])).toBe(
      '--size: "3GB" has the unknown unit "GB": ' +
        'use B, K or KiB, M or MiB, G or GiB, T or TiB (binary: 1K = 1024 bytes)',
    );
  });
});
