/** Extended attributes, in the inode's body and in a block: "Extended Attributes" in the kernel's ext4 documentation. */
import type { Xattrs } from '../entry/entry.ts';
import { aclFromDisk, aclToDisk } from './acl.ts';
import { crc32c, crc32cWord } from './crc32c.ts';
import { BODY_XATTR_OFFSET_BYTES, INODE_BYTES } from './inode.ts';

const MAGIC = 0xea020000;
/** In the inode: the magic number alone. */
const BODY_HEADER_BYTES = 4;
/** struct ext4_xattr_header. */
const BLOCK_HEADER_BYTES = 32;
const ENTRY_HEADER_BYTES = 16;
/** Four zero bytes end the list of entries. */
const END_BYTES = 4;
const ALIGNMENT = 4;
const MAXIMUM_NAME_BYTES = 255;
const CHECKSUM_OFFSET = 0x10;
/** Inodes that may share one block (EXT4_XATTR_REFCOUNT_MAX in Linux). */
export const MAXIMUM_REFERENCES = 1024;

/** e_name_index: what a number stands for. The whole name comes before the prefixes that it begins with. */
const NAME_PREFIXES: readonly { readonly index: number; readonly prefix: string; readonly whole?: true }[] = [
  { index: 2, prefix: 'system.posix_acl_access', whole: true },
  { index: 3, prefix: 'system.posix_acl_default', whole: true },
  { index: 1, prefix: 'user.' },
  { index: 4, prefix: 'trusted.' },
  { index: 6, prefix: 'security.' },
];
const ACL_INDEXES: ReadonlySet<number> = new Set([2, 3]);

/** An attribute as it is stored: prefix as a number, access control lists in ext4's own form. */
export interface StoredXattr {
  readonly nameIndex: number;
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

/** Thrown for attributes that cannot be stored, or cannot be read; the message is a clause. */
export class XattrError extends Error {}

function toStored(fullName: string, value: Uint8Array): StoredXattr {
  const found = NAME_PREFIXES.find(({ prefix, whole }) =>
    whole ? fullName === prefix : fullName.startsWith(prefix),
  );
  if (found === undefined) {
    throw new XattrError(
      `its extended attribute ${fullName} is in a namespace that ext4 does not store (user., trusted., security., ` +
        'system.posix_acl_access and system.posix_acl_default are)',
    );
  }
  const name = new TextEncoder().encode(fullName.slice(found.prefix.length));
  if (!found.whole && name.length === 0)
    throw new XattrError(`its extended attribute ${fullName} has no name`);
  if (name.length > MAXIMUM_NAME_BYTES) {
    throw new XattrError(`its extended attribute ${fullName} has a name of over ${MAXIMUM_NAME_BYTES} bytes`);
  }
  if (!ACL_INDEXES.has(found.index)) return { nameIndex: found.index, name, value };
  const acl = aclToDisk(value);
  if (acl === undefined) throw new XattrError(`its extended attribute ${fullName} is no access control list`);
  return { nameIndex: found.index, name, value: acl };
}

function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

function storedBytes(xattr: StoredXattr): number {
  return align(ENTRY_HEADER_BYTES + xattr.name.length) + align(xattr.value.length);
}

/** The order that Linux searches a block in: by prefix, then length of the name, then name. */
function compareStored(left: StoredXattr, right: StoredXattr): number {
  return (
    left.nameIndex - right.nameIndex ||
    left.name.length - right.name.length ||
    Buffer.compare(left.name, right.name)
  );
}

export interface XattrPlacement {
  readonly body: readonly StoredXattr[];
  readonly block: readonly StoredXattr[];
}

const NOTHING: XattrPlacement = { body: [], block: [] };

/** Puts attributes into the inode's body while they fit, the rest into a block. */
export function placeXattrs(xattrs: Xattrs, blockBytes: number): XattrPlacement {
  if (xattrs.size === 0) return NOTHING;
  let bodyRoom = INODE_BYTES - BODY_XATTR_OFFSET_BYTES - BODY_HEADER_BYTES - END_BYTES;
  let blockRoom = blockBytes - BLOCK_HEADER_BYTES - END_BYTES;
  const body: StoredXattr[] = [];
  const block: StoredXattr[] = [];
  const stored = Array.from(xattrs, ([name, value]) => toStored(name, value)).sort(compareStored);
  for (const xattr of stored) {
    const bytes = storedBytes(xattr);
    if (bytes <= bodyRoom) {
      bodyRoom -= bytes;
      body.push(xattr);
    } else {
      blockRoom -= bytes;
      block.push(xattr);
    }
  }
  if (blockRoom < 0) {
    throw new XattrError(
      `its extended attributes are ${-blockRoom} bytes too large for the inode and one block of ${blockBytes} bytes`,
    );
  }
  return { body, block };
}

/** ext4_xattr_hash_entry in Linux: the name by bytes, then the value by little-endian words. */
function hashEntry(xattr: StoredXattr): number {
  let hash = 0;
  for (const byte of xattr.name) hash = ((hash << 5) ^ (hash >>> 27) ^ byte) >>> 0;
  const padded = new Uint8Array(align(xattr.value.length));
  padded.set(xattr.value);
  const view = new DataView(padded.buffer);
  for (let offset = 0; offset < padded.length; offset += 4) {
    hash = ((hash << 16) ^ (hash >>> 16) ^ view.getUint32(offset, true)) >>> 0;
  }
  return hash;
}

/**
 * Writes entries from `entriesOffset` on, and their values from the end of `bytes` backwards. Value offsets count from
 * `valueBase`.
 */
function encodeEntries(
  bytes: Uint8Array,
  entriesOffset: number,
  valueBase: number,
  xattrs: readonly StoredXattr[],
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = entriesOffset;
  let valueOffset = bytes.length;
  for (const xattr of xattrs) {
    valueOffset -= align(xattr.value.length);
    bytes.set(xattr.value, valueOffset);
    view.setUint8(offset, xattr.name.length);
    view.setUint8(offset + 1, xattr.nameIndex);
    view.setUint16(offset + 2, xattr.value.length === 0 ? 0 : valueOffset - valueBase, true);
    view.setUint32(offset + 8, xattr.value.length, true);
    view.setUint32(offset + 12, hashEntry(xattr), true);
    bytes.set(xattr.name, offset + ENTRY_HEADER_BYTES);
    offset += align(ENTRY_HEADER_BYTES + xattr.name.length);
  }
}

/** Writes the attributes of an inode's body into the inode's 256 bytes. */
export function encodeBodyXattrs(inode: Uint8Array, xattrs: readonly StoredXattr[]): void {
  if (xattrs.length === 0) return;
  const body = inode.subarray(BODY_XATTR_OFFSET_BYTES, INODE_BYTES);
  new DataView(body.buffer, body.byteOffset, body.byteLength).setUint32(0, MAGIC, true);
  encodeEntries(body, BODY_HEADER_BYTES, BODY_HEADER_BYTES, xattrs);
}

function blockChecksum(block: Uint8Array, blockNumber: number, seed: number): number {
  let crc = crc32cWord(seed, blockNumber % 2 ** 32);
  crc = crc32cWord(crc, Math.floor(blockNumber / 2 ** 32));
  crc = crc32c(crc, block, 0, CHECKSUM_OFFSET);
  crc = crc32cWord(crc, 0);
  return crc32c(crc, block, CHECKSUM_OFFSET + 4);
}

/** A block of attributes at `blockNumber`, which `referenceCount` inodes share. */
export function encodeXattrBlock(
  xattrs: readonly StoredXattr[],
  blockBytes: number,
  blockNumber: number,
  referenceCount: number,
  seed: number,
): Uint8Array {
  const block = new Uint8Array(blockBytes);
  const view = new DataView(block.buffer);
  view.setUint32(0x0, MAGIC, true);
  view.setUint32(0x4, referenceCount, true);
  view.setUint32(0x8, 1, true); // h_blocks
  let hash = 0;
  for (const xattr of xattrs) hash = ((hash << 16) ^ (hash >>> 16) ^ hashEntry(xattr)) >>> 0;
  view.setUint32(0xc, hash, true);
  encodeEntries(block, BLOCK_HEADER_BYTES, 0, xattrs);
  view.setUint32(CHECKSUM_OFFSET, blockChecksum(block, blockNumber, seed), true);
  return block;
}

function* decodeEntries(
  bytes: Uint8Array,
  entriesOffset: number,
  valueBase: number,
): Generator<[string, Uint8Array]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = entriesOffset;
  while (offset + END_BYTES <= bytes.length && view.getUint32(offset, true) !== 0) {
    if (offset + ENTRY_HEADER_BYTES > bytes.length)
      throw new XattrError('its extended attributes are broken');
    const nameBytes = view.getUint8(offset);
    const nameIndex = view.getUint8(offset + 1);
    const valueOffset = valueBase + view.getUint16(offset + 2, true);
    const valueBytes = view.getUint32(offset + 8, true);
    const next = offset + align(ENTRY_HEADER_BYTES + nameBytes);
    if (view.getUint32(offset + 4, true) !== 0) {
      throw new XattrError('it has an extended attribute in an inode of its own, which is not supported');
    }
    if (next > bytes.length || valueOffset + valueBytes > bytes.length) {
      throw new XattrError('its extended attributes are broken');
    }
    const name = new TextDecoder().decode(
      bytes.subarray(offset + ENTRY_HEADER_BYTES, offset + ENTRY_HEADER_BYTES + nameBytes),
    );
    yield decodeStored(nameIndex, name, bytes.slice(valueOffset, valueOffset + valueBytes));
    offset = next;
  }
}

function decodeStored(nameIndex: number, name: string, value: Uint8Array): [string, Uint8Array] {
  const prefix = NAME_PREFIXES.find(({ index }) => index === nameIndex)?.prefix;
  if (prefix === undefined)
    throw new XattrError(`it has an extended attribute of the unknown prefix ${nameIndex}`);
  if (!ACL_INDEXES.has(nameIndex)) return [prefix + name, value];
  const acl = aclFromDisk(value);
  if (acl === undefined) throw new XattrError(`its ${prefix} is broken`);
  return [prefix, acl];
}

/** Yields the attributes of an inode's body; `body` is what lies behind the inode's fixed fields. */
export function* decodeBodyXattrs(body: Uint8Array): Generator<[string, Uint8Array]> {
  if (body.length < BODY_HEADER_BYTES) return;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (view.getUint32(0, true) === MAGIC) yield* decodeEntries(body, BODY_HEADER_BYTES, BODY_HEADER_BYTES);
}

/** Yields the attributes of a block; `seed` is undefined where the file system has no checksums. */
export function* decodeXattrBlock(
  block: Uint8Array,
  blockNumber: number,
  seed: number | undefined,
): Generator<[string, Uint8Array]> {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  if (view.getUint32(0, true) !== MAGIC) throw new XattrError('its block of extended attributes is none');
  if (
    seed !== undefined &&
    view.getUint32(CHECKSUM_OFFSET, true) !== blockChecksum(block, blockNumber, seed)
  ) {
    throw new XattrError('its block of extended attributes does not match its checksum');
  }
  yield* decodeEntries(block, BLOCK_HEADER_BYTES, 0);
}
