/**
 * Compares our archives with GNU tar and bsdtar, entry by entry, in both directions. Privileges are
 * not needed, because bsdtar converts archives without extracting them.
 */

import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { directory, file, hardlink, special, symlink } from '../../testing/entries/entries.ts';
import {
  archive,
  bsdTar,
  bsdTarConverted,
  contentFor,
  gnuTar,
  readAll,
  temporaryFolder,
} from '../../testing/tar/archive.ts';
import {
  ACCESS_ACL,
  aclXattr,
  BYTE_ENTRIES,
  DEVICES,
  LONG_ENTRIES,
  PLAIN_ENTRIES,
  XATTR_ENTRIES,
} from '../../testing/tar/every-kind.ts';
import { MemoryImage } from '../block/block.ts';
import { comparePaths, type Entry } from '../entry/entry.ts';
import { decodeName, encodeName } from '../entry/name.ts';
import { scanTar } from './scan.ts';
import type { TarOptions } from './writer.ts';

const folder = temporaryFolder();

const HELD_BY_ALL_BUT_V7: readonly Entry[] = [...PLAIN_ENTRIES, ...DEVICES];
const HELD_BY_GNU: readonly Entry[] = [...HELD_BY_ALL_BUT_V7, ...LONG_ENTRIES, ...BYTE_ENTRIES];
const HELD_BY_PAX: readonly Entry[] = [...HELD_BY_GNU, ...XATTR_ENTRIES];

/** Makes entries comparable, whatever array type their attributes have. */
function plain(entries: readonly Entry[]): unknown[] {
  return entries.map((entry) => ({
    ...entry,
    xattrs: [...entry.xattrs].map(([name, value]) => [name, Buffer.from(value).toString('hex')]).sort(),
  }));
}

function unescaped(text: string): string {
  const bytes = text.replaceAll(/\\([0-7]{3})/g, (_all, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
  return decodeName(Buffer.from(bytes, 'latin1'));
}

/** Describes everything about an entry, except its attributes, in one line. */
function describeEntry(entry: Entry, time: string): string {
  const type = {
    file: 'file',
    hardlink: 'file',
    directory: 'dir',
    symlink: 'link',
    'character-device': 'char',
    'block-device': 'block',
    fifo: 'fifo',
    socket: 'socket',
  }[entry.type];
  const digest =
    entry.type === 'file'
      ? createHash('sha256').update(contentFor(entry.path, entry.sizeBytes)).digest('hex')
      : '';
  const device = entry.type === 'character-device' || entry.type === 'block-device';
  const more = [
    entry.type === 'file' ? `size=${entry.sizeBytes} ${digest}` : '',
    entry.type === 'symlink' ? `-> ${entry.target}` : '',
    device ? `${entry.major},${entry.minor}` : '',
  ].filter((word) => word !== '');
  return [entry.path, type, entry.mode.toString(8), entry.uid, entry.gid, time, ...more].join(' ');
}

/**
 * Lists an archive in the same form with bsdtar, which lists a hard link as a file without content.
 */
function bsdListing(bytes: Uint8Array): string[] {
  const keywords =
    'mtree:!all,mtree:type,mtree:mode,mtree:uid,mtree:gid,mtree:time,mtree:size,mtree:sha256,mtree:link,mtree:device';
  const listing = bsdTar(['-cf', '-', '--format=mtree', `--options=${keywords}`, '@-'], bytes).toString(
    'latin1',
  );
  return listing.split('\n').flatMap((line) => {
    if (!/^\/?\./.test(line)) return [];
    const [name = '', ...words] = line.split(' ');
    const values = new Map(words.map((word) => word.split(/=(.*)/, 2) as [string, string]));
    const value = (keyword: string): string => values.get(keyword) ?? '';
    const [, major = '', minor = ''] = value('device').split(',');
    const isFile = value('type') === 'file' && value('sha256digest') !== '';
    const more = [
      isFile ? `size=${value('size')} ${value('sha256digest')}` : '',
      value('link') === '' ? '' : `-> ${unescaped(value('link'))}`,
      values.has('device') ? `${Number(major)},${Number(minor)}` : '',
    ].filter((word) => word !== '');
    const path = unescaped(name).replace(/^\/?\.\/?/, '');
    return [
      [path, value('type'), value('mode'), value('uid'), value('gid'), value('time'), ...more].join(' '),
    ];
  });
}

describe('bsdtar lists the entries of our archives', () => {
  it.each<[string, readonly Entry[], TarOptions, string]>([
    ['pax', HELD_BY_PAX, {}, '0.0'],
    ['gnu', HELD_BY_GNU, { format: 'gnu' }, '0.0'],
    [
      'pax with a time before 1970',
      HELD_BY_PAX,
      { modificationTime: { seconds: -5, nanoseconds: 250_000_000 } },
      '-4.750000000',
    ],
    [
      'gnu with a time before 1970',
      HELD_BY_GNU,
      { format: 'gnu', modificationTime: { seconds: -5, nanoseconds: 0 } },
      '-5.0',
    ],
    [
      'pax with a time beyond 2242',
      PLAIN_ENTRIES,
      { modificationTime: { seconds: 2 ** 34, nanoseconds: 1 } },
      '17179869184.1',
    ],
  ])('%s', (_what, entries, options, time) => {
    // mtree has no hard links: libarchive lists their names as files without content.
    const files = entries.filter(({ type }) => type !== 'hardlink');
    const listed = bsdListing(archive(files, {}, options));
    const expected = files.map((entry) => describeEntry(entry, time));
    expect(listed.sort()).toEqual(expected.sort());
  });

  it('with access control lists as text, which both tools understand', () => {
    const entry = file('a', 0, { mode: 0o640, xattrs: new Map([['system.posix_acl_access', ACCESS_ACL]]) });
    const bytes = archive([entry], {}, { acls: 'text' });
    expect(bsdTar(['-tvf', '-'], bytes).toString()).toMatch(/^-rw-r-----\+/);
    expect(gnuTar(['--acls', '-tvvf', '-'], bytes).toString()).toContain(
      '  a: user::rw-,user:1000:r--,group::r--,mask::r--,other::---\n',
    );
    expect(plain(readAll(bytes).entries)).toEqual(plain([entry]));
  });
});

describe('GNU tar lists the entries of our archives', () => {
  it.each<[string, readonly Entry[], TarOptions]>([
    ['pax', HELD_BY_PAX, {}],
    ['gnu', HELD_BY_GNU, { format: 'gnu' }],
  ])('%s', (_what, entries, options) => {
    const args = [
      '--numeric-owner',
      '--xattrs',
      '--xattrs-include=*',
      '--quoting-style=escape',
      '-tvvf',
      '-',
    ];
    const listing = gnuTar(args, archive(entries, {}, options))
      .toString('latin1')
      .split('\n');
    const letters = {
      file: '-',
      directory: 'd',
      symlink: 'l',
      hardlink: 'h',
      'character-device': 'c',
      'block-device': 'b',
      fifo: 'p',
      socket: 's',
    };
    const escaped = (name: string): string =>
      encodeName(name)
        .toString('latin1')
        .replaceAll('\\', '\\\\')
        .replaceAll('\n', '\\n')
        .replaceAll(/[\x80-\xff]/g, (byte) => `\\${byte.charCodeAt(0).toString(8)}`);
    const expected = entries.flatMap((entry) => {
      const name = entry.path === '' ? './' : escaped(entry.path) + (entry.type === 'directory' ? '/' : '');
      const place =
        'target' in entry ? `${entry.type === 'symlink' ? ' -> ' : ' link to '}${escaped(entry.target)}` : '';
      const size =
        entry.type === 'file'
          ? String(entry.sizeBytes)
          : 'major' in entry
            ? `${entry.major},${entry.minor}`
            : '0';
      const names = [...entry.xattrs.keys()].sort();
      const attributes = names.map((key) => `  x: ${entry.xattrs.get(key)?.length} ${key}`);
      return [`${letters[entry.type]} ${entry.uid}/${entry.gid} ${size} ${name}${place}`, ...attributes];
    });
    const found = listing
      .filter((line) => line !== '')
      .map((line) => {
        const match = /^(\S)\S{9}[*+.]? +(\S+) +(\S+) \S+ \S+ (.*)$/.exec(line);
        return match === null ? line : match.slice(1).join(' ');
      });
    expect(found).toEqual(expected);
  });
});

describe('our reader finds the entries of archives of bsdtar', () => {
  const pax = archive(HELD_BY_PAX);

  it.each<[string, readonly Entry[], readonly string[]]>([
    ['pax', HELD_BY_PAX, []],
    ['pax', HELD_BY_PAX, ['--options=pax:xattrheader=LIBARCHIVE']],
    ['pax', HELD_BY_PAX, ['--options=pax:xattrheader=SCHILY']],
    ['paxr', HELD_BY_PAX, []],
    ['gnutar', HELD_BY_GNU, []],
    ['ustar', HELD_BY_ALL_BUT_V7, []],
    ['v7tar', PLAIN_ENTRIES, []],
  ])('in its format %s', (format, entries, options) => {
    const source = entries === HELD_BY_PAX ? pax : archive(entries);
    const { entries: found, contents } = readAll(bsdTarConverted(source, format, options));
    // The mode of a symbolic link depends on the system.
    const known = (list: readonly Entry[]) =>
      plain(list.map((entry) => (entry.type === 'symlink' ? { ...entry, mode: 0o777 } : entry)));
    expect(known(found)).toEqual(known(entries));
    for (const entry of entries) {
      if (entry.type === 'file')
        expect(contents.get(entry.path)).toEqual(contentFor(entry.path, entry.sizeBytes));
    }
  });

  it('access control lists become the attributes of Linux', () => {
    const defaultAcl = aclXattr([
      [0x01, 7, 0xffffffff],
      [0x04, 5, 0xffffffff],
      [0x08, 7, 12],
      [0x10, 7, 0xffffffff],
      [0x20, 0, 0xffffffff],
    ]);
    const entries: Entry[] = [
      {
        ...(PLAIN_ENTRIES[1] as Entry),
        mode: 0o750,
        xattrs: new Map([['system.posix_acl_default', defaultAcl]]),
      },
      file('a', 0, { mode: 0o640, xattrs: new Map([['system.posix_acl_access', ACCESS_ACL]]) }),
    ];
    const converted = bsdTarConverted(archive(entries, {}, { acls: 'text' }), 'pax');
    expect(plain(readAll(converted).entries)).toEqual(plain(entries));
  });
});

it('GNU tar extracts our archive and archives the result with the same entries and attributes', () => {
  const root = join(folder(), 'again');
  mkdirSync(root);
  const entries: Entry[] = [
    directory('d', { mode: 0o750, xattrs: new Map([['user.a=b%', Buffer.from([0, 10, 255])]]) }),
    file('d/f', 700, { mode: 0o640, xattrs: new Map([['user.long', Buffer.alloc(1000, 'long')]]) }),
    { ...hardlink('d/g', 'd/f'), mode: 0o640 },
    file('d/caf\udce9', 3),
    symlink('d/l', '../caf\udce9'),
    { ...special('d/p', 'fifo'), mode: 0o644 },
  ];
  const attributes = ['--xattrs', '--xattrs-include=*'];
  gnuTar([...attributes, '--no-same-owner', '-xpf', '-', '-C', root], archive(entries));
  const options = [...attributes, '--format=posix', '--owner=0', '--group=0', '--sort=name', '--mtime=@0'];
  const again = readAll(gnuTar([...options, '-cf', '-', '-C', root, 'd']));
  const sorted = entries.toSorted((left, right) => comparePaths(left.path, right.path));
  // Both archives are sorted, so the later of two names is the hard link.
  expect(plain(again.entries.filter(({ type }) => type !== 'hardlink'))).toEqual(
    plain(sorted.filter(({ type }) => type !== 'hardlink')),
  );
  expect(again.contents.get('d/f')).toEqual(contentFor('d/f', 700));
});

describe('a scan that reads only headers', () => {
  it.each(['ours', 'pax', 'gnutar', 'ustar', 'v7tar'])(
    'finds the same entries as a complete read: %s',
    (format) => {
      const bytes =
        format === 'ours' ? archive(HELD_BY_PAX) : bsdTarConverted(archive(PLAIN_ENTRIES), format);
      const image = new MemoryImage(bytes.length);
      image.write(0, bytes);
      const { entries, contents } = readAll(bytes);
      const members = [...scanTar(image, 'test.tar')];
      expect(members.map(({ entry }) => entry)).toEqual(entries);
      for (const { entry, dataOffsetBytes } of members) {
        if (entry.type !== 'file') continue;
        expect(Buffer.from(image.read(dataOffsetBytes, entry.sizeBytes))).toEqual(contents.get(entry.path));
      }
    },
  );
});
