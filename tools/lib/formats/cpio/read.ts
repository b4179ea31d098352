/**
 * Reads newc cpio archives, as GNU cpio, libarchive and newc.ts write them and as the kernel
 * unpacks them.
 */

import { type Entry, type EntryMetadata, NO_XATTRS, normalizePath } from '../entry/entry.ts';
import { decodeName, nameBytes, printableName } from '../entry/name.ts';
import { UserError } from '../error/user-error.ts';
import type { FieldAccess } from '../structure/structure.ts';
import {
  ALIGNMENT_BYTES,
  aligned,
  COMPONENT_BYTES_MAX,
  CRC_MAGIC,
  FILE_TYPE_MASK,
  fieldNumber,
  HEADER,
  HEADER_BYTES,
  NAME_BYTES_MAX,
  NEWC_MAGIC,
  TRAILER_NAME,
  TYPE_BITS,
} from './format.ts';
import type { CpioMember } from './newc.ts';

const PERMISSION_MASK = 0o7777;
const MAGIC_BYTES = HEADER.at.c_magic.lengthBytes;
const HEXADECIMAL = /^[0-9A-Fa-f]+$/;
/**
 * Compressed data that the kernel reads (lib/decompress.c). It may follow an uncompressed archive.
 */
const COMPRESSED: readonly [string, string][] = [
  ['1f8b', 'gzip'],
  ['28b52ffd', 'zstd'],
  ['fd377a58', 'xz'],
  ['02214c18', 'lz4'],
  ['425a68', 'bzip2'],
  ['5d0000', 'lzma'],
  ['894c5a', 'lzo'],
];

/** A member as stored. */
interface RawMember {
  readonly inode: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly linkCount: number;
  readonly major: number;
  readonly minor: number;
  readonly name: Uint8Array;
  readonly content: Buffer;
}

class ArchiveReader {
  readonly #bytes: Buffer;
  readonly #name: string;
  #position = 0;

  constructor(bytes: Uint8Array, name: string) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#name = name;
  }

  fail(rule: string, place = `byte ${this.#position}`): never {
    throw new UserError(`${this.#name}: ${place}: ${rule}`);
  }

  /** Skips zeros (initramfs.c, do_reset()). @returns false at the end of the bytes */
  skipZeros(): boolean {
    const bytes = this.#bytes;
    while (this.#position < bytes.length && bytes[this.#position] === 0) this.#position++;
    return this.#position < bytes.length;
  }

  #checkMagic(): string {
    const magic = this.#bytes.toString('latin1', this.#position, this.#position + MAGIC_BYTES);
    if (magic === NEWC_MAGIC || magic === CRC_MAGIC) {
      if (this.#position % ALIGNMENT_BYTES !== 0) this.fail('the header is not at a multiple of 4 bytes');
      return magic;
    }
    const start = this.#bytes.toString('hex', this.#position, this.#position + MAGIC_BYTES);
    const compressed = COMPRESSED.find(([signature]) => start.startsWith(signature));
    if (compressed !== undefined) {
      this.fail(
        `${compressed[1]} data, as an initramfs has after its first archive; decompress the rest of the file from here`,
      );
    }
    this.fail('not a newc header; archives of the other cpio formats cannot be read');
  }

  /** Reads the next member. @throws UserError if it is damaged */
  next(): RawMember {
    const bytes = this.#bytes;
    const start = this.#position;
    const magic = this.#checkMagic();
    if (start + HEADER_BYTES > bytes.length) this.fail('the header is truncated');
    const text = bytes.toString('latin1', start, start + HEADER_BYTES);
    if (!HEXADECIMAL.test(text.slice(MAGIC_BYTES))) this.fail('a header field is not hexadecimal');
    const number = (field: FieldAccess): number => fieldNumber(text, field);
    const { at } = HEADER;
    const nameLength = number(at.c_namesize);
    const fileBytes = number(at.c_filesize);
    const nameStart = start + HEADER_BYTES;
    const contentStart = aligned(nameStart + nameLength);
    if (nameLength === 0 || contentStart + fileBytes > bytes.length) {
      this.fail(`the member passes the end of the archive at ${bytes.length}`);
    }
    if (nameLength > NAME_BYTES_MAX)
      this.fail(`the name has ${nameLength} bytes; the kernel takes at most ${NAME_BYTES_MAX}`);
    const name = bytes.subarray(nameStart, nameStart + nameLength - 1);
    if (bytes[nameStart + nameLength - 1] !== 0 || name.includes(0))
      this.fail('the name must have one NUL, at its end');
    const content = bytes.subarray(contentStart, contentStart + fileBytes);
    const mode = number(at.c_mode);
    const isFile = (mode & FILE_TYPE_MASK) === TYPE_BITS.file;
    if (magic === CRC_MAGIC && isFile && fileBytes > 0 && sumOf(content) !== number(at.c_chksum)) {
      this.fail('the checksum of its bytes is wrong', `entry ${printableName(decodeName(name))}`);
    }
    this.#position = Math.min(aligned(contentStart + fileBytes), bytes.length);
    return {
      // The kernel compares the file type too (initramfs.c, find_link()).
      inode: `${number(at.c_ino)} ${number(at.c_maj)} ${number(at.c_min)} ${mode & FILE_TYPE_MASK}`,
      mode,
      uid: number(at.c_uid),
      gid: number(at.c_gid),
      linkCount: number(at.c_nlink),
      major: number(at.c_rmaj),
      minor: number(at.c_rmin),
      name,
      content,
    };
  }
}

/** Sums the bytes modulo 2^32 (buffer-format.rst, c_chksum). */
function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum = (sum + byte) >>> 0;
  return sum;
}

function entryOf(metadata: EntryMetadata, member: RawMember, reader: ArchiveReader): Entry {
  const { content, major, minor } = member;
  switch (member.mode & FILE_TYPE_MASK) {
    case TYPE_BITS.file:
      return { ...metadata, type: 'file', sizeBytes: content.length };
    case TYPE_BITS.directory:
      return { ...metadata, type: 'directory' };
    case TYPE_BITS.symlink: {
      const place = `entry ${printableName(metadata.path)}`;
      if (content.length === 0 || content.includes(0))
        reader.fail('its link target is empty or holds a NUL', place);
      if (content.length >= NAME_BYTES_MAX) reader.fail(`its link target has ${content.length} bytes`, place);
      return { ...metadata, type: 'symlink', target: decodeName(content) };
    }
    case TYPE_BITS['character-device']:
      return { ...metadata, type: 'character-device', major, minor };
    case TYPE_BITS['block-device']:
      return { ...metadata, type: 'block-device', major, minor };
    case TYPE_BITS.fifo:
      return { ...metadata, type: 'fifo' };
    case TYPE_BITS.socket:
      return { ...metadata, type: 'socket' };
    default:
      return reader.fail(
        `the file type ${(member.mode & FILE_TYPE_MASK).toString(8)} is unknown`,
        `entry ${printableName(metadata.path)}`,
      );
  }
}

function metadataOf(member: RawMember, reader: ArchiveReader): EntryMetadata {
  const name = decodeName(member.name);
  const place = `entry ${printableName(name)}`;
  const path = normalizePath(name);
  if (path === undefined) reader.fail('its path leaves the root', place);
  const isLong = path.split('/').some((component) => nameBytes(component) > COMPONENT_BYTES_MAX);
  if (isLong) reader.fail(`its path has a component longer than ${COMPONENT_BYTES_MAX} bytes`, place);
  return { path, mode: member.mode & PERMISSION_MASK, uid: member.uid, gid: member.gid, xattrs: NO_XATTRS };
}

/** The files with several names, within one archive of a concatenation. */
class Links {
  readonly #first = new Map<string, { path: string; index: number }>();

  /**
   * Finds the member that is the first name of the same file. If there is none, remembers this
   * member as the first name.
   */
  find(member: RawMember, path: string, index: number): { path: string; index: number } | undefined {
    const type = member.mode & FILE_TYPE_MASK;
    if (member.linkCount < 2 || type === TYPE_BITS.directory || type === TYPE_BITS.symlink) return undefined;
    const first = this.#first.get(member.inode);
    if (first === undefined) this.#first.set(member.inode, { path, index });
    return first?.path === path ? undefined : first;
  }
}

/**
 * Reads the members of one or more newc archives, with zeros between them, as the kernel does. Each
 * archive must end with its trailer.
 *
 * The later names of a file are hard links to its first name. The first name has the content, even
 * if the archive stores it elsewhere (GNU cpio and libarchive store it with the last name). If two
 * members have the same path, both are in the result; the kernel would keep the last one.
 *
 * @param name the archive's name, for errors
 * @throws UserError if the bytes are not newc archives, are truncated, have a wrong checksum
 *   (format 070702), or name a path that leaves the root
 */
export function readNewc(archive: Uint8Array, name = 'cpio'): CpioMember[] {
  const reader = new ArchiveReader(archive, name);
  const members: CpioMember[] = [];
  let links = new Links();
  for (let ended = false; ; ) {
    if (!reader.skipZeros()) {
      if (ended) return members;
      reader.fail('no trailer before the end; the archive is truncated');
    }
    const member = reader.next();
    ended = Buffer.from(member.name).toString('latin1') === TRAILER_NAME;
    if (ended) {
      links = new Links();
      continue;
    }
    const metadata = metadataOf(member, reader);
    const first = links.find(member, metadata.path, members.length);
    if (first === undefined) {
      const entry = entryOf(metadata, member, reader);
      members.push({ entry, content: entry.type === 'file' ? member.content : new Uint8Array(0) });
      continue;
    }
    const { content } = member;
    const target = members[first.index] as CpioMember;
    if (target.entry.type === 'file' && content.length > 0) {
      members[first.index] = { entry: { ...target.entry, sizeBytes: content.length }, content };
    }
    members.push({
      entry: { ...metadata, type: 'hardlink', target: first.path },
      content: new Uint8Array(0),
    });
  }
}
