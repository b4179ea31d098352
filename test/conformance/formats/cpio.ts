import { readFileSync, writeFileSync } from 'node:fs';
import { writeNewc } from '../../../tools/lib/formats/cpio/newc.ts';
import { readNewc } from '../../../tools/lib/formats/cpio/read.ts';
import { type Entry, NO_XATTRS } from '../../../tools/lib/formats/entry/entry.ts';
import { type Format, output } from '../format.ts';
import { type ListedEntry, listedFile } from '../listing.ts';
import type { SampleTree } from '../sample-trees.ts';

/** Removes attributes, because the writer refuses them. */
function forget(entry: Entry): Entry {
  return { ...entry, xattrs: NO_XATTRS };
}

function write(tree: SampleTree, path: string): void {
  const members = tree.entries.map((entry) => ({
    entry: forget(entry),
    content: entry.type === 'file' ? Buffer.concat([...tree.content(entry.path)]) : new Uint8Array(0),
  }));
  writeFileSync(path, Buffer.concat([...writeNewc(members)]));
}

function* read(path: string): Generator<ListedEntry> {
  for (const { entry, content } of readNewc(readFileSync(path))) {
    yield entry.type === 'file' ? listedFile(entry, [content]) : { entry };
  }
}

export const CPIO: Format = {
  name: 'cpio (newc), by GNU cpio',
  lacks: ['xattrs'],
  forget,
  write,
  check: (path) => void output('cpio', 'cpio', ['-t', '--quiet'], readFileSync(path)),
  read,
  appear: `mount -t ext4 /dev/ubdc /mnt
rmdir /mnt/lost+found
cd /mnt
tool cpio -idm --quiet --no-absolute-filenames < /dev/ubda
cd /`,
};
