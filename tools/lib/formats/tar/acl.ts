/**
 * POSIX access control lists: as text in pax records (`SCHILY.acl.access`, `SCHILY.acl.default`; acl(5), "ACL TEXT FORMS"), and as Linux keeps
 * them in extended attributes (linux/posix_acl_xattr.h, version 2).
 */

import { HeaderError } from './number-field.ts';

/** posix_acl_xattr.h: a version, then entries of tag, permissions and identifier, all little-endian. */
const VERSION = 2;
const HEADER_BYTES = 4;
const ENTRY_BYTES = 8;
/** The identifier of an entry that has none. */
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
/** A list of the three entries that the mode has too says nothing more. */
const MINIMAL_TAGS = [0x01, 0x04, 0x20];
const QUALIFIED_TAGS = [0x02, 0x08];

interface AclEntry {
  readonly tag: number;
  readonly permissions: number;
  readonly id: number;
}

function idOf(qualifier: string, number: string | undefined, line: string): number {
  // star and libarchive put the number behind the permissions of a name.
  const digits = number !== undefined && number !== '' ? number : qualifier;
  const id = Number(digits);
  if (!/^[0-9]{1,10}$/.test(digits) || id >= NO_ID) {
    throw new HeaderError(
      `its access control list names "${line.slice(0, 80)}" without a number; archive it with --numeric-owner`,
    );
  }
  return id;
}

function parseEntry(line: string): AclEntry {
  const fields = line.split(':').map((field) => field.trim());
  const name = ABBREVIATIONS[fields[0] ?? ''] ?? fields[0] ?? '';
  const tags = Object.hasOwn(TAGS, name) ? TAGS[name] : undefined;
  // `mask` and `other` may leave out their empty qualifier.
  if (fields.length === 2 && tags?.[1] === undefined) fields.splice(1, 0, '');
  const [, qualifier = '', permissions = '', number] = fields;
  const tag = tags?.[qualifier === '' ? 0 : 1];
  if (tag === undefined || fields.length > 4 || !/^[r-][w-][x-]$/.test(permissions)) {
    throw new HeaderError(`its access control list has the entry "${line.slice(0, 80)}", which is none`);
  }
  const bits = [...permissions].reduce((sum, letter) => sum * 2 + (letter === '-' ? 0 : 1), 0);
  return { tag, permissions: bits, id: qualifier === '' ? NO_ID : idOf(qualifier, number, line) };
}

/**
 * The extended attribute for a list in text form; `undefined` where it says no more than the mode does.
 *
 * @throws HeaderError where an entry is malformed, or names a user whose number is not there
 */
export function aclFromText(text: string): Uint8Array | undefined {
  const lines = text.split(/[\n,]/).map((line) => line.replace(/#.*/, '').trim());
  const entries = lines.filter((line) => line !== '').map(parseEntry);
  entries.sort((left, right) => left.tag - right.tag || left.id - right.id);
  if (entries.every(({ tag }) => MINIMAL_TAGS.includes(tag))) return undefined;
  const bytes = Buffer.alloc(HEADER_BYTES + ENTRY_BYTES * entries.length);
  bytes.writeUInt32LE(VERSION, 0);
  entries.forEach(({ tag, permissions, id }, index) => {
    const offset = HEADER_BYTES + ENTRY_BYTES * index;
    bytes.writeUInt16LE(tag, offset);
    bytes.writeUInt16LE(permissions, offset + 2);
    bytes.writeUInt32LE(id, offset + 4);
  });
  return bytes;
}

/** The text form with numbers for users and groups, entries apart by commas; `undefined` where the attribute is no such list. */
export function aclToText(value: Uint8Array): string | undefined {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  const entryBytes = bytes.length - HEADER_BYTES;
  if (entryBytes < 0 || entryBytes % ENTRY_BYTES !== 0 || bytes.readUInt32LE(0) !== VERSION) return undefined;
  const lines: string[] = [];
  for (let offset = HEADER_BYTES; offset < bytes.length; offset += ENTRY_BYTES) {
    const tag = bytes.readUInt16LE(offset);
    const permissions = bytes.readUInt16LE(offset + 2);
    const name = NAMES.get(tag);
    if (name === undefined || permissions > 7) return undefined;
    const letters = [...'rwx']
      .map((letter, index) => ((permissions >> (2 - index)) & 1 ? letter : '-'))
      .join('');
    const qualifier = QUALIFIED_TAGS.includes(tag) ? bytes.readUInt32LE(offset + 4) : '';
    lines.push(`${name}:${qualifier}:${letters}`);
  }
  return lines.join(',');
}
