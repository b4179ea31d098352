import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { file } from '../../testing/entries/entries.ts';
import { TEST_OPTIONS } from '../../testing/ext4/ext4-image.ts';
import { Disks, noise, writeGroup } from '../../testing/lvm/real-lvm.ts';
import { realTool } from '../../testing/real-tool.ts';
import { MemoryImage } from '../block/block.ts';
import { Ext4Writer } from '../ext4/ext4.ts';
import { encodeVolumeGroup } from './lvm.ts';

const MIB = 1 << 20;
const disks = new Disks();
afterAll(() => disks.remove());

test("GRUB's own module finds the logical volumes and reads the file system in one", () => {
  const kernel = noise(3 * MIB + 5, 'kernel');
  const fileSystem = new MemoryImage(16 * MIB);
  const entry = file('vmlinuz', kernel.length);
  const writer = new Ext4Writer(fileSystem, [entry], { ...TEST_OPTIONS, sizeBytes: 16 * MIB });
  const opened = writer.openFile(entry.path);
  opened.write(kernel);
  opened.close();
  writer.finish();

  const group = encodeVolumeGroup({
    name: 'hostlvm',
    identity: '//a:b',
    physicalVolumes: [{ sizeBytes: 64 * MIB, metadataCopies: 2 }],
    logicalVolumes: [
      { name: 'hole', sizeBytes: 8 * MIB },
      { name: 'A_boot', sizeBytes: 16 * MIB },
    ],
  });
  writeGroup(group, [disks.create('disk', 64 * MIB)], { A_boot: fileSystem.read(0, 16 * MIB) });
  const grub = (...command: string[]) =>
    execFileSync(realTool('grub-fstest', 'grub-common'), [disks.path('disk'), ...command], {
      encoding: 'utf8',
    });
  expect(grub('ls', '(lvm/hostlvm-A_boot)/')).toContain('vmlinuz');
  grub('cp', '(lvm/hostlvm-A_boot)/vmlinuz', disks.path('copied'));
  expect(readFileSync(disks.path('copied')).equals(kernel)).toBe(true);
});
