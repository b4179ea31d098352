import { readNewc, writeNewc } from '@icos/formats/cpio';
import { NO_XATTRS } from '@icos/formats/entry';

const metadata = { mode: 0o755, uid: 0, gid: 0, xattrs: NO_XATTRS };
const init = Buffer.from('#!/bin/sh\n');
const initramfs = Buffer.concat([
  ...writeNewc([
    { entry: { type: 'file', path: 'init', ...metadata, sizeBytes: init.length }, content: init },
    { entry: { type: 'symlink', path: 'sbin', ...metadata, target: 'bin' }, content: new Uint8Array() },
  ]),
]);

for (const { entry } of readNewc(initramfs)) console.log(entry.type, entry.path);
