/** Extended attributes: struct erofs_xattr_ibody_header and struct erofs_xattr_entry in Linux's erofs_fs.h. */
import { decodeName, encodeName, nameBytes } from '../entry/name.ts';
import { alignUp } from './layout.ts';

/** struct erofs_xattr_ibody_header: what begins the attributes of an inode. */
export const BODY_HEADER_BYTES = 12;
/** struct erofs_xattr_entry: lengths before a name and its value. */
const ENTRY_HEADER_BYTES = 4;
const ALIGNMENT_BYTES = 4;
/** A shared attribute is named by its place, in units of so many bytes. */
export const SHARED_ID_BYTES = 4;
/** EROFS_MAX_SHARED_XATTRS: one inode names at most so many. */
export const MAXIMUM_SHARED = 128;
/** XATTR_NAME_MAX in Linux: of whole names, prefix included. */
const MAXIMUM_NAME_BYTES = 255;
const MAXIMUM_VALUE_BYTES = 0xffff;
/** EROFS_XATTR_LONG_PREFIX: the other bits are the number of one of the image's own prefixes. */
const LONG_PREFIX_BIT = 0x80;

/** EROFS_XATTR_INDEX_*: what a number stands for. The whole names come first, they are no prefixes. */
const PREFIXES: readonly { readonly index: number; readonly prefix: string; readonly whole?: true }[] = [
  { index: 2, prefix: 'system.posix_acl_access', whole: true },
  { index: 3, prefix: 'system.posix_acl_default', whole: true },
  { index: 1, prefix: 'user.' },
  { index: 4, prefix: 'trusted.' },
  { index: 6, prefix: 'security.' },
];

/** Thrown for attributes that cannot be stored, or cannot be read; the message is a clause. */
export class XattrError extends Error {}

/** An attribute as it is stored: encoded, with the padding behind it. */
export function encodeXattr(fullName: string, value: Uint8Array): Uint8Array {
  const found = PREFIXES.find(({ prefix, whole }) =>
    whole ? fullName === prefix : fullName.startsWith(prefix),
  );
  if (found === undefined) {
    throw new XattrError(
      `its extended attribute ${fullName} is in a namespace that EROFS does not store (user., trusted., security., ` +
        'system.posix_acl_access and system.posix_acl_default are)',
    );
  }
  const name = encodeName(fullName.slice(found.prefix.length));
  if (!found.whole && name.length === 0)
    throw new XattrError(`its extended attribute ${fullName} has no name`);
  if (nameBytes(fullName) > MAXIMUM_NAME_BYTES) {
    throw new XattrError(`its extended attribute ${fullName} has a name of over ${MAXIMUM_NAME_BYTES} bytes`);
  }
  if (value.length > MAXIMUM_VALUE_BYTES) {
    throw new XattrError(
      `its extended attribute ${fullName} has ${value.length} bytes, and EROFS takes ${MAXIMUM_VALUE_BYTES}`,
    );
  }
  const bytes = new Uint8Array(alignUp(ENTRY_HEADER_BYTES + name.length + value.length, ALIGNMENT_BYTES));
  bytes[0] = name.length;
  bytes[1] = found.index;
  bytes[2] = value.length & 0xff;
  bytes[3] = value.length >>> 8;
  bytes.set(name, ENTRY_HEADER_BYTES);
  bytes.set(value, ENTRY_HEADER_BYTES + name.length);
  return bytes;
}

/** Writes the attributes of an inode at the start of `bytes`, which are zero. */
export function encodeBody(
  bytes: Uint8Array,
  sharedIds: readonly number[],
  inline: readonly Uint8Array[],
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint8(4, sharedIds.length);
  let offset = BODY_HEADER_BYTES;
  for (const id of sharedIds) {
    view.setUint32(offset, id, true);
    offset += SHARED_ID_BYTES;
  }
  for (const xattr of inline) {
    bytes.set(xattr, offset);
    offset += xattr.length;
  }
}

/** A longer prefix that an image defines for its names. */
export interface LongPrefix {
  readonly baseIndex: number;
  readonly infix: Uint8Array;
}

/** Reads the list of an image's own prefixes: a length of 16 bits, the number of the base prefix, the rest of the name. */
export function decodeLongPrefix(bytes: Uint8Array): LongPrefix {
  if (bytes.length === 0) throw new XattrError('a prefix of the names of extended attributes is empty');
  return { baseIndex: bytes[0] as number, infix: bytes.slice(1) };
}

function prefixOf(index: number, longPrefixes: readonly LongPrefix[]): { prefix: string; infix: Uint8Array } {
  const long = (index & LONG_PREFIX_BIT) === 0 ? undefined : longPrefixes[index & ~LONG_PREFIX_BIT];
  const base = long?.baseIndex ?? index;
  const found = PREFIXES.find((candidate) => candidate.index === base);
  if (found === undefined) throw new XattrError(`an extended attribute has the unknown prefix ${index}`);
  return { prefix: found.prefix, infix: long?.infix ?? new Uint8Array(0) };
}

/** How many bytes the attribute has whose first four are given, padding included. */
export function xattrBytes(header: Uint8Array): number {
  const valueBytes = (header[2] as number) | ((header[3] as number) << 8);
  return alignUp(ENTRY_HEADER_BYTES + (header[0] as number) + valueBytes, ALIGNMENT_BYTES);
}

/** Reads an attribute from bytes that begin with it and have all of it. */
export function decodeXattr(bytes: Uint8Array, longPrefixes: readonly LongPrefix[]): [string, Uint8Array] {
  const nameEnd = ENTRY_HEADER_BYTES + (bytes[0] as number);
  const { prefix, infix } = prefixOf(bytes[1] as number, longPrefixes);
  const suffix = bytes.subarray(ENTRY_HEADER_BYTES, nameEnd);
  const name = prefix + decodeName(infix.length === 0 ? suffix : Buffer.concat([infix, suffix]));
  const valueBytes = (bytes[2] as number) | ((bytes[3] as number) << 8);
  return [name, bytes.slice(nameEnd, nameEnd + valueBytes)];
}

export interface StoredBody {
  readonly sharedIds: readonly number[];
  readonly inline: readonly (readonly [string, Uint8Array])[];
}

/** Reads the attributes of an inode. */
export function decodeBody(bytes: Uint8Array, longPrefixes: readonly LongPrefix[]): StoredBody {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sharedCount = view.getUint8(4);
  let offset = BODY_HEADER_BYTES + sharedCount * SHARED_ID_BYTES;
  if (offset > bytes.length) throw new XattrError('its list of shared extended attributes is too long');
  const sharedIds = Array.from({ length: sharedCount }, (_, index) =>
    view.getUint32(BODY_HEADER_BYTES + index * SHARED_ID_BYTES, true),
  );
  const inline: [string, Uint8Array][] = [];
  // No attribute is shorter than its header; mkfs.erofs may leave room at the end, which is zero.
  while (offset + ENTRY_HEADER_BYTES <= bytes.length && view.getUint32(offset, true) !== 0) {
    const entry = bytes.subarray(offset);
    const length = xattrBytes(entry);
    if (length > entry.length) throw new XattrError('an extended attribute is cut off');
    inline.push(decodeXattr(entry, longPrefixes));
    offset += length;
  }
  return { sharedIds, inline };
}
