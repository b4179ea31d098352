/**
 * POSIX access control lists in their two forms: text in pax records (`SCHILY.acl.access`,
 * `SCHILY.acl.default`; acl(5), "ACL TEXT FORMS"), and the extended attributes of Linux
 * (linux/posix_acl_xattr.h, version 2).
 */

import { ACL_ENTRY, ACL_HEADER } from './format.ts';
import { HeaderError } from './number-field.ts';

/** posix_acl_xattr.h, POSIX_ACL_XATTR_VERSION. */
const VERSION = 2;
const HEADER_BYTES = ACL_HEADER.sizeBytes;
const ENTRY_BYTES = ACL_ENTRY.sizeBytes;
/** posix_acl_xattr.h, ACL_UNDEFINED_ID: the identifier of an entry without a qualifier. */
const NO_ID = 0xffffffff;
/** posix_acl.h, e_tag: [without a qualifier, with one]. */
const TAGS: Readonly<Record<string, readonly [number, number | undefined]>> = {
  user: [0x01, 0x02],
  group: [0x04, 0x08],
  mask: [0x10, undefined],
  other: [0x20, undefined],
};
const ABBREVIATIONS: Readonly<Record<string, string>> = { u: 'user', g: 'group', m: 'mask', o: 'other' };
const NAMES = new Map(
  Object.entries(TAGS).flatMap(([name, tags]) =>
    tags.map((tag): [number | undefined, string] => [tag, name]),
  ),
);
/** A list of only these three entries repeats the mode. */
const MINIMAL_TAGS = [0x01, 0x04, 0x20];
const QUALIFIED_TAGS = [0x02, 0x08];
const MAX_SHOWN_CHARACTERS = 80;

interface AclEntry {
  readonly tag: number;
  readonly permissions: number;
  readonly id: number;
}

function idOf(qualifier: string, number: string | undefined, line: string): number {
  // star and libarchive write the number of a named user or group after the permissions.
  const digits = number !== undefined && number !== '' ? number : qualifier;
  const id = Number(digits);
  if (!/^[0-9]{1,10}$/.test(digits) || id >= NO_ID) {
    const shown = line.slice(0, MAX_SHOWN_CHARACTERS);
    throw new HeaderError(
      `its access control list names "${shown}" without a number; archive it with --numeric-owner`,
    );
  }
  return id;
}

function parseEntry(line: string): AclEntry {
  const fields = line.split(':').map((field) => field.trim());
  const name = ABBREVIATIONS[fields[0] ?? ''] ?? fields[0] ?? '';
  const tags = Object.hasOwn(TAGS, name) ? TAGS[name] : undefined;
  // `mask` and `other` may omit their empty qualifier.
  if (fields.length === 2 && tags?.[1] === undefined) fields.splice(1, 0, '');
  const [, qualifier = '', permissions = '', number] = fields;
  const tag = tags?.[qualifier === '' ? 0 : 1];
  if (tag === undefined || fields.length > 4 || !/^[r-][w-][x-]$/.test(permissions)) {
    throw new HeaderError(
      `its access control list has the malformed entry "${line.slice(0, MAX_SHOWN_CHARACTERS)}"`,
    );
  }
  const bits = [...permissions].reduce((sum, letter) => sum * 2 + (letter === '-' ? 0 : 1), 0);
  return { tag, permissions: bits, id: qualifier === '' ? NO_ID : idOf(qualifier, number, line) };
}

/**
 * Converts a list in text form to an extended attribute.
 *
 * @returns `undefined` if the list only repeats the mode
 * @throws HeaderError if an entry is malformed, or names a user or group without a number
 */
export function aclFromText(text: string): Uint8Array | undefined {
  const lines = text.split(/[\n,]/).map((line) => line.replace(/#.*/, '').trim());
  const entries = lines.filter((line) => line !== '').map(parseEntry);
  entries.sort((left, right) => left.tag - right.tag || left.id - right.id);
  if (entries.every(({ tag }) => MINIMAL_TAGS.includes(tag))) return undefined;
  const bytes = new Uint8Array(HEADER_BYTES + ENTRY_BYTES * entries.length);
  const view = new DataView(bytes.buffer);
  ACL_HEADER.at.a_version.set(view, VERSION);
  entries.forEach(({ tag, permissions, id }, index) => {
    const start = HEADER_BYTES + ENTRY_BYTES * index;
    ACL_ENTRY.at.e_tag.set(view, tag, start);
    ACL_ENTRY.at.e_perm.set(view, permissions, start);
    ACL_ENTRY.at.e_id.set(view, id, start);
  });
  return bytes;
}

/**
 * Converts an extended attribute to the text form, with numbers for users and groups and commas
 * between the entries.
 *
 * @returns `undefined` if the attribute is not a list of version 2
 */
export function aclToText(value: Uint8Array): string | undefined {
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  const entryBytes = value.length - HEADER_BYTES;
  if (entryBytes < 0 || entryBytes % ENTRY_BYTES !== 0 || ACL_HEADER.at.a_version.get(view) !== VERSION) {
    return undefined;
  }
  const lines: string[] = [];
  for (let start = HEADER_BYTES; start < value.length; start += ENTRY_BYTES) {
    const tag = ACL_ENTRY.at.e_tag.get(view, start);
    const permissions = ACL_ENTRY.at.e_perm.get(view, start);
    const name = NAMES.get(tag);
    if (name === undefined || permissions > 7) return undefined;
    const letters = [...'rwx']
      .map((letter, index) => ((permissions >> (2 - index)) & 1 ? letter : '-'))
      .join('');
    const qualifier = QUALIFIED_TAGS.includes(tag) ? ACL_ENTRY.at.e_id.get(view, start) : '';
    lines.push(`${name}:${qualifier}:${letters}`);
  }
  return lines.join(',');
}
