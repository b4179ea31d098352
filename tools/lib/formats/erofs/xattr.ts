/** Encodes and decodes extended attributes. */
import { decodeName, encodeName, nameBytes } from '../entry/name.ts';
import { viewOf } from '../structure/view.ts';
import { alignUp, SHARED_XATTR, XATTR_BODY_HEADER, XATTR_ENTRY, XATTR_LONG_PREFIX } from './format.ts';

const ENTRY = XATTR_ENTRY.at;
/** EROFS_XATTR_ALIGN: each attribute begins at a multiple of the size of its header. */
const ALIGNMENT_BYTES = XATTR_ENTRY.sizeBytes;
/** EROFS_MAX_SHARED_XATTRS: the most shared attributes of one inode. */
export const MAXIMUM_SHARED = 128;
/** XATTR_NAME_MAX in Linux: the limit of a whole name, with its prefix. */
const MAXIMUM_NAME_BYTES = 255;
const MAXIMUM_VALUE_BYTES = 0xffff;
/**
 * EROFS_XATTR_LONG_PREFIX: the other bits are the number of a long prefix, which the image defines.
 */
const LONG_PREFIX_BIT = 0x80;

/** EROFS_XATTR_INDEX_*. Indexes that represent a whole name come first. */
const PREFIXES: readonly { readonly index: number; readonly prefix: string; readonly whole?: true }[] = [
  { index: 2, prefix: 'system.posix_acl_access', whole: true },
  { index: 3, prefix: 'system.posix_acl_default', whole: true },
  { index: 1, prefix: 'user.' },
  { index: 4, prefix: 'trusted.' },
  { index: 6, prefix: 'security.' },
];

/** Thrown for attributes that cannot be stored or read. Callers add the place to the message. */
export class XattrError extends Error {}

/**
 * Encodes an attribute and the padding after it.
 *
 * @throws XattrError if EROFS cannot store the attribute
 */
export function encodeXattr(fullName: string, value: Uint8Array): Uint8Array {
  const found = PREFIXES.find(({ prefix, whole }) =>
    whole ? fullName === prefix : fullName.startsWith(prefix),
  );
  if (found === undefined) {
    throw new XattrError(
      `its extended attribute ${fullName} is in a namespace that EROFS does not store; it stores user., trusted., ` +
        'security., system.posix_acl_access and system.posix_acl_default',
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
      `its extended attribute ${fullName} has ${value.length} bytes, and EROFS stores at most ${MAXIMUM_VALUE_BYTES}`,
    );
  }
  const nameStart = XATTR_ENTRY.sizeBytes;
  const bytes = new Uint8Array(alignUp(nameStart + name.length + value.length, ALIGNMENT_BYTES));
  const view = viewOf(bytes);
  ENTRY.e_name_len.set(view, name.length);
  ENTRY.e_name_index.set(view, found.index);
  ENTRY.e_value_size.set(view, value.length);
  bytes.set(name, nameStart);
  bytes.set(value, nameStart + name.length);
  return bytes;
}

/** Writes the attributes of an inode at the start of `bytes`, which must be zero. */
export function encodeBody(
  bytes: Uint8Array,
  sharedIds: readonly number[],
  inline: readonly Uint8Array[],
): void {
  const view = viewOf(bytes);
  XATTR_BODY_HEADER.at.h_shared_count.set(view, sharedIds.length);
  let offset = XATTR_BODY_HEADER.sizeBytes;
  for (const id of sharedIds) {
    SHARED_XATTR.at.h_shared_xattr.set(view, id, offset);
    offset += SHARED_XATTR.sizeBytes;
  }
  for (const xattr of inline) {
    bytes.set(xattr, offset);
    offset += xattr.length;
  }
}

/** A long prefix of names: the prefix of an index, and more bytes after it. */
export interface LongPrefix {
  readonly baseIndex: number;
  readonly infix: Uint8Array;
}

/** Decodes a long prefix from its bytes, which begin with their length. */
export function decodeLongPrefix(bytes: Uint8Array): LongPrefix {
  if (bytes.length < XATTR_LONG_PREFIX.sizeBytes)
    throw new XattrError('a prefix of the names of extended attributes is empty');
  return {
    baseIndex: XATTR_LONG_PREFIX.at.base_index.get(viewOf(bytes)),
    infix: bytes.slice(XATTR_LONG_PREFIX.sizeBytes),
  };
}

function prefixOf(index: number, longPrefixes: readonly LongPrefix[]): { prefix: string; infix: Uint8Array } {
  const long = (index & LONG_PREFIX_BIT) === 0 ? undefined : longPrefixes[index & ~LONG_PREFIX_BIT];
  const base = long?.baseIndex ?? index;
  const found = PREFIXES.find((candidate) => candidate.index === base);
  if (found === undefined) throw new XattrError(`an extended attribute has the unknown prefix ${index}`);
  return { prefix: found.prefix, infix: long?.infix ?? new Uint8Array(0) };
}

/** Computes the size of an attribute, with its padding, from its header. */
export function xattrBytes(header: Uint8Array): number {
  const view = viewOf(header);
  const contentBytes = ENTRY.e_name_len.get(view) + ENTRY.e_value_size.get(view);
  return alignUp(XATTR_ENTRY.sizeBytes + contentBytes, ALIGNMENT_BYTES);
}

/** Decodes the attribute at the start of `bytes`, which must contain the whole attribute. */
export function decodeXattr(bytes: Uint8Array, longPrefixes: readonly LongPrefix[]): [string, Uint8Array] {
  const view = viewOf(bytes);
  const nameEnd = XATTR_ENTRY.sizeBytes + ENTRY.e_name_len.get(view);
  const { prefix, infix } = prefixOf(ENTRY.e_name_index.get(view), longPrefixes);
  const suffix = bytes.subarray(XATTR_ENTRY.sizeBytes, nameEnd);
  const name = prefix + decodeName(infix.length === 0 ? suffix : Buffer.concat([infix, suffix]));
  return [name, bytes.slice(nameEnd, nameEnd + ENTRY.e_value_size.get(view))];
}

export interface StoredBody {
  readonly sharedIds: readonly number[];
  readonly inline: readonly (readonly [string, Uint8Array])[];
}

/** Decodes the attributes of an inode. */
export function decodeBody(bytes: Uint8Array, longPrefixes: readonly LongPrefix[]): StoredBody {
  const view = viewOf(bytes);
  const sharedCount = XATTR_BODY_HEADER.at.h_shared_count.get(view);
  const headerBytes = XATTR_BODY_HEADER.sizeBytes;
  let offset = headerBytes + sharedCount * SHARED_XATTR.sizeBytes;
  if (offset > bytes.length) throw new XattrError('its list of shared extended attributes is too long');
  const sharedIds = Array.from({ length: sharedCount }, (_, index) =>
    SHARED_XATTR.at.h_shared_xattr.get(view, headerBytes + index * SHARED_XATTR.sizeBytes),
  );
  const inline: [string, Uint8Array][] = [];
  // mkfs.erofs may leave unused space at the end, which is zero.
  while (offset + XATTR_ENTRY.sizeBytes <= bytes.length && !isUnused(view, offset)) {
    const entry = bytes.subarray(offset);
    const length = xattrBytes(entry);
    if (length > entry.length) throw new XattrError('an extended attribute is cut off');
    inline.push(decodeXattr(entry, longPrefixes));
    offset += length;
  }
  return { sharedIds, inline };
}

function isUnused(view: DataView, offset: number): boolean {
  return (
    ENTRY.e_name_len.get(view, offset) === 0 &&
    ENTRY.e_name_index.get(view, offset) === 0 &&
    ENTRY.e_value_size.get(view, offset) === 0
  );
}
