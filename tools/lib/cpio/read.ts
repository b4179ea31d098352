/** Reads newc archives back: for tests, and for looking into an initramfs. */

import { type Entry, type EntryMetadata, NO_XATTRS, normalizePath } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';
import {
  ALIGNMENT_BYTES,
  type CpioMember,
  FILE_TYPE_MASK,
  HEADER_BYTES,
  NEWC_MAGIC,
  TRAILER_NAME,
  TYPE_BITS,
} from './newc.ts';

const PERMISSION_MASK = 0o7777;
const MAGIC_BYTES = 6;
const FIELD_DIGITS = 8;

function align(offsetBytes: number): number {
  return Math.ceil(offsetBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

function entryOf(
  metadata: EntryMetadata,
  typeBits: number,
  content: Uint8Array,
  device: [number, number],
): Entry {
  switch (typeBits) {
    case TYPE_BITS.file:
      return { ...metadata, type: 'file', sizeBytes: content.length };
    case TYPE_BITS.directory:
      return { ...metadata, type: 'directory' };
    case TYPE_BITS.symlink:
      return { ...metadata, type: 'symlink', target: Buffer.from(content).toString() };
    case TYPE_BITS['character-device']:
      return { ...metadata, type: 'character-device', major: device[0], minor: device[1] };
    case TYPE_BITS['block-device']:
      return { ...metadata, type: 'block-device', major: device[0], minor: device[1] };
    case TYPE_BITS.fifo:
      return { ...metadata, type: 'fifo' };
    case TYPE_BITS.socket:
      return { ...metadata, type: 'socket' };
    default:
      throw new UserError(`${metadata.path}: file type ${typeBits.toString(8)} is not one of a cpio archive`);
  }
}

/**
 * The members of one newc archive up to its trailer; later names of a file come as hard links.
 *
 * @throws UserError where the bytes are not such an archive, end early, or name a path that leaves the root
 */
export function readNewc(archive: Uint8Array): CpioMember[] {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  const members: CpioMember[] = [];
  const firstNames = new Map<number, string>();
  for (let offset = 0; ; ) {
    if (offset + HEADER_BYTES > bytes.length)
      throw new UserError(`cpio: no trailer before the end at ${bytes.length}`);
    const magic = bytes.toString('latin1', offset, offset + MAGIC_BYTES);
    if (magic !== NEWC_MAGIC) throw new UserError(`cpio: no newc header at byte ${offset}`);
    const fields = Array.from({ length: 13 }, (_, index) => {
      const start = offset + MAGIC_BYTES + index * FIELD_DIGITS;
      return Number.parseInt(bytes.toString('latin1', start, start + FIELD_DIGITS), 16);
    });
    if (fields.some(Number.isNaN))
      throw new UserError(`cpio: a header field at byte ${offset} is not hexadecimal`);
    const [inode = 0, mode = 0, uid = 0, gid = 0, linkCount = 0, , fileBytes = 0] = fields;
    const [major = 0, minor = 0, nameBytes = 0] = fields.slice(9);
    const nameStart = offset + HEADER_BYTES;
    const contentStart = align(nameStart + nameBytes);
    offset = align(contentStart + fileBytes);
    if (nameBytes === 0 || contentStart + fileBytes > bytes.length) {
      throw new UserError(
        `cpio: the member at byte ${nameStart - HEADER_BYTES} passes the end at ${bytes.length}`,
      );
    }
    const name = bytes.toString('utf8', nameStart, nameStart + nameBytes - 1);
    if (name === TRAILER_NAME) return members;
    const path = normalizePath(name);
    if (path === undefined) throw new UserError(`cpio: ${name}: the path leaves the root`);
    const content = bytes.subarray(contentStart, contentStart + fileBytes);
    const metadata = { path, mode: mode & PERMISSION_MASK, uid, gid, xattrs: NO_XATTRS };
    const typeBits = mode & FILE_TYPE_MASK;
    const firstName = linkCount > 1 && typeBits === TYPE_BITS.file ? firstNames.get(inode) : undefined;
    if (firstName !== undefined) {
      members.push({ entry: { ...metadata, type: 'hardlink', target: firstName }, content });
      continue;
    }
    firstNames.set(inode, path);
    const entry = entryOf(metadata, typeBits, content, [major, minor]);
    members.push({ entry, content: entry.type === 'file' ? content : new Uint8Array(0) });
  }
}
