import { closeSync, openSync, writeSync } from 'node:fs';
import { TAR_END, tarHeader, tarPadding } from '../../../tools/lib/formats/tar/writer.ts';
import { checker, type Format } from '../format.ts';
import { tarEntries } from '../listing.ts';
import type { SampleTree } from '../sample-trees.ts';

function writeTar(tree: SampleTree, path: string): void {
  const descriptor = openSync(path, 'w');
  try {
    for (const entry of tree.entries) {
      writeSync(descriptor, tarHeader(entry));
      if (entry.type !== 'file') continue;
      for (const piece of tree.content(entry.path)) writeSync(descriptor, piece);
      writeSync(descriptor, tarPadding(entry.sizeBytes));
    }
    writeSync(descriptor, TAR_END);
  } finally {
    closeSync(descriptor);
  }
}

/** Extracts with a real tool as root, with all metadata that the tool supports. */
const GNU = `mount -t ext4 /dev/ubdc /mnt
rmdir /mnt/lost+found
tool tar -xpf /dev/ubda --xattrs --xattrs-include='*' --same-owner --numeric-owner -C /mnt 2>&1 | (grep -v 'implausibly old' || true)`;
const BSD = `mount -t ext4 /dev/ubdc /mnt
rmdir /mnt/lost+found
LC_ALL=C.UTF-8 LOCPATH=/tools/usr/lib/locale tool bsdtar -xpf /dev/ubda --xattrs --acls --same-owner --numeric-owner -C /mnt`;

export const TAR: readonly Format[] = [
  {
    name: 'tar (pax), by GNU tar',
    lacks: ['sockets'],
    write: writeTar,
    check: (path) => void checker('tar', 'tar', ['-tf', path]),
    read: tarEntries,
    appear: GNU,
  },
  {
    name: 'tar (pax), by bsdtar',
    lacks: ['sockets'],
    // bsdtar reads ACLs only from the records SCHILY.acl.*, and does not set the attribute of an
    // ACL.
    forget: (entry) => ({
      ...entry,
      xattrs: new Map([...entry.xattrs].filter(([name]) => !name.startsWith('system.'))),
    }),
    write: writeTar,
    check: (path) => void checker('bsdtar', 'libarchive-tools', ['-tf', path]),
    read: tarEntries,
    appear: BSD,
  },
];
