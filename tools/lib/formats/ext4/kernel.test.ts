/** Mounts, changes and fills file systems of the writer in a running kernel. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { file, special } from '../../testing/entries/entries.ts';
import { e2fsckComplaints, ImageFolder } from '../../testing/ext4/ext4-image.ts';
import { diskDevice, inKernel, inKernelOn, KERNEL_TIMEOUT_MS } from '../../testing/ext4/in-kernel.ts';
import {
  emptyDisk,
  KERNEL_CONTENTS,
  KERNEL_TREE,
  seenByReader,
  seenByTar,
  seenIn,
  tarTo,
} from '../../testing/ext4/kernel-tree.ts';
import type { TestDisk } from '../../testing/kernel/test-kernel.ts';
import type { Entry } from '../entry/entry.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const images = new ImageFolder();
afterAll(() => images.remove());

/** The tree with a socket, which tar leaves out. */
const entries: readonly Entry[] = [...KERNEL_TREE, special('socket', 'socket')];

/** The tree without the socket. */
const expected = seenIn(KERNEL_TREE, KERNEL_CONTENTS);

describe('the kernel mounts', () => {
  const CASES = [
    { name: 'read-only, without a journal', mode: 'ro', options: { sizeBytes: 256 * MIB } },
    { name: 'read-only, with a journal', mode: 'ro', options: { sizeBytes: 256 * MIB, journal: true } },
    {
      name: 'for writing, without a journal',
      mode: 'rw',
      options: { sizeBytes: 256 * MIB, reservedPercent: 5 },
    },
    {
      name: 'for writing, with a journal, 50 GiB',
      mode: 'rw',
      options: { sizeBytes: 50 * GIB, journal: true },
    },
  ];
  const pathOf = (index: number): string => images.file(`${index}.img`);
  const archiveOf = (index: number): string => images.file(`${index}.tar`);
  const outputs: string[] = [];

  beforeAll(async () => {
    const disks: TestDisk[] = [];
    const scripts = CASES.map(({ mode, options }, index) => {
      images.write(entries, options, KERNEL_CONTENTS, `${index}.img`);
      disks.push({ path: pathOf(index), writable: mode === 'rw' });
      disks.push({ path: emptyDisk(archiveOf(index), 128 * MIB), writable: true });
      return `
        mount -t ext4 -o ${mode} ${diskDevice(2 * index)} /mnt
        [ -S /mnt/socket ]
        [ -e /mnt/many/näme-799 ]
        [ ! -e /mnt/many/näme-800 ]
        stat -c '%X %Y %Z %h' /mnt/dir/content
        ${tarTo(diskDevice(2 * index + 1))}
        umount /mnt
      `;
    });
    outputs.push(...(await inKernel(disks, scripts.join('\n'))).trimEnd().split('\n'));
  }, KERNEL_TIMEOUT_MS);

  test.each(CASES)('$name, and sees the whole tree', (testCase) => {
    const index = CASES.indexOf(testCase);
    expect(outputs[index]).toBe('0 0 0 2');
    expect(seenByTar(archiveOf(index))).toEqual(expected);
    expect(e2fsckComplaints(pathOf(index))).toBe('');
    const found = seenByReader(pathOf(index));
    expect(found.delete('socket')).toBe(true);
    expect(found).toEqual(expected);
  });

  test('a file system marked read-only, but not for writing', async () => {
    const path = images.write([file('f', 0)], { sizeBytes: 8 * MIB, readOnly: true });
    const output = await inKernelOn(
      path,
      'mount -t ext4 -o rw /dev/ubda /mnt; touch /mnt/new || echo refused',
    );
    expect(output).toContain('Read-only file system');
    expect(output).toContain('refused');
  });

  test('a file system on a disk that was full of noise', async () => {
    const path = images.write(entries, { sizeBytes: 64 * MIB, journal: true }, KERNEL_CONTENTS, 'model.img');
    const archive = emptyDisk(images.file('archive'), 128 * MIB);
    const noisy = images.writeOverNoise(entries, { sizeBytes: 64 * MIB, journal: true }, KERNEL_CONTENTS);
    expect(e2fsckComplaints(noisy)).toBe('');
    expect(seenByReader(noisy)).toEqual(seenByReader(path));
    await inKernel(
      [
        { path: noisy, writable: true },
        { path: archive, writable: true },
      ],
      `
        mount -t ext4 /dev/ubda /mnt
        ${tarTo('/dev/ubdb')}
        for name in 1 2 3; do
          mkdir /mnt/more-$name
          seq 1 500 | while read -r number; do echo $number > /mnt/more-$name/$number; done
        done
        umount /mnt
      `,
    );
    expect(seenByTar(archive)).toEqual(expected);
    expect(e2fsckComplaints(noisy)).toBe('');
  });
});

test('the kernel fills file systems of all sizes to the last block', async () => {
  const sizes = [MIB, 8 * MIB, 128 * MIB + 4096, 128 * MIB + 8192, 2 * GIB + 4096];
  const paths = sizes.map((sizeBytes, index) =>
    images.write([file('f', 3)], { sizeBytes }, { f: Buffer.from('abc') }, `full-${index}.img`),
  );
  const output = await inKernel(
    paths.map((path) => ({ path, writable: true })),
    `
      for disk in ${paths.map((_, index) => diskDevice(index)).join(' ')}; do
        mount -t ext4 $disk /mnt
        head -c 1048576 /dev/urandom > /tmp/noise
        blocks=$(stat -f -c %a /mnt)
        fallocate -l $(( (blocks - blocks / 20) * 4096 )) /mnt/most
        while cat /tmp/noise >> /mnt/fill; do :; done 2> /dev/null
        while head -c 4096 /tmp/noise >> /mnt/fill; do :; done 2> /dev/null
        stat -f -c '%a %f' /mnt
        cat /mnt/f; echo
        umount /mnt
      done
    `,
  );
  const lines = output.trim().split('\n');
  sizes.forEach((sizeBytes, index) => {
    const [available, free] = (lines[2 * index] as string).split(' ').map(Number);
    expect(available).toBe(0);
    // The kernel reserves up to 2 % of the blocks.
    expect(free).toBeLessThanOrEqual(sizeBytes / 4096 / 50);
    expect(lines[2 * index + 1]).toBe('abc');
  });
  for (const path of paths) expect(e2fsckComplaints(path)).toBe('');
});
