import { MemoryImage } from '@icos/formats/block';
import { type Entry, NO_XATTRS } from '@icos/formats/entry';
import { ErofsWriter, readErofs } from '@icos/formats/erofs';

const metadata = { mode: 0o755, uid: 0, gid: 0, xattrs: NO_XATTRS };
const entries: Entry[] = [
  { type: 'directory', path: '', ...metadata },
  { type: 'symlink', path: 'bin', ...metadata, target: 'usr/bin' },
  { type: 'directory', path: 'usr', ...metadata },
  { type: 'directory', path: 'usr/bin', ...metadata },
  { type: 'file', path: 'usr/bin/true', ...metadata, sizeBytes: 10 },
];

const image = new MemoryImage(1024 * 1024);
const writer = new ErofsWriter(image, entries, {
  uuid: '01234567-89ab-cdef-0123-456789abcdef',
  compression: { algorithm: 'lz4' },
});
const file = writer.openFile('usr/bin/true');
file.write(Buffer.from('#!/bin/sh\n'));
file.close();
console.log(writer.finish().sizeBytes, 'bytes');

const { superblock } = readErofs(image, 'usr.img');
console.log(superblock.inodeCount, 'inodes');
