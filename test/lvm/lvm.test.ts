import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { FileImage } from '../../tools/lib/block/file.ts';
import { Disks } from '../../tools/lib/lvm/real-lvm.ts';
import { openPackedFiles, readIndexFile } from '../../tools/lib/packed/file.ts';
import { unpackImage } from '../../tools/lib/packed/unpack.ts';

const disks = new Disks();
afterAll(() => disks.remove());

const files = {
  zst: join(import.meta.dirname, 'group.img.zst'),
  index: join(import.meta.dirname, 'group.json'),
};

test('lvm2 activates the volume group that lvm_partition made, and the kernel mounts its file system', async () => {
  const index = readIndexFile(files.index);
  const zst = FileImage.open(files.zst);
  await unpackImage(index, zst, files.zst, disks.create('disk', index.sizeBytes));
  zst.close();
  const output = await disks.lvm(
    ['disk'],
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
  const content = readFileSync(join(import.meta.dirname, 'a.txt'), 'utf8');
  expect(output.endsWith(content)).toBe(true);
});

test('the frames of the file system are in it as they were compressed', () => {
  const frames = readFileSync(join(import.meta.dirname, 'root.img.zst'));
  expect(readFileSync(files.zst).includes(frames)).toBe(true);
  expect(openPackedFiles(files).sizeBytes).toBe(64 << 20);
});
