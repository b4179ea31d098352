/** Entries with every feature of tar archives, at the sizes around which the encoding changes. */

import type { Entry } from '../../formats/entry/entry.ts';
import { ACL_ENTRY, ACL_HEADER } from '../../formats/tar/format.ts';
import { device, directory, file, hardlink, special, symlink, xattrs } from '../entries/entries.ts';

/** Makes an access control list of [tag, permissions, identifier] for each entry. */
export function aclXattr(entries: readonly (readonly [number, number, number])[]): Buffer {
  const bytes = Buffer.alloc(ACL_HEADER.sizeBytes + ACL_ENTRY.sizeBytes * entries.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  ACL_HEADER.at.a_version.set(view, 2);
  entries.forEach(([tag, permissions, id], index) => {
    const start = ACL_HEADER.sizeBytes + ACL_ENTRY.sizeBytes * index;
    ACL_ENTRY.at.e_tag.set(view, tag, start);
    ACL_ENTRY.at.e_perm.set(view, permissions, start);
    ACL_ENTRY.at.e_id.set(view, id, start);
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

/** Entries that every format can store. */
export const PLAIN_ENTRIES: readonly Entry[] = [
  directory('', { mode: 0o755 }),
  directory('etc', { mode: 0o1777, uid: 7, gid: 8 }),
  file('etc/empty', 0),
  file('etc/name', 513, { mode: 0o4755, uid: 1000, gid: 100 }),
  { ...hardlink('etc/other', 'etc/name'), mode: 0o4755, uid: 1000, gid: 100 },
  symlink('etc/link', '../etc/name'),
];

/** Entries that every format except v7 can store. */
export const DEVICES: readonly Entry[] = [
  { ...device('null', 1, 3), mode: 0o666 },
  { ...device('vda', 254, 0o777777, 'block-device'), mode: 0o660, gid: 6 },
  { ...special('pipe', 'fifo'), uid: 1, gid: 1 },
];

/** Entries that GNU format and pax can store. */
export const LONG_ENTRIES: readonly Entry[] = [
  file('owned', 1, { uid: 4_000_000_000, gid: 3_000_000 }),
  file('n'.repeat(100), 1),
  file('n'.repeat(101), 1),
  file(`${'folder/'.repeat(40)}file`, 2),
  directory('d'.repeat(100)),
  symlink('long', 't'.repeat(101)),
  symlink('longest', `${'t'.repeat(250)}/`.repeat(16)),
  hardlink('linked', 'n'.repeat(101)),
  file('Größe €😀', 3),
  file(`${'é'.repeat(60)}`, 3),
  symlink('göal', 'Größe €😀'),
];

/** Names that are not UTF-8, shorter and longer than the header fields. */
export const BYTE_ENTRIES: readonly Entry[] = [
  file('caf\udce9', 3),
  file(`${'dir\udce9/'.repeat(30)}x`, 3),
  symlink('bytes', 'caf\udce9'),
  symlink('many-bytes', 'caf\udce9'.repeat(40)),
  file('\udcff\udcfe\n\\x', 1),
];

/** Entries that only pax can store. */
export const XATTR_ENTRIES: readonly Entry[] = [
  file('attributes', 4, {
    xattrs: xattrs({
      'security.capability': Buffer.from('0100000200200000000000000000000000000000', 'hex'),
      'user.every': Uint8Array.from({ length: 256 }, (_, index) => index),
      'user.empty': '',
      'user.large': Buffer.alloc(65_536, 'large'),
    }),
  }),
  directory('with-attributes', { xattrs: xattrs({ 'user.a': 'b' }) }),
  // The largest device of Linux. In ustar, libarchive has six digits for each number.
  { ...device('vdb', 4095, 0xfffff, 'block-device'), mode: 0o660, gid: 6 },
  symlink('link-attributes', 'x', { xattrs: xattrs({ 'trusted.a': 'b' }) }),
];
