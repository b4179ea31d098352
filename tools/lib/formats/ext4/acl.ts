/**
 * POSIX access control lists. Programs (and tar archives) see Linux's `struct posix_acl_xattr_header`, eight bytes an
 * entry; ext4 stores them shorter, without the id where a tag needs none (fs/ext4/acl.h in Linux).
 */

const XATTR_VERSION = 2;
const DISK_VERSION = 1;
const HEADER_BYTES = 4;
const XATTR_ENTRY_BYTES = 8;
const SHORT_ENTRY_BYTES = 4;
const LONG_ENTRY_BYTES = 8;
/** The id of an entry whose tag needs none. */
const UNDEFINED_ID = 0xffffffff;

/** e_tag: the tags without and with an id. */
const TAGS_WITHOUT_ID: ReadonlySet<number> = new Set([0x01, 0x04, 0x10, 0x20]);
const TAGS_WITH_ID: ReadonlySet<number> = new Set([0x02, 0x08]);

/** @returns ext4's form, or `undefined` where `value` is no access control list. */
export function aclToDisk(value: Uint8Array): Uint8Array | undefined {
  const input = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (value.length < HEADER_BYTES || (value.length - HEADER_BYTES) % XATTR_ENTRY_BYTES !== 0)
    return undefined;
  if (input.getUint32(0, true) !== XATTR_VERSION) return undefined;
  const bytes = new Uint8Array(value.length);
  const output = new DataView(bytes.buffer);
  output.setUint32(0, DISK_VERSION, true);
  let end = HEADER_BYTES;
  for (let offset = HEADER_BYTES; offset < value.length; offset += XATTR_ENTRY_BYTES) {
    const tag = input.getUint16(offset, true);
    output.setUint16(end, tag, true);
    output.setUint16(end + 2, input.getUint16(offset + 2, true), true);
    if (TAGS_WITH_ID.has(tag)) {
      output.setUint32(end + 4, input.getUint32(offset + 4, true), true);
      end += LONG_ENTRY_BYTES;
    } else if (TAGS_WITHOUT_ID.has(tag)) {
      end += SHORT_ENTRY_BYTES;
    } else {
      return undefined;
    }
  }
  return bytes.slice(0, end);
}

/** @returns the form that programs see, or `undefined` where `value` is no access control list of ext4. */
export function aclFromDisk(value: Uint8Array): Uint8Array | undefined {
  const input = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (value.length < HEADER_BYTES || input.getUint32(0, true) !== DISK_VERSION) return undefined;
  const entries: { tag: number; permissions: number; id: number }[] = [];
  for (let offset = HEADER_BYTES; offset < value.length; ) {
    if (offset + SHORT_ENTRY_BYTES > value.length) return undefined;
    const tag = input.getUint16(offset, true);
    const permissions = input.getUint16(offset + 2, true);
    const hasId = TAGS_WITH_ID.has(tag);
    if (!hasId && !TAGS_WITHOUT_ID.has(tag)) return undefined;
    if (hasId && offset + LONG_ENTRY_BYTES > value.length) return undefined;
    entries.push({ tag, permissions, id: hasId ? input.getUint32(offset + 4, true) : UNDEFINED_ID });
    offset += hasId ? LONG_ENTRY_BYTES : SHORT_ENTRY_BYTES;
  }
  const bytes = new Uint8Array(HEADER_BYTES + entries.length * XATTR_ENTRY_BYTES);
  const output = new DataView(bytes.buffer);
  output.setUint32(0, XATTR_VERSION, true);
  entries.forEach(({ tag, permissions, id }, index) => {
    const offset = HEADER_BYTES + index * XATTR_ENTRY_BYTES;
    output.setUint16(offset, tag, true);
    output.setUint16(offset + 2, permissions, true);
    output.setUint32(offset + 4, id, true);
  });
  return bytes;
}
