import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { DISK, diskFile, sgdisk } from '../../testing/gpt/disk.ts';
import { runInKernel } from '../../testing/kernel/test-kernel.ts';
import { FileImage } from '../block/file.ts';
import { readGpt } from './gpt.ts';

/**
 * Converts a name to the form that the kernel shows: `utf16_le_to_7bit` of block/partitions/efi.c.
 */
function sevenBits(name: string): string {
  return Array.from(name, (character) => {
    const code = character.charCodeAt(0) & 0x7f;
    return code < 0x20 || code === 0x7f ? '!' : String.fromCharCode(code);
  }).join('');
}

const folder = mkdtempSync(join(tmpdir(), 'gpt-kernel-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('the kernel finds the same partitions as the reader in our tables and in those of sgdisk', async () => {
  const ours = diskFile(join(folder, 'ours'), DISK);
  const many = diskFile(join(folder, 'many'), {
    ...DISK,
    diskSectors: 50 * 2 ** 21,
    entryCount: 256,
    partitions: Array.from({ length: 12 }, (_, index) => ({
      name: `p${index}`.padEnd(36, 'x'),
      startSector: 2048 + index * 8 * 2 ** 20,
      sizeSectors: 8 * 2 ** 20,
      typeUuid: '0fc63daf-8483-4772-8e79-3d69d8477de4',
      uuid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    })),
  });
  const theirs = join(folder, 'theirs');
  FileImage.create(theirs, 16 * 2 ** 20).close();
  sgdisk('-n', '2:2048:4095', '-c', '2:second', '-n', '5:4096:6000', '-c', '5:fifth', theirs);
  const paths = [ours, many, theirs];
  const { output, status, kernelLog } = await runInKernel({
    disks: paths.map((path) => ({ path })),
    script: `
      for disk in ubda ubdb ubdc; do
        for part in /sys/block/$disk/$disk[0-9]*; do
          field() { sed -n "s/^$1=//p" "$part/uevent"; }
          echo "$disk $(field PARTN) $(cat $part/start) $(cat $part/size) $(field PARTUUID) $(field PARTNAME)"
        done
      done
    `,
  });
  const expected = paths.flatMap((path, index) => {
    const image = FileImage.open(path);
    const { partitions } = readGpt(image);
    image.close();
    return partitions.map(
      ({ number, startSector, sizeSectors, uuid, name }) =>
        `ubd${'abc'[index]} ${number} ${startSector} ${sizeSectors} ${uuid} ${sevenBits(name)}`,
    );
  });
  expect([status, output.toString().trim().split('\n').sort()]).toEqual([0, expected.sort()]);
  expect(kernelLog).not.toMatch(/GPT:|corrupt/);
});
