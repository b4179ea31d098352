/**
 * Converts POSIX access control lists between two forms. Programs and tar archives use Linux's
 * `struct posix_acl_xattr_header`, with 8 bytes per entry. ext4 stores a shorter form, which leaves
 * out the id of entries whose tag does not need one (fs/ext4/acl.h in Linux).
 */

import { viewOf } from '../structure/view.ts';
import { ACL_ENTRY, ACL_HEADER, SHORT_ACL_ENTRY_BYTES } from './format-xattr.ts';

const XATTR_VERSION = 2;
const DISK_VERSION = 1;
const HEADER = ACL_HEADER.at;
const ENTRY = ACL_ENTRY.at;
const HEADER_BYTES = ACL_HEADER.sizeBytes;
const ENTRY_BYTES = ACL_ENTRY.sizeBytes;
/** The id of an entry whose tag does not need one. */
const UNDEFINED_ID = 0xffffffff;

/** e_tag: the tags without and with an id. */
const TAGS_WITHOUT_ID: ReadonlySet<number> = new Set([0x01, 0x04, 0x10, 0x20]);
const TAGS_WITH_ID: ReadonlySet<number> = new Set([0x02, 0x08]);

/** Returns the form of ext4, or `undefined` if `value` is not an access control list. */
export function aclToDisk(value: Uint8Array): Uint8Array | undefined {
  const input = viewOf(value);
  if (value.length < HEADER_BYTES || (value.length - HEADER_BYTES) % ENTRY_BYTES !== 0) return undefined;
  if (HEADER.a_version.get(input) !== XATTR_VERSION) return undefined;
  const bytes = new Uint8Array(value.length);
  const output = new DataView(bytes.buffer);
  HEADER.a_version.set(output, DISK_VERSION);
  let end = HEADER_BYTES;
  for (let offset = HEADER_BYTES; offset < value.length; offset += ENTRY_BYTES) {
    const tag = ENTRY.e_tag.get(input, offset);
    ENTRY.e_tag.set(output, tag, end);
    ENTRY.e_perm.set(output, ENTRY.e_perm.get(input, offset), end);
    if (TAGS_WITH_ID.has(tag)) {
      ENTRY.e_id.set(output, ENTRY.e_id.get(input, offset), end);
      end += ENTRY_BYTES;
    } else if (TAGS_WITHOUT_ID.has(tag)) {
      end += SHORT_ACL_ENTRY_BYTES;
    } else {
      return undefined;
    }
  }
  return bytes.slice(0, end);
}

/**
 * Returns the form that programs use, or `undefined` if `value` is not an access control list of
 * ext4.
 */
export function aclFromDisk(value: Uint8Array): Uint8Array | undefined {
  const input = viewOf(value);
  if (value.length < HEADER_BYTES || HEADER.a_version.get(input) !== DISK_VERSION) return undefined;
  const entries: { tag: number; permissions: number; id: number }[] = [];
  for (let offset = HEADER_BYTES; offset < value.length; ) {
    if (offset + SHORT_ACL_ENTRY_BYTES > value.length) return undefined;
    const tag = ENTRY.e_tag.get(input, offset);
    const permissions = ENTRY.e_perm.get(input, offset);
    const hasId = TAGS_WITH_ID.has(tag);
    if (!hasId && !TAGS_WITHOUT_ID.has(tag)) return undefined;
    if (hasId && offset + ENTRY_BYTES > value.length) return undefined;
    entries.push({ tag, permissions, id: hasId ? ENTRY.e_id.get(input, offset) : UNDEFINED_ID });
    offset += hasId ? ENTRY_BYTES : SHORT_ACL_ENTRY_BYTES;
  }
  const bytes = new Uint8Array(HEADER_BYTES + entries.length * ENTRY_BYTES);
  const output = new DataView(bytes.buffer);
  HEADER.a_version.set(output, XATTR_VERSION);
  entries.forEach(({ tag, permissions, id }, index) => {
    const offset = HEADER_BYTES + index * ENTRY_BYTES;
    ENTRY.e_tag.set(output, tag, offset);
    ENTRY.e_perm.set(output, permissions, offset);
    ENTRY.e_id.set(output, id, offset);
  });
  return bytes;
}
