/** Entries that have all that tar archives can hold, at the sizes where the way in which it is held changes. */

import type { Entry } from '../../formats/entry/entry.ts';
import { directory, file, hardLink, symlink } from './archive.ts';

const NONE = new Map<string, Uint8Array>();

/** posix_acl_xattr.h: [tag, permissions, identifier] of each entry. */
export function aclXattr(entries: readonly (readonly [number, number, number])[]): Buffer {
  const bytes = Buffer.alloc(4 + 8 * entries.length);
  bytes.writeUInt32LE(2);
  entries.forEach(([tag, permissions, id], index) => {
    bytes.writeUInt16LE(tag, 4 + 8 * index);
    bytes.writeUInt16LE(permissions, 6 + 8 * index);
    bytes.writeUInt32LE(id, 8 + 8 * index);
  });
  return bytes;
}

/** `user::rw-,user:1000:r--,group::r--,mask::r--,other::---` */
export const ACCESS_ACL = aclXattr([
  [0x01, 6, 0xffffffff],
  [0x02, 4, 1000],
  [0x04, 4, 0xffffffff],
  [0x10, 4, 0xffffffff],
  [0x20, 0, 0xffffffff],
]);

/** What every format can hold, v7 but for the devices and the fifo. */
export const PLAIN_ENTRIES: readonly Entry[] = [
  directory('', { mode: 0o755 }),
  directory('etc', { mode: 0o1777, uid: 7, gid: 8 }),
  file('etc/empty', 0),
  file('etc/name', 513, { mode: 0o4755, uid: 1000, gid: 100 }),
  hardLink('etc/other', 'etc/name', { mode: 0o4755, uid: 1000, gid: 100 }),
  symlink('etc/link', '../etc/name'),
];

export const DEVICES: readonly Entry[] = [
  { type: 'character-device', path: 'null', major: 1, minor: 3, mode: 0o666, uid: 0, gid: 0, xattrs: NONE },
  {
    type: 'block-device',
    path: 'vda',
    major: 254,
    minor: 0o777777,
    mode: 0o660,
    uid: 0,
    gid: 6,
    xattrs: NONE,
  },
  { type: 'fifo', path: 'pipe', mode: 0o600, uid: 1, gid: 1, xattrs: NONE },
];

/** What GNU format and pax can hold. */
export const LONG_ENTRIES: readonly Entry[] = [
  file('owned', 1, { uid: 4_000_000_000, gid: 3_000_000 }),
  file('n'.repeat(100), 1),
  file('n'.repeat(101), 1),
  file(`${'folder/'.repeat(40)}file`, 2),
  directory('d'.repeat(100)),
  symlink('long', 't'.repeat(101)),
  symlink('longest', `${'t'.repeat(250)}/`.repeat(16)),
  hardLink('linked', 'n'.repeat(101)),
  file('Größe €😀', 3),
  file(`${'é'.repeat(60)}`, 3),
  symlink('göal', 'Größe €😀'),
];

/** Names of bytes that are not UTF-8, within header fields and beyond them. */
export const BYTE_ENTRIES: readonly Entry[] = [
  file('caf\udce9', 3),
  file(`${'dir\udce9/'.repeat(30)}x`, 3),
  symlink('bytes', 'caf\udce9'),
  symlink('many-bytes', 'caf\udce9'.repeat(40)),
  file('\udcff\udcfe\n\\x', 1),
];

/** What pax alone can hold. */
export const XATTR_ENTRIES: readonly Entry[] = [
  file('attributes', 4, {
    xattrs: new Map<string, Uint8Array>([
      ['security.capability', Buffer.from('0100000200200000000000000000000000000000', 'hex')],
      ['user.every', Uint8Array.from({ length: 256 }, (_, index) => index)],
      ['user.empty', Buffer.alloc(0)],
      ['user.large', Buffer.alloc(65_536, 'large')],
    ]),
  }),
  directory('with-attributes', { xattrs: new Map([['user.a', Buffer.from('b')]]) }),
  // The largest device of Linux; ustar of libarchive has six digits for each number.
  {
    type: 'block-device',
    path: 'vdb',
    major: 4095,
    minor: 0xfffff,
    mode: 0o660,
    uid: 0,
    gid: 6,
    xattrs: NONE,
  },
  symlink('link-attributes', 'x', { xattrs: new Map([['trusted.a', Buffer.from('b')]]) }),
];
