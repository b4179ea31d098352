/** Encodes and decodes extended attributes in pax records, in each form that tools write. */

import { NO_XATTRS, type Xattrs } from '../entry/entry.ts';
import { decodeName, encodeName } from '../entry/name.ts';
import { aclFromText } from './acl.ts';
import { HeaderError } from './number-field.ts';
import type { PaxRecords } from './pax.ts';

/** star, GNU tar, libarchive, Go and Docker: the raw value. */
export const XATTR_PREFIX = 'SCHILY.xattr.';
/**
 * libarchive: the name percent-encoded, the value in base64. It writes this form and the raw one.
 */
const LIBARCHIVE_PREFIX = 'LIBARCHIVE.xattr.';
/**
 * GNU tar --selinux: the context as text, without the NUL that ends it in the kernel's attribute.
 */
const SELINUX_CONTEXT = 'RHT.security.selinux';
const SELINUX_XATTR = 'security.selinux';
export const ACL_KEYWORDS: Readonly<Record<string, string>> = {
  'SCHILY.acl.access': 'system.posix_acl_access',
  'SCHILY.acl.default': 'system.posix_acl_default',
};

/**
 * Makes an attribute's keyword. `=` would end it, so GNU tar (since 1.29) writes `%3D`, and `%25`
 * for `%`.
 */
export function xattrKeyword(name: string): string {
  return XATTR_PREFIX + name.replaceAll('%', '%25').replaceAll('=', '%3D');
}

function xattrName(encoded: string): string {
  return encoded.includes('%') ? encoded.replaceAll('%3D', '=').replaceAll('%25', '%') : encoded;
}

function percentDecoded(encoded: string): string {
  const bytes = encodeName(encoded).toString('latin1');
  const decoded = bytes.replaceAll(/%([0-9A-Fa-f]{2})/g, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return decodeName(Buffer.from(decoded, 'latin1'));
}

/** @throws HeaderError */
function base64(value: Uint8Array): Uint8Array {
  const text = Buffer.from(value).toString('latin1');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text))
    throw new HeaderError('the value of one of its extended attributes is not base64');
  return Buffer.from(text, 'base64');
}

/**
 * Decodes a record that holds an attribute. If two records hold the same attribute, the higher rank
 * counts.
 */
function decodeRecord(
  keyword: string,
  value: Uint8Array,
): { name: string; value: Uint8Array; rank: number } | undefined {
  if (keyword.startsWith(XATTR_PREFIX)) {
    return { name: xattrName(keyword.slice(XATTR_PREFIX.length)), value, rank: 2 };
  }
  if (keyword.startsWith(LIBARCHIVE_PREFIX)) {
    return { name: percentDecoded(keyword.slice(LIBARCHIVE_PREFIX.length)), value: base64(value), rank: 1 };
  }
  if (keyword === SELINUX_CONTEXT)
    return { name: SELINUX_XATTR, value: Buffer.concat([value, Buffer.of(0)]), rank: 1 };
  const aclName = Object.hasOwn(ACL_KEYWORDS, keyword) ? ACL_KEYWORDS[keyword] : undefined;
  if (aclName === undefined || value.length === 0) return undefined;
  const acl = aclFromText(Buffer.from(value).toString('utf8'));
  return acl && { name: aclName, value: acl, rank: 1 };
}

/**
 * Decodes the attributes of a member. If two records hold the same attribute, the raw one counts.
 *
 * @throws HeaderError if a record cannot be an attribute of Linux
 */
export function xattrsOf(records: PaxRecords): Xattrs {
  let xattrs: Map<string, Uint8Array> | undefined;
  const ranks = new Map<string, number>();
  for (const [keyword, value] of records) {
    const found = decodeRecord(keyword, value);
    if (found === undefined) continue;
    if (found.name === '' || found.name.includes('\0')) {
      throw new HeaderError('one of its extended attributes has no name, or a name with a NUL');
    }
    if ((ranks.get(found.name) ?? 0) > found.rank) continue;
    ranks.set(found.name, found.rank);
    xattrs ??= new Map();
    xattrs.set(found.name, found.value);
  }
  return xattrs ?? NO_XATTRS;
}
