/**
 * Decodes extended attributes in inodes and blocks: "Extended Attributes" in the kernel's ext4
 * documentation (attributes.rst).
 */

import { decodeName } from '../entry/name.ts';
import { viewOf } from '../structure/view.ts';
import { aclFromDisk } from './acl.ts';
import { XATTR_BLOCK_HEADER, XATTR_BODY_HEADER, XATTR_ENTRY, XATTR_MAGIC } from './format-xattr.ts';
import {
  ACL_INDEXES,
  alignXattr,
  END_BYTES,
  NAME_PREFIXES,
  type StoredXattr,
  XattrError,
  xattrBlockChecksum,
} from './xattr.ts';

export { XattrError } from './xattr.ts';

/**
 * `system.data` is not a real attribute: it holds content of the inode (the inline_data feature).
 */
export const INLINE_DATA = { nameIndex: 7, name: Buffer.from('data') } as const;
/** XATTR_SIZE_MAX: Linux does not return larger values. */
const MAXIMUM_VALUE_BYTES = 65_536;

const HEADER = XATTR_BLOCK_HEADER.at;
const ENTRY = XATTR_ENTRY.at;
const BODY_HEADER_BYTES = XATTR_BODY_HEADER.sizeBytes;
const ENTRY_HEADER_BYTES = XATTR_ENTRY.sizeBytes;

/** Reads a value from a separate inode. */
export type ValueReader = (inodeNumber: number, valueBytes: number) => Uint8Array;

function* decodeEntries(
  bytes: Uint8Array,
  entriesOffset: number,
  valueBase: number,
  readValue: ValueReader,
): Generator<StoredXattr> {
  const view = viewOf(bytes);
  let offset = entriesOffset;
  let totalBytes = 0;
  while (offset + END_BYTES <= bytes.length && view.getUint32(offset, true) !== 0) {
    if (offset + ENTRY_HEADER_BYTES > bytes.length) {
      throw new XattrError('its extended attributes are broken');
    }
    const nameBytes = ENTRY.e_name_len.get(view, offset);
    const nameIndex = ENTRY.e_name_index.get(view, offset);
    const valueOffset = valueBase + ENTRY.e_value_offs.get(view, offset);
    const valueInode = ENTRY.e_value_inum.get(view, offset);
    const valueBytes = ENTRY.e_value_size.get(view, offset);
    const next = offset + alignXattr(ENTRY_HEADER_BYTES + nameBytes);
    // Values do not overlap, so their sum is at most the size of the inode or block.
    if (valueInode === 0) totalBytes += valueBytes;
    const isOutside = valueInode === 0 && valueOffset + valueBytes > bytes.length;
    if (next > bytes.length || isOutside || totalBytes > bytes.length) {
      throw new XattrError('its extended attributes are broken');
    }
    if (valueBytes > MAXIMUM_VALUE_BYTES) {
      throw new XattrError(`it has an extended attribute of over ${MAXIMUM_VALUE_BYTES} bytes`);
    }
    const name = bytes.slice(offset + ENTRY_HEADER_BYTES, offset + ENTRY_HEADER_BYTES + nameBytes);
    const value =
      valueInode === 0
        ? bytes.slice(valueOffset, valueOffset + valueBytes)
        : readValue(valueInode, valueBytes);
    yield { nameIndex, name, value };
    offset = next;
  }
}

/** Returns the attribute in the form that programs use, or `undefined` for a hidden attribute. */
export function fullXattr({ nameIndex, name, value }: StoredXattr): [[string, Uint8Array]] | undefined {
  if (nameIndex === INLINE_DATA.nameIndex && INLINE_DATA.name.equals(name)) return undefined;
  const prefix = NAME_PREFIXES.find(({ index }) => index === nameIndex)?.prefix;
  if (prefix === undefined) {
    throw new XattrError(`it has an extended attribute with the unknown prefix ${nameIndex}`);
  }
  if (!ACL_INDEXES.has(nameIndex)) return [[prefix + decodeName(name), value]];
  const acl = aclFromDisk(value);
  if (acl === undefined) throw new XattrError(`its ${prefix} is broken`);
  return [[prefix, acl]];
}

/** Yields the attributes in an inode. `body` has the bytes after the inode's fixed fields. */
export function* decodeBodyXattrs(body: Uint8Array, readValue: ValueReader): Generator<StoredXattr> {
  if (body.length < BODY_HEADER_BYTES) return;
  const view = viewOf(body);
  if (XATTR_BODY_HEADER.at.h_magic.get(view) !== XATTR_MAGIC) return;
  yield* decodeEntries(body, BODY_HEADER_BYTES, BODY_HEADER_BYTES, readValue);
}

/** Yields the attributes of a block. `seed` is undefined if the file system has no checksums. */
export function* decodeBlockXattrs(
  block: Uint8Array,
  blockNumber: number,
  seed: number | undefined,
  readValue: ValueReader,
): Generator<StoredXattr> {
  const view = viewOf(block);
  if (HEADER.h_magic.get(view) !== XATTR_MAGIC)
    throw new XattrError('its block of extended attributes has a wrong magic number');
  const isIntact = (checksumSeed: number): boolean =>
    HEADER.h_checksum.get(view) === xattrBlockChecksum(block, blockNumber, checksumSeed);
  if (seed !== undefined && !isIntact(seed)) {
    throw new XattrError('its block of extended attributes does not match its checksum');
  }
  yield* decodeEntries(block, XATTR_BLOCK_HEADER.sizeBytes, 0, readValue);
}
