/**
 * The "newc" cpio format as the Linux kernel unpacks it into its first root file system.
 *
 * Specification: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
 */

import type { Entry } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';

/** buffer-format.rst, c_magic: "070701" is newc without checksums. */
export const NEWC_MAGIC = '070701';
/** buffer-format.rst: c_magic of 6 bytes and 13 fields of 8 hexadecimal digits. */
export const HEADER_BYTES = 6 + 13 * 8;
/** buffer-format.rst: header with name, and file data, are each padded with zeros to a multiple of 4 bytes. */
export const ALIGNMENT_BYTES = 4;
/** buffer-format.rst: the name of the member that ends the archive. */
export const TRAILER_NAME = 'TRAILER!!!';
/** Linux, init/initramfs.c: N_ALIGN and do_header() refuse a name longer than PATH_MAX. */
const NAME_BYTES_MAX = 4096;
/** c_filesize has 8 hexadecimal digits. */
const FILE_BYTES_MAX = 0xffffffff;

/** The file type bits of c_mode (stat(2), S_IFMT). */
export const FILE_TYPE_MASK = 0o170000;
export const TYPE_BITS = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  'character-device': 0o020000,
  'block-device': 0o060000,
  fifo: 0o010000,
  socket: 0o140000,
} as const;

/** One member: the entry, and for a file (or a hard link that repeats it) nothing but its bytes. */
export interface CpioMember {
  readonly entry: Entry;
  /** The bytes of a file; empty for everything else. */
  readonly content: Uint8Array;
}

interface HeaderFields {
  readonly inode: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly linkCount: number;
  readonly fileBytes: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly name: string;
}

const encoder = new TextEncoder();

function hexField(value: number): string {
  return value.toString(16).padStart(8, '0');
}

function padding(lengthBytes: number): Uint8Array {
  return new Uint8Array((ALIGNMENT_BYTES - (lengthBytes % ALIGNMENT_BYTES)) % ALIGNMENT_BYTES);
}

function header(fields: HeaderFields): Uint8Array[] {
  const name = encoder.encode(`${fields.name}\0`);
  if (name.length > NAME_BYTES_MAX) {
    throw new UserError(`${fields.name}: the path has ${name.length - 1} bytes; the kernel takes 4095`);
  }
  const text = [
    NEWC_MAGIC,
    hexField(fields.inode),
    hexField(fields.mode),
    hexField(fields.uid),
    hexField(fields.gid),
    hexField(fields.linkCount),
    hexField(0), // c_mtime
    hexField(fields.fileBytes),
    hexField(0), // c_maj and c_min: one file system, so inode numbers alone tell files apart
    hexField(0),
    hexField(fields.deviceMajor),
    hexField(fields.deviceMinor),
    hexField(name.length),
    hexField(0), // c_chksum, which this magic number does not have
  ].join('');
  return [encoder.encode(text), name, padding(HEADER_BYTES + name.length)];
}

function memberBytes(member: CpioMember): Uint8Array {
  return member.entry.type === 'symlink' ? encoder.encode(member.entry.target) : member.content;
}

/** How many names each file has, by the path that holds its bytes. */
function countLinks(members: readonly CpioMember[]): Map<string, number> {
  const linkCounts = new Map<string, number>();
  for (const { entry } of members) {
    if (entry.type === 'file') linkCounts.set(entry.path, 1);
    if (entry.type !== 'hardlink') continue;
    const linkCount = linkCounts.get(entry.target);
    if (linkCount === undefined) {
      throw new UserError(
        `${entry.path}: hard link to ${entry.target}, which is not a file that comes before it`,
      );
    }
    linkCounts.set(entry.target, linkCount + 1);
  }
  return linkCounts;
}

/**
 * Writes a newc archive. Inode numbers count from 1 in the order of the members, and every time stamp is 0, so that
 * equal members give equal bytes. A directory has to come before what is in it, and a file before its hard links:
 * the kernel unpacks in this order. The root directory needs no member, and extended attributes have no place here.
 *
 * @throws UserError where an entry does not fit the format
 */
export function* writeNewc(members: readonly CpioMember[]): Generator<Uint8Array> {
  const linkCounts = countLinks(members);
  const inodes = new Map<string, number>();
  const metadata = new Map<string, Entry>();
  let lastInode = 0;
  for (const member of members) {
    const { entry } = member;
    if (entry.path === '') continue;
    if (entry.path === TRAILER_NAME) {
      throw new UserError(`${TRAILER_NAME}: this name ends a cpio archive and cannot be a file in one`);
    }
    const source = entry.type === 'hardlink' ? entry.target : entry.path;
    const inode = inodes.get(source) ?? ++lastInode;
    inodes.set(source, inode);
    if (entry.type === 'file') metadata.set(entry.path, entry);
    const described = entry.type === 'hardlink' ? (metadata.get(entry.target) ?? entry) : entry;
    const type = described.type === 'hardlink' ? 'file' : described.type;
    const isDevice = described.type === 'character-device' || described.type === 'block-device';
    // The kernel takes the bytes from the first name; the later ones are links to it and have none.
    const bytes = entry.type === 'hardlink' ? new Uint8Array(0) : memberBytes(member);
    if (bytes.length > FILE_BYTES_MAX) {
      throw new UserError(
        `${entry.path}: ${bytes.length} bytes; a file in a cpio archive has less than 4 GiB`,
      );
    }
    yield* header({
      inode,
      mode: TYPE_BITS[type] | described.mode,
      uid: described.uid,
      gid: described.gid,
      linkCount: entry.type === 'directory' ? 2 : (linkCounts.get(source) ?? 1),
      fileBytes: bytes.length,
      deviceMajor: isDevice ? described.major : 0,
      deviceMinor: isDevice ? described.minor : 0,
      name: entry.path,
    });
    yield bytes;
    yield padding(bytes.length);
  }
  yield* header({
    inode: 0,
    mode: 0,
    uid: 0,
    gid: 0,
    linkCount: 1,
    fileBytes: 0,
    deviceMajor: 0,
    deviceMinor: 0,
    name: TRAILER_NAME,
  });
}
