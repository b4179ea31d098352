import { Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import { expect, it } from 'vitest';
import { directory, file, hardlink, symlink } from '../../testing/entries/entries.ts';
import { archive, contentFor } from '../../testing/tar/archive.ts';
import type { Entry } from '../entry/entry.ts';

const LONG_PATH = `${'folder/'.repeat(40)}file`;
const ENTRIES: Entry[] = [
  directory('etc', { mode: 0o1777, uid: 7, gid: 8 }),
  file('etc/name', 513, { xattrs: new Map([['user.text', Buffer.from('value')]]) }),
  hardlink('etc/other', 'etc/name'),
  symlink('etc/link', 'name'),
  file(LONG_PATH, 1),
  file('é', 0, { uid: 3_000_000 }),
];

/** Reads an archive with tar-stream, the JavaScript implementation that many tools use. */
async function readWithTarStream(bytes: Buffer): Promise<{ header: Header; content: Buffer }[]> {
  const found: { header: Header; content: Buffer }[] = [];
  for await (const entry of Readable.from([bytes]).pipe(extract())) {
    const pieces: Buffer[] = [];
    for await (const piece of entry) pieces.push(piece as Buffer);
    found.push({ header: entry.header, content: Buffer.concat(pieces) });
  }
  return found;
}

it('tar-stream reads the archives of the writer: names, owners, modes, links, attributes and contents', async () => {
  const found = await readWithTarStream(archive(ENTRIES));
  expect(found.map(({ header }) => [header.name, header.type, header.mode, header.uid, header.gid])).toEqual([
    ['etc/', 'directory', 0o1777, 7, 8],
    ['etc/name', 'file', 0o644, 0, 0],
    ['etc/other', 'link', 0o644, 0, 0],
    ['etc/link', 'symlink', 0o777, 0, 0],
    [LONG_PATH, 'file', 0o644, 0, 0],
    ['é', 'file', 0o644, 0, 0],
  ]);
  expect(found[1]?.content).toEqual(contentFor('etc/name', 513));
  expect(found[1]?.header.pax).toEqual({ 'SCHILY.xattr.user.text': 'value' });
  // tar-stream leaves an owner that does not fit in a ustar header to its callers.
  expect(found[5]?.header.pax).toMatchObject({ uid: '3000000' });
  expect(found[2]?.header.linkname).toBe('etc/name');
  expect(found[3]?.header.linkname).toBe('name');
  expect(found.every(({ header }) => header.mtime?.getTime() === 0)).toBe(true);
});
