/**
 * Places and encodes extended attributes in inodes and blocks: "Extended Attributes" in the
 * kernel's ext4 documentation (attributes.rst).
 */

import { crc32c, crc32cWord } from '../crc32c/crc32c.ts';
import type { Xattrs } from '../entry/entry.ts';
import { encodeName, nameBytes, printableName } from '../entry/name.ts';
import { viewOf } from '../structure/view.ts';
import { aclToDisk } from './acl.ts';
import { XATTR_BLOCK_HEADER, XATTR_BODY_HEADER, XATTR_ENTRY, XATTR_MAGIC } from './format-xattr.ts';
import { BODY_XATTR_OFFSET_BYTES, INODE_BYTES } from './inode.ts';

const HEADER = XATTR_BLOCK_HEADER.at;
const ENTRY = XATTR_ENTRY.at;
const BODY_HEADER_BYTES = XATTR_BODY_HEADER.sizeBytes;
const BLOCK_HEADER_BYTES = XATTR_BLOCK_HEADER.sizeBytes;
const ENTRY_HEADER_BYTES = XATTR_ENTRY.sizeBytes;
/** Four zero bytes end the list of entries. */
export const END_BYTES = 4;
const ALIGNMENT = 4;
/** XATTR_NAME_MAX in Linux, including the prefix: a longer name could be listed, but never read. */
const MAXIMUM_NAME_BYTES = 255;
/** The largest number of inodes that share a block (EXT4_XATTR_REFCOUNT_MAX in Linux). */
export const MAXIMUM_REFERENCES = 1024;

/** e_name_index: the prefix for each number. Whole names precede prefixes. */
export const NAME_PREFIXES: readonly {
  readonly index: number;
  readonly prefix: string;
  readonly whole?: true;
}[] = [
  { index: 2, prefix: 'system.posix_acl_access', whole: true },
  { index: 3, prefix: 'system.posix_acl_default', whole: true },
  { index: 1, prefix: 'user.' },
  { index: 4, prefix: 'trusted.' },
  { index: 6, prefix: 'security.' },
];
export const ACL_INDEXES: ReadonlySet<number> = new Set([2, 3]);

/** A stored attribute: the prefix is a number, and access control lists have the form of ext4. */
export interface StoredXattr {
  readonly nameIndex: number;
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

/** Thrown for attributes that cannot be stored or read. Callers add the place to the message. */
export class XattrError extends Error {}

function refuse(fullName: string, problem: string): never {
  throw new XattrError(`its extended attribute ${printableName(fullName)} ${problem}`);
}

function toStored(fullName: string, value: Uint8Array): StoredXattr {
  const found = NAME_PREFIXES.find(({ prefix, whole }) =>
    whole ? fullName === prefix : fullName.startsWith(prefix),
  );
  if (found === undefined) {
    refuse(
      fullName,
      'is in a namespace that ext4 does not store; it stores user., trusted., security., ' +
        'system.posix_acl_access and system.posix_acl_default',
    );
  }
  const name = encodeName(fullName.slice(found.prefix.length));
  if (name.includes(0)) refuse(fullName, 'has a NUL in its name');
  if (!found.whole && name.length === 0) refuse(fullName, 'has no name');
  if (nameBytes(fullName) > MAXIMUM_NAME_BYTES) {
    refuse(fullName, `has a name of over ${MAXIMUM_NAME_BYTES} bytes`);
  }
  if (!ACL_INDEXES.has(found.index)) return { nameIndex: found.index, name, value };
  return {
    nameIndex: found.index,
    name,
    value: aclToDisk(value) ?? refuse(fullName, 'is not an access control list'),
  };
}

/** Rounds up to a multiple of 4, the alignment of entries and values. */
export function alignXattr(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

function storedBytes(xattr: StoredXattr): number {
  return alignXattr(ENTRY_HEADER_BYTES + xattr.name.length) + alignXattr(xattr.value.length);
}

/** Orders attributes as Linux expects in a block: by prefix, length of the name, and name. */
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

/** Places attributes in the inode as long as they fit, and the others in a block. */
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

/** ext4_xattr_hash_entry in Linux: the bytes of the name, then the words of the value. */
function hashEntry(xattr: StoredXattr): number {
  let hash = 0;
  for (const byte of xattr.name) hash = ((hash << 5) ^ (hash >>> 27) ^ byte) >>> 0;
  const padded = new Uint8Array(alignXattr(xattr.value.length));
  padded.set(xattr.value);
  const view = new DataView(padded.buffer);
  for (let offset = 0; offset < padded.length; offset += 4) {
    hash = ((hash << 16) ^ (hash >>> 16) ^ view.getUint32(offset, true)) >>> 0;
  }
  return hash;
}

/**
 * Writes entries from `entriesOffset`, and their values backwards from the end of `bytes`. The
 * stored offsets of values are relative to `valueBase`.
 */
function encodeEntries(
  bytes: Uint8Array,
  entriesOffset: number,
  valueBase: number,
  xattrs: readonly StoredXattr[],
): void {
  const view = viewOf(bytes);
  let offset = entriesOffset;
  let valueOffset = bytes.length;
  for (const xattr of xattrs) {
    valueOffset -= alignXattr(xattr.value.length);
    bytes.set(xattr.value, valueOffset);
    ENTRY.e_name_len.set(view, xattr.name.length, offset);
    ENTRY.e_name_index.set(view, xattr.nameIndex, offset);
    ENTRY.e_value_offs.set(view, xattr.value.length === 0 ? 0 : valueOffset - valueBase, offset);
    ENTRY.e_value_size.set(view, xattr.value.length, offset);
    ENTRY.e_hash.set(view, hashEntry(xattr), offset);
    bytes.set(xattr.name, offset + ENTRY_HEADER_BYTES);
    offset += alignXattr(ENTRY_HEADER_BYTES + xattr.name.length);
  }
}

/** Writes the attributes of an inode to its 256 bytes. */
export function encodeBodyXattrs(inode: Uint8Array, xattrs: readonly StoredXattr[]): void {
  if (xattrs.length === 0) return;
  const body = inode.subarray(BODY_XATTR_OFFSET_BYTES, INODE_BYTES);
  const view = viewOf(body);
  XATTR_BODY_HEADER.at.h_magic.set(view, XATTR_MAGIC);
  encodeEntries(body, BODY_HEADER_BYTES, BODY_HEADER_BYTES, xattrs);
}

/** Computes h_checksum: over the number of the block, then the block with a zero checksum. */
export function xattrBlockChecksum(block: Uint8Array, blockNumber: number, seed: number): number {
  let crc = crc32cWord(seed, blockNumber % 2 ** 32);
  crc = crc32cWord(crc, Math.floor(blockNumber / 2 ** 32));
  crc = crc32c(crc, block, 0, HEADER.h_checksum.offsetBytes);
  crc = crc32cWord(crc, 0);
  return crc32c(crc, block, HEADER.h_checksum.endBytes);
}

/** Encodes a block of attributes that is stored at `blockNumber` for `referenceCount` inodes. */
export function encodeXattrBlock(
  xattrs: readonly StoredXattr[],
  blockBytes: number,
  blockNumber: number,
  referenceCount: number,
  seed: number,
): Uint8Array {
  const block = new Uint8Array(blockBytes);
  const view = new DataView(block.buffer);
  HEADER.h_magic.set(view, XATTR_MAGIC);
  HEADER.h_refcount.set(view, referenceCount);
  HEADER.h_blocks.set(view, 1);
  let hash = 0;
  for (const xattr of xattrs) hash = ((hash << 16) ^ (hash >>> 16) ^ hashEntry(xattr)) >>> 0;
  HEADER.h_hash.set(view, hash);
  encodeEntries(block, BLOCK_HEADER_BYTES, 0, xattrs);
  HEADER.h_checksum.set(view, xattrBlockChecksum(block, blockNumber, seed));
  return block;
}
