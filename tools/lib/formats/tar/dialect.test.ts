/**
 * Features of old archives and other tools: made by hand if no tool here writes them, and compared
 * with GNU tar if it reads them.
 */

import { describe, expect, it } from 'vitest';
import { directory, file, symlink } from '../../testing/entries/entries.ts';
import { gnuTar, readAll } from '../../testing/tar/archive.ts';
import { ACCESS_ACL } from '../../testing/tar/every-kind.ts';
import {
  extendedHeader,
  globalHeader,
  header,
  paxRecords,
  type Values,
  withRecords,
} from '../../testing/tar/headers.ts';
import { HEADER, STAR_HEADER } from './format.ts';
import { sealHeader } from './header.ts';
import { encodePax } from './pax.ts';
import { readTarSync } from './reader.ts';
import { TAR_END, tarHeader, tarPadding } from './writer.ts';

const read = (...parts: Uint8Array[]) => readAll(Buffer.concat([...parts, TAR_END])).entries;

describe('headers', () => {
  it('of v7 have no magic, and directories have names that end with a slash', () => {
    const old = (block: Buffer): Buffer => {
      block.fill(0, HEADER.at.magic.offsetBytes);
      sealHeader(block);
      return block;
    };
    const bytes = [old(header({ name: 'd/', typeFlag: '\0' })), old(header({ name: 'f', typeFlag: '\0' }))];
    expect(read(...bytes)).toEqual([directory('d', { mode: 0o644 }), file('f', 0)]);
    expect(gnuTar(['-tf', '-'], Buffer.concat([...bytes, TAR_END])).toString()).toBe('d/\nf\n');
  });

  it('of star have a prefix of 130 bytes, and times after it', () => {
    const block = header({ name: 'name' });
    block.write('pre/fix', STAR_HEADER.at.prefix.offsetBytes);
    block.write('00000000001 00000000002 ', STAR_HEADER.at.atime.offsetBytes);
    sealHeader(block);
    expect(read(block)[0]?.path).toBe('pre/fix/name');
    const bytes = Buffer.concat([block, TAR_END]);
    expect(gnuTar(['-tf', '-'], bytes).toString()).toBe('pre/fix/name\n');
  });

  it('of GNU have other data in place of the prefix', () => {
    const block = header({ name: 'name', format: 'gnu' });
    block.write('00000000001\u000000000000002\u0000', HEADER.at.prefix.offsetBytes, 'latin1');
    sealHeader(block);
    expect(read(block)[0]?.path).toBe('name');
  });

  it('may be those of a contiguous file, a volume label, a directory with a list, or a pax header of Solaris', () => {
    const parts = [
      header({ name: 'Backup', typeFlag: 'V' }),
      header({ name: 'c', typeFlag: '7' }),
      header({ name: 'd/', typeFlag: 'D', sizeBytes: 4, mode: 0o755 }),
      Buffer.from('Yab\0'),
      tarPadding(4),
      extendedHeader('X', encodePax(paxRecords({ path: 'long' }))),
      header(),
    ];
    expect(read(...parts)).toEqual([file('c', 0), directory('d'), file('long', 0)]);
  });

  it.each<[string, Buffer, { seconds: number; nanoseconds: number }]>([
    ['octal', header({ modificationSeconds: 1_700_000_000 }), { seconds: 1_700_000_000, nanoseconds: 0 }],
    [
      'binary before 1970',
      header({ modificationSeconds: -1, format: 'gnu' }),
      { seconds: -1, nanoseconds: 0 },
    ],
    ['pax with a fraction', withRecords({ mtime: '1.5' }), { seconds: 1, nanoseconds: 500_000_000 }],
    [
      'pax with more digits than nanoseconds',
      withRecords({ mtime: '1.1234567899' }),
      { seconds: 1, nanoseconds: 123_456_789 },
    ],
    ['pax before 1970', withRecords({ mtime: '-1.25' }), { seconds: -2, nanoseconds: 750_000_000 }],
    ['pax of a whole second before 1970', withRecords({ mtime: '-3' }), { seconds: -3, nanoseconds: 0 }],
  ])('have a time that is %s', (_what, bytes, time) => {
    const [member] = readTarSync([Buffer.concat([bytes, TAR_END])], 'test.tar');
    expect(member).toMatchObject({ modificationTime: time });
  });
});

describe('pax records', () => {
  it('of one member override global ones, and an empty one cancels a global one', () => {
    const entries = read(
      globalHeader({ uid: '5', gid: '6', comment: 'c0ffee' }),
      header({ uid: 1 }),
      withRecords({ uid: '7', gid: '' }, { gid: 2 }),
      globalHeader({ uid: '' }),
      header({ uid: 1 }),
    );
    expect(entries.map(({ uid, gid }) => [uid, gid])).toEqual([
      [5, 6],
      [7, 2],
      [1, 6],
    ]);
  });

  it('override the size and the device', () => {
    const content = Buffer.alloc(600, 'x');
    const parts = [
      withRecords({ size: '600' }, { name: 'a' }),
      content,
      tarPadding(600),
      withRecords({ 'SCHILY.devmajor': '5', 'SCHILY.devminor': '1' }, { typeFlag: '3' }),
    ];
    const { entries, contents } = readAll(Buffer.concat([...parts, TAR_END]));
    expect(entries).toEqual([
      file('a', 600),
      expect.objectContaining({ type: 'character-device', major: 5, minor: 1 }),
    ]);
    expect(contents.get('a')?.equals(content)).toBe(true);
  });

  it('of several headers for one member are merged', () => {
    const one = withRecords({ path: 'p', uid: '1' }).subarray(0, 1024);
    expect(read(one, withRecords({ uid: '2' }))).toEqual([file('p', 0, { uid: 2 })]);
  });

  it.each(['BINARY', 'ISO-IR 10646 2000 UTF-8'])(
    'in the character set %s leave names unchanged',
    (hdrcharset) => {
      expect(read(withRecords({ hdrcharset, path: Buffer.from('é') }))[0]?.path).toBe('é');
    },
  );

  it.each<[string, Values, string, string | undefined]>([
    ['star and GNU tar', { 'SCHILY.xattr.user.a': 'b\0c' }, 'user.a', '620063'],
    [
      'GNU tar, with characters that a keyword cannot contain',
      { 'SCHILY.xattr.user.a%3Db%25': 'b' },
      'user.a=b%',
      '62',
    ],
    ['libarchive', { 'LIBARCHIVE.xattr.user.a%20b': 'Yg' }, 'user.a b', '62'],
    [
      'libarchive and star, where the raw one counts',
      { 'SCHILY.xattr.user.a': 'x', 'LIBARCHIVE.xattr.user.a': 'Yg' },
      'user.a',
      '78',
    ],
    [
      'tar --selinux',
      { 'RHT.security.selinux': 'u:r:t:s0' },
      'security.selinux',
      Buffer.from('u:r:t:s0\0').toString('hex'),
    ],
    [
      'tar --acls',
      { 'SCHILY.acl.access': 'user::rw-\nuser:1000:r--\ngroup::r--\nmask::r--\nother::---\n' },
      'system.posix_acl_access',
      ACCESS_ACL.toString('hex'),
    ],
    [
      'star, with numbers after the names',
      { 'SCHILY.acl.access': 'user::rw-,user:lisa:r--:1000,group::r--,mask::r--,other::---' },
      'system.posix_acl_access',
      ACCESS_ACL.toString('hex'),
    ],
    [
      'short names of ACL entries',
      { 'SCHILY.acl.access': 'u::rw-,u:1000:r--,g::r--,m:r--,o:---' },
      'system.posix_acl_access',
      ACCESS_ACL.toString('hex'),
    ],
    [
      'an ACL that says the same as the mode',
      { 'SCHILY.acl.access': 'user::rw-,group::r--,other::r--' },
      'system.posix_acl_access',
      undefined,
    ],
  ])('hold attributes in the form of %s', (_what, values, name, hex) => {
    const [entry] = read(withRecords(values));
    const value = entry?.xattrs.get(name);
    expect(value && Buffer.from(value).toString('hex')).toBe(hex);
    expect(entry?.xattrs.size).toBe(hex === undefined ? 0 : 1);
  });

  it.each<[string, Buffer, string]>([
    [
      'in another character set',
      withRecords({ hdrcharset: 'ISO-IR 8859 1 1998', path: 'x' }),
      'are in the character set "ISO-IR 8859 1 1998"',
    ],
    [
      'with a global attribute',
      globalHeader({ 'SCHILY.xattr.user.a': 'b' }),
      'a global header has SCHILY.xattr.user.a',
    ],
    [
      'with a global sparse map',
      globalHeader({ 'GNU.sparse.size': '1' }),
      'a global header has GNU.sparse.size',
    ],
    ['with an attribute without a name', withRecords({ 'SCHILY.xattr.': 'b' }), 'has no name'],
    [
      'with an attribute that is not base64',
      withRecords({ 'LIBARCHIVE.xattr.user.a': '*' }),
      'is not base64',
    ],
    [
      'with an ACL for a name without a number',
      withRecords({ 'SCHILY.acl.access': 'user:lisa:r--' }),
      'names "user:lisa:r--" without a number; archive it with --numeric-owner',
    ],
    [
      'with a malformed ACL',
      withRecords({ 'SCHILY.acl.access': 'constructor::rwx' }),
      'has the malformed entry "constructor::rwx"',
    ],
    [
      'with an mtime that is not a number',
      withRecords({ mtime: 'now' }),
      'its mtime is not a decimal number',
    ],
    [
      'of a sparse symbolic link',
      withRecords({ 'GNU.sparse.size': '0', 'GNU.sparse.numblocks': '0' }, { typeFlag: '2', linkName: 'x' }),
      'it is sparse, but it is a symlink, not a file',
    ],
  ])('%s are refused', (_what, bytes, message) => {
    const attempt = () => read(bytes, header());
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ name: 'UserError' }));
  });
});

describe('an entry that no tar archive can store is refused in one line:', () => {
  it.each([
    ['a socket', { ...file('s', 0), type: 'socket' } as never, {}, 's: a tar archive cannot hold a socket'],
    [
      'an attribute in GNU format',
      file('a', 0, { xattrs: new Map([['user.a', Buffer.of(1)]]) }),
      { format: 'gnu' } as const,
      'a: tar archives of GNU format cannot hold extended attributes',
    ],
    [
      'a device beyond seven digits',
      { ...file('d', 0), type: 'block-device', major: 0o10000000, minor: 0 } as never,
      {},
      'd: the device 2097152:0',
    ],
  ])('%s', (_what, entry, options, message) => {
    expect(() => tarHeader(entry, options)).toThrow(message);
    expect(() => tarHeader(entry, options)).toThrow(expect.objectContaining({ name: 'UserError' }));
  });
});

it('a link in GNU format can have the largest length', () => {
  const entry = symlink('l'.repeat(255), 't'.repeat(4095));
  expect(read(tarHeader(entry, { format: 'gnu' }))).toEqual([entry]);
});
