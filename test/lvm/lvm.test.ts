import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { FileImage } from '../../tools/lib/formats/block/file.ts';
import { openPackedFiles, readIndexFile } from '../../tools/lib/image/packed/file.ts';
import { unpackImage } from '../../tools/lib/image/packed/unpack.ts';
import { Disks } from '../../tools/lib/testing/lvm/real-lvm.ts';
import { realTool } from '../../tools/lib/testing/real-tool.ts';

const disks = new Disks();
afterAll(() => disks.remove());

const files = {
  zst: join(import.meta.dirname, 'group.img.zst'),
  index: join(import.meta.dirname, 'group.json'),
};

const content = readFileSync(join(import.meta.dirname, 'a.txt'), 'utf8');

/** Checks the volumes that lvm2 lists on a disk, and a file of the volume with a file system. */
async function expectVolumes(disk: string): Promise<void> {
  const output = await disks.lvm(
    [disk],
    `
    lvm vgck example-vg
    lvm vgchange -q -ay example-vg >/dev/null
    lvm lvs --noheadings --separator , -o vg_name,vg_uuid,lv_name,lv_size
    mount -t ext4 -o ro /dev/example-vg/A_root /mnt
    cat /mnt/etc/a.txt
  `,
  );
  const lines = output.split('\n').map((line) => line.trim());
  expect(lines.slice(0, 2)).toEqual([
    'example-vg,4c7GVZ-Df82-QEcJ-xXtV-JgRL-IjLE-hK0FgA,A_root,20.00m',
    'example-vg,4c7GVZ-Df82-QEcJ-xXtV-JgRL-IjLE-hK0FgA,B_root,20.00m',
  ]);
  expect(output.endsWith(content)).toBe(true);
}

test('lvm2 activates the volume group of lvm_partition, and the kernel mounts its file system', async () => {
  const index = readIndexFile(files.index);
  const zst = FileImage.open(files.zst);
  await unpackImage(index, zst, files.zst, disks.create('partition', index.sizeBytes));
  zst.close();
  await expectVolumes('partition');
});

test('lvm2 finds the same volumes on the partition of a disk', async () => {
  const archive = join(import.meta.dirname, 'disk.tar.zst');
  const tar = execFileSync(realTool('zstd', 'zstd'), ['-dcq', archive], { maxBuffer: 1 << 28 });
  execFileSync(realTool('tar', 'tar'), ['-xf', '-', '-C', disks.path('.')], { input: tar });
  await expectVolumes('disk.img');
});

test('the partition contains the compressed frames of the file system unchanged', () => {
  const frames = readFileSync(join(import.meta.dirname, 'root.img.zst'));
  expect(readFileSync(files.zst).includes(frames)).toBe(true);
  expect(openPackedFiles(files).sizeBytes).toBe(64 << 20);
});
