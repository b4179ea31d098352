import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runInKernel } from './test-kernel.ts';

const folder = mkdtempSync(join(tmpdir(), 'test-kernel-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a kernel reads a disk, loads modules and runs the real tools', async () => {
  const disk = join(folder, 'disk');
  writeFileSync(disk, Buffer.alloc(4096, 'Disk'));
  const { output, status } = await runInKernel({
    disks: [{ path: disk }],
    files: { '/data/more.txt': 'more\n' },
    script: `
      head -c 8 /dev/ubda; echo
      cat /data/more.txt
      load erofs vfat dm-verity
      grep -c -E '(erofs|vfat)$' /proc/filesystems
      tool lvm version | grep -c 'LVM version'
      exit 3
    `,
  });
  expect(output.toString()).toBe('DiskDisk\nmore\n2\n1\n');
  expect(status).toBe(3);
});

test('the first line that fails ends the script with its status', async () => {
  const { output, status } = await runInKernel({ disks: [], script: 'echo before\nfalse\necho after' });
  expect(output.toString()).toBe('before\n');
  expect(status).toBe(1);
});
