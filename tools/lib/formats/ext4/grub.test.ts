import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { directory, file, symlink } from '../../testing/entries/entries.ts';
import { ImageFolder } from '../../testing/ext4/ext4-image.ts';
import { noise } from '../../testing/noise.ts';
import { realTool } from '../../testing/real-tool.ts';

const MIB = 2 ** 20;
const images = new ImageFolder();
afterAll(() => images.remove());

function grub(imagePath: string, ...command: string[]): string {
  return execFileSync(realTool('grub-fstest', 'grub-common'), [imagePath, ...command], { encoding: 'utf8' });
}

test.each([
  ['without a journal', { journal: false }],
  ['with a journal', { journal: true }],
  ['that is read-only', { journal: false, readOnly: true }],
])("GRUB's own ext2 module reads a file system %s", (_, options) => {
  const kernel = Buffer.concat([noise(5 * MIB), Buffer.alloc(64 * 1024), noise(70_001, 3)]);
  const holes = Buffer.alloc(2000 * 8192);
  for (let index = 0; index < 2000; index++) holes.write(`${index}`, index * 8192);
  const many = Array.from({ length: 3000 }, (__, index) => file(`boot/many/file-${index}`, 0));
  const path = images.write(
    [
      directory('boot'),
      symlink('boot/current', 'kernel'),
      file('boot/holes', holes.length),
      file('boot/kernel', kernel.length),
      symlink('boot/long', `../${'./'.repeat(40)}boot/kernel`),
      directory('boot/many'),
      ...many,
    ],
    { sizeBytes: 64 * MIB, ...options },
    { 'boot/holes': holes, 'boot/kernel': kernel },
  );
  const listing = grub(path, 'ls', '(loop0)/boot/');
  for (const name of ['kernel', 'holes', 'many/']) expect(listing).toContain(name);
  expect(grub(path, 'ls', '(loop0)/boot/many/').trim().split(/\s+/).length).toBe(3000);
  for (const [name, content] of [
    ['kernel', kernel],
    ['current', kernel],
    ['long', kernel],
    ['holes', holes],
  ] as const) {
    const target = images.file('copied');
    grub(path, 'cp', `(loop0)/boot/${name}`, target);
    expect(readFileSync(target).equals(content), name).toBe(true);
  }
});
