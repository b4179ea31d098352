/**
 * Tests the labels in the file systems that Bazel built with ext4_partition and erofs_partition.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { BlockSource } from '../../tools/lib/formats/block/block.ts';
import type { TreeReader } from '../../tools/lib/formats/entry/tree-reader.ts';
import { readErofs } from '../../tools/lib/formats/erofs/erofs.ts';
import { readExt4 } from '../../tools/lib/formats/ext4/ext4.ts';
import { openPackedFiles } from '../../tools/lib/image/packed/file.ts';

const READERS: Readonly<Record<string, (source: BlockSource, name: string) => TreeReader>> = {
  boot: readExt4,
  root: readErofs,
};

test.each([
  ['boot', { '': 'boot_t', 'a.txt': 'boot_t', 'lost+found': 'boot_t' }],
  ['root', { '': 'root_t', boot: 'boot_t', 'boot/a.txt': 'boot_t' }],
])('every entry of %s has the label of its path', (name, expected) => {
  const stem = join(import.meta.dirname, name);
  const source = openPackedFiles({ zst: `${stem}.img.zst`, index: `${stem}.json` });
  const labels: Record<string, string | undefined> = {};
  for (const { entry } of READERS[name]?.(source, name).walk() ?? []) {
    const value = Buffer.from(entry.xattrs.get('security.selinux') ?? []).toString();
    labels[entry.path] = /^system_u:object_r:(\w+):s0\0$/.exec(value)?.[1];
  }
  expect(labels).toEqual(expected);
});
