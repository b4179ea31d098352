/** Builds trees with the boundary cases of the format. */

import type { Entry } from '../../formats/entry/entry.ts';
import { decodeName } from '../../formats/entry/name.ts';
import { device, directory, file, hardlink, special, symlink, xattrs } from '../entries/entries.ts';
import { ACL } from '../entries/sample-acl.ts';
import { noise, prose } from '../noise.ts';
import { type TestTree, tree } from './erofs-image.ts';

const BLOCK = 4096;
const KIB = 1024;

function name(bytes: readonly number[]): string {
  return decodeName(Uint8Array.from(bytes));
}

/**
 * Sizes around one block, around the space after a 32-byte inode, and around one compressed piece.
 */
const SIZES = [
  0,
  1,
  BLOCK - 33,
  BLOCK - 32,
  BLOCK - 31,
  BLOCK - 1,
  BLOCK,
  BLOCK + 1,
  2 * BLOCK - 1,
  2 * BLOCK,
  65_535,
  65_536,
  65_537,
  69_632,
  69_633,
  1_000_000,
];

export function sizesTree(): TestTree {
  const contents: Record<string, Uint8Array> = {};
  const entries: Entry[] = [];
  for (const size of SIZES) {
    for (const [kind, content] of [
      ['noise', noise(size, size + 1)],
      ['prose', prose(size, size + 1)],
      ['zeros', Buffer.alloc(size)],
    ] as const) {
      const path = `${kind}-${size}`;
      entries.push(file(path, size));
      contents[path] = content;
    }
  }
  contents['mixed'] = Buffer.concat([
    prose(100_000),
    noise(200_000),
    Buffer.alloc(300_000),
    prose(123_456, 9),
  ]);
  entries.push(file('mixed', contents['mixed'].length));
  return tree(entries, contents);
}

export function typesTree(): TestTree {
  return tree([
    directory('', { mode: 0o1755, uid: 3, gid: 4 }),
    device('char', 10, 256, 'character-device'),
    device('char-max', 0xfff, 0xfffff, 'character-device'),
    device('block', 259, 3, 'block-device'),
    special('fifo', 'fifo'),
    special('socket', 'socket'),
    symlink('link', 'dir/file'),
    symlink('link-dangling', '../../no/such'),
    symlink('link-in-block', 'x'.repeat(4065)),
    symlink('link-longest', 'y'.repeat(4095)),
    directory('dir', { mode: 0o2751, uid: 65_536, gid: 80_000 }),
    directory('dir/empty', { mode: 0 }),
    file('dir/file', 5000, { mode: 0o4711, uid: 4_000_000_000, gid: 65_535 }),
    hardlink('dir/again', 'dir/file'),
    hardlink('a-first', 'dir/again'),
    file('owner-16-bits', 3, { uid: 65_535, gid: 65_535 }),
    file('owner-17-bits', 3, { uid: 65_536 }),
  ]);
}

export function namesTree(): TestTree {
  const many = Array.from({ length: 3000 }, (_, index) => file(`many/näme-${index}`, 0));
  const long = Array.from({ length: 40 }, (_, index) => file(`long/${'x'.repeat(252)}${100 + index}`, index));
  const odd = [
    '!',
    '#a',
    '-',
    '.a',
    '.-',
    '..a',
    '..-',
    '...',
    '~',
    'a b',
    'a\nb',
    'ä',
    '\u{ffff}',
    '\u{10000}',
    '\\',
  ];
  return tree([
    directory('many'),
    ...many,
    directory('long'),
    ...long,
    directory('odd'),
    ...odd.map((text) => file(`odd/${text}`, 1)),
    file(`odd/${name([0xff, 0xfe, 0x41])}`, 2),
    file(`odd/${name([0x80])}`, 3),
    symlink(`odd/link-${name([0xc3])}`, name([0xed, 0xa0, 0x80])),
    directory('a'),
    file('a/b', 1),
    file('a!', 1),
    file('a0', 1),
    directory(Array.from({ length: 1 }, () => 'deep').join('/')),
    ...Array.from({ length: 100 }, (_, depth) => directory(`deep${'/d'.repeat(depth + 1)}`)),
  ]);
}

export function xattrsTree(): TestTree {
  const label = xattrs({ 'security.selinux': 'system_u:object_r:usr_t:s0\0' });
  const labels = Array.from({ length: 300 }, (_, index) =>
    file(`labels/${index}`, index * 20, {
      xattrs: index % 3 === 0 ? new Map(label) : new Map([...label, ...xattrs({ 'user.own': `${index}` })]),
    }),
  );
  const manyShared = xattrs(
    Object.fromEntries(Array.from({ length: 130 }, (_, index) => [`user.many-${index}`, `${index}`])),
  );
  return tree([
    directory('', { xattrs: label }),
    directory('labels', { xattrs: label }),
    ...labels,
    file('acl', 0, { mode: 0o640, xattrs: new Map([['system.posix_acl_access', ACL]]) }),
    directory('acl-dir', {
      xattrs: new Map([
        ['system.posix_acl_access', ACL],
        ['system.posix_acl_default', ACL],
      ]),
    }),
    file('capability', 10, {
      xattrs: xattrs({
        'security.capability': Buffer.from('0100000200200000000000000000000000000000', 'hex'),
      }),
    }),
    file('trusted', 10, { xattrs: xattrs({ 'trusted.overlay.opaque': 'y', 'user.empty': '' }) }),
    file('large', 5000, { xattrs: xattrs({ 'user.large': noise(60 * KIB) }) }),
    file('largest', 5, {
      xattrs: xattrs({ 'user.a': noise(65_535, 3), 'user.b': noise(65_535, 5), 'user.c': noise(65_535, 7) }),
    }),
    file('long-name', 5, { xattrs: xattrs({ [`user.${'n'.repeat(250)}`]: 'v' }) }),
    file('large-twin-1', 1, { xattrs: xattrs({ 'user.twin': noise(5000, 11) }) }),
    file('large-twin-2', 1, { xattrs: xattrs({ 'user.twin': noise(5000, 11) }) }),
    file('many-1', 1, { xattrs: manyShared }),
    file('many-2', 1, { xattrs: new Map(manyShared) }),
    symlink('link', 'target', { xattrs: label }),
  ]);
}
