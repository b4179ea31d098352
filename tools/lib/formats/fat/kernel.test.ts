import { hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fsck, type Tree, writeVolume } from '../../testing/fat/volume.ts';
import { runInKernel } from '../../testing/kernel/test-kernel.ts';
import { noise } from '../../testing/noise.ts';
import { FileImage } from '../block/file.ts';
import { type FatType, readFat } from './fat.ts';

const MEBIBYTE = 1024 ** 2;
const MOUNT = 'mount -t vfat -o utf8=1,codepage=437,tz=UTC';
const LOAD = 'load vfat nls_cp437 nls_iso8859-1 nls_utf8';

const TREE: Tree = {
  'EFI/BOOT/BOOTX64.EFI': noise(70_001),
  'README.TXT': Buffer.alloc(0),
  'lower.txt': noise(511),
  'Mixed.Txt': noise(4097),
  'a name of more than thirteen letters.config': noise(5),
  'grüße.ini': noise(13),
  'Ελλάδα/字.txt': noise(100_000),
  '😀.txt': noise(3),
  '.disk/info': noise(3),
  'same-long-name-1.txt': noise(1, 1),
  'same-long-name-2.txt': noise(1, 101),
  'SAME-L~1.TXT': noise(1, 201),
  'zeros.bin': Buffer.alloc(300_000),
  empty: undefined,
  [`${'n'.repeat(251)}.txt`]: noise(9),
  ...Object.fromEntries(
    Array.from({ length: 100 }, (_, index) => [`many/file number ${index}.dat`, noise(index, index)]),
  ),
};

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fat-kernel-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Returns one line per name, sorted: its type, size, modification time, digest and path. */
function describeVolume(path: string): string[] {
  const image = FileImage.open(path);
  const reader = readFat(image, path);
  const lines: string[] = [];
  for (const { entry, modificationTime, linkCount } of reader.walk()) {
    if (entry.path === '') continue;
    if (entry.type === 'file') {
      const digest = hash('md5', Buffer.concat([...reader.readFile(entry.path)]));
      lines.push(`f ${entry.sizeBytes} ${modificationTime.seconds} ${digest} ${entry.path}`);
    } else lines.push(`d ${linkCount} ${modificationTime.seconds} ${entry.path}`);
  }
  image.close();
  return lines.sort();
}

/** Prints the same lines for the files that the kernel shows. */
const DESCRIBE = `
  describe() {
    cd /mnt
    find . -mindepth 1 -type d -exec stat -c 'd %h %Y %n' {} +
    find . -type f -exec sh -c 'for file; do
      echo "f $(stat -c "%s %Y" "$file") $(md5sum < "$file" | cut -c1-32) $file"; done' sh {} +
    cd /
  }
`;

function described(output: Buffer | string): string[] {
  return output
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(' ./', ' '))
    .sort();
}

const VOLUMES: readonly (readonly [string, FatType, number, number])[] = [
  ['fat12', 'fat12', 6, 512],
  ['fat16', 'fat16', 40, 512],
  ['fat32', 'fat32', 48, 512],
  ['fat32-large-sectors', 'fat32', 300, 4096],
];

describe('the kernel', () => {
  test('mounts every type, and shows names, sizes, times and contents as written', async () => {
    const paths = VOLUMES.map(([title, type, sizeMib, sectorBytes]) => {
      const path = join(folder, title);
      const timeSeconds = Date.UTC(2024, 1, 29, 13, 14, 16) / 1000;
      writeVolume(path, TREE, { sizeBytes: sizeMib * MEBIBYTE, type, sectorBytes, timeSeconds });
      return path;
    });
    const { output, status, kernelLog } = await runInKernel({
      disks: paths.map((path) => ({ path })),
      script: `
        ${LOAD}
        ${DESCRIBE}
        for disk in a b c d; do
          ${MOUNT},ro /dev/ubd$disk /mnt
          describe > /tmp/list
          umount /mnt
          cat /tmp/list
          echo "== $disk"
        done
      `,
    });
    expect([status, kernelLog.match(/FAT-fs.*/g)]).toEqual([0, null]);
    const lists = output.toString().split(/== .\n/);
    for (const [index, path] of paths.entries())
      expect(described(lists[index] ?? '')).toEqual(describeVolume(path));
  });

  test('changes volumes, and fsck and our reader accept the result', async () => {
    const paths = VOLUMES.map(([title, type, sizeMib, sectorBytes]) => {
      const path = join(folder, `changed-${title}`);
      writeVolume(path, TREE, { sizeBytes: sizeMib * MEBIBYTE, type, sectorBytes });
      return path;
    });
    const { output, status, kernelLog } = await runInKernel({
      disks: paths.map((path) => ({ path, writable: true })),
      script: `
        ${LOAD}
        ${DESCRIBE}
        for disk in a b c d; do
          ${MOUNT} /dev/ubd$disk /mnt
          cd /mnt
          rm -r many/*1* README.TXT
          mv EFI/BOOT/BOOTX64.EFI 'EFI/Über uns.efi'
          mkdir -p 'New folder/d/e/e/p' 'Ünï'
          head -c 200000 /dev/urandom > 'New folder/random data'
          head -c 5000 /dev/urandom >> lower.txt
          truncate -s 1000 zeros.bin
          for n in $(seq 60); do echo $n > "Ünï/another long name $n"; done
          echo x > ' leading space'; echo y > UPPER; echo z > 'ÄÖ.TXT'; echo z > mixed.TXT
          mv 'a name of more than thirteen letters.config' short
          touch -d '2107-12-31 23:59:58' 'lower.txt'
          cd /
          umount /mnt
          ${MOUNT},ro /dev/ubd$disk /mnt
          describe
          umount /mnt
          echo "== $disk"
        done
      `,
    });
    expect([status, kernelLog.match(/FAT-fs.*/g)]).toEqual([0, null]);
    const lists = output.toString().split(/== .\n/);
    for (const [index, path] of paths.entries()) {
      const lines = describeVolume(path);
      expect(described(lists[index] ?? '')).toEqual(lines);
      expect(lines.length).toBeGreaterThan(100);
      expect(fsck(path).fileCount).toBe(lines.length + 1);
    }
  });

  test('writes short names in its code page, which the reader decodes in the same way', async () => {
    const path = join(folder, 'short-names');
    writeVolume(path, {}, { sizeBytes: MEBIBYTE });
    const { output, status } = await runInKernel({
      disks: [{ path, writable: true }],
      script: `
        ${LOAD} nls_cp850
        mount -t msdos -o codepage=437,iocharset=utf8 /dev/ubda /mnt 2>/dev/null || { load msdos; mount -t msdos /dev/ubda /mnt; }
        cd /mnt
        for bytes in '\\232\\216.TXT' '\\345' 'ABC'; do : > "$(printf "$bytes")"; done
        cd /
        umount /mnt
        ${MOUNT},ro /dev/ubda /mnt
        for name in /mnt/*; do echo "\${name#/mnt/}"; done
      `,
    });
    expect(status).toBe(0);
    const image = FileImage.open(path);
    const names = Array.from(readFat(image).walk(), ({ entry }) => entry.path).slice(1);
    image.close();
    expect(names).toEqual(['ABC', 'ÜÄ.TXT', 'σ']);
    expect(output.toString().trim().split('\n').sort()).toEqual(names.toSorted());
  });
});
