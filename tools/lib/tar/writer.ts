/**
 * Writes tar members. The bytes depend on the entry alone: time 0, numeric owners, pax records only for what a ustar header cannot
 * hold, sorted by keyword. Sorting and content are the caller's.
 */

import type { Entry } from '../entry/entry.ts';
import {
  BLOCK_BYTES,
  encodeHeader,
  type HeaderFields,
  LINK_NAME_BYTES,
  MAX_OCTAL_ID,
  MAX_OCTAL_SIZE,
  NAME_BYTES,
  PREFIX_BYTES,
  paddingBytes,
  TypeFlag,
} from './header.ts';
import { encodePax, XATTR_PREFIX } from './pax.ts';

/** The end of an archive: two blocks of zeros. */
export const TAR_END = new Uint8Array(2 * BLOCK_BYTES);

const PADDING = new Uint8Array(BLOCK_BYTES);
const SLASH = 0x2f;
const NON_ASCII = /[^\x20-\x7e]/;
/** Where the name of a pax header itself goes; readers that know pax never show it. */
const PAX_HEADER_NAME = Buffer.from('PaxHeader');
const PAX_HEADER_MODE = 0o644;

const TYPE_FLAGS = {
  file: TypeFlag.file,
  hardlink: TypeFlag.hardLink,
  symlink: TypeFlag.symlink,
  'character-device': TypeFlag.characterDevice,
  'block-device': TypeFlag.blockDevice,
  directory: TypeFlag.directory,
  fifo: TypeFlag.fifo,
} as const;

/** The member's name as tar writes it: `./` for the root, a trailing slash for directories. */
function memberName(entry: Entry): string {
  if (entry.path === '') return './';
  return entry.type === 'directory' ? `${entry.path}/` : entry.path;
}

/** Splits a name between the ustar fields `prefix` and `name`; `undefined` where no slash lies right. */
function splitName(name: Uint8Array): { prefix: Uint8Array; name: Uint8Array } | undefined {
  if (name.length <= NAME_BYTES) return { prefix: new Uint8Array(), name };
  const slash = name.lastIndexOf(SLASH, Math.min(PREFIX_BYTES, name.length - 2));
  if (slash <= 0 || name.length - slash - 1 > NAME_BYTES) return undefined;
  return { prefix: name.subarray(0, slash), name: name.subarray(slash + 1) };
}

/** A header with the pax header in front that `records` ask for. */
export function headerWithRecords(fields: HeaderFields, records: ReadonlyMap<string, Uint8Array>): Buffer {
  const header = encodeHeader(fields);
  if (records.size === 0) return header;
  const body = encodePax(records);
  const paxHeader = encodeHeader({
    name: PAX_HEADER_NAME,
    typeFlag: TypeFlag.paxHeader,
    mode: PAX_HEADER_MODE,
    uid: 0,
    gid: 0,
    sizeBytes: body.length,
  });
  return Buffer.concat([paxHeader, body, tarPadding(body.length), header]);
}

/**
 * The blocks in front of an entry's content.
 *
 * @throws RangeError where an extended attribute's name holds an equals sign, which a pax keyword cannot.
 */
export function tarHeader(entry: Entry): Buffer {
  if (entry.type === 'socket') throw new RangeError(`${entry.path}: a tar archive cannot hold a socket`);
  const records = new Map<string, Uint8Array>();
  const path = memberName(entry);
  const pathBytes = Buffer.from(path);
  const split = NON_ASCII.test(path) ? undefined : splitName(pathBytes);
  if (split === undefined) records.set('path', pathBytes);

  const target = entry.type === 'symlink' || entry.type === 'hardlink' ? entry.target : '';
  const targetBytes = Buffer.from(target);
  if (targetBytes.length > LINK_NAME_BYTES || NON_ASCII.test(target)) records.set('linkpath', targetBytes);

  const sizeBytes = entry.type === 'file' ? entry.sizeBytes : 0;
  if (sizeBytes > MAX_OCTAL_SIZE) records.set('size', Buffer.from(String(sizeBytes)));
  if (entry.uid > MAX_OCTAL_ID) records.set('uid', Buffer.from(String(entry.uid)));
  if (entry.gid > MAX_OCTAL_ID) records.set('gid', Buffer.from(String(entry.gid)));
  if (entry.type !== 'hardlink') {
    for (const [name, value] of entry.xattrs) {
      if (name.includes('=')) throw new RangeError(`${entry.path}: the name of xattr ${name} holds "="`);
      records.set(XATTR_PREFIX + name, value);
    }
  }
  const device = entry.type === 'character-device' || entry.type === 'block-device' ? entry : undefined;
  return headerWithRecords(
    {
      name: split?.name ?? pathBytes.subarray(0, NAME_BYTES),
      ...(split === undefined ? {} : { prefix: split.prefix }),
      linkName: targetBytes.subarray(0, LINK_NAME_BYTES),
      typeFlag: TYPE_FLAGS[entry.type],
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      sizeBytes,
      ...(device === undefined ? {} : { major: device.major, minor: device.minor }),
    },
    records,
  );
}

/** The zeros behind `sizeBytes` bytes of content. */
export function tarPadding(sizeBytes: number): Uint8Array {
  return PADDING.subarray(0, paddingBytes(sizeBytes));
}
