/**
 * The "newc" cpio format as the Linux kernel unpacks it into its first root file system.
 *
 * Specification: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
 */

import { baseName, type Entry, parentPath } from '../entry/entry.ts';
import { encodeName, nameBytes, printableName } from '../entry/name.ts';
import { UserError } from '../error/user-error.ts';

/** buffer-format.rst, c_magic: "070701" is newc without checksums. */
export const NEWC_MAGIC = '070701';
/** The same with a sum of each file's bytes in c_chksum. Read, not written: the kernel needs none. */
export const CRC_MAGIC = '070702';
/** buffer-format.rst: c_magic of 6 bytes and 13 fields of 8 hexadecimal digits. */
export const HEADER_BYTES = 6 + 13 * 8;
/** buffer-format.rst: header with name, and file data, are each padded with zeros to a multiple of 4 bytes. */
export const ALIGNMENT_BYTES = 4;
/** buffer-format.rst: the name of the member that ends the archive. */
export const TRAILER_NAME = 'TRAILER!!!';
/** Linux, init/initramfs.c: N_ALIGN and do_header() refuse a name longer than PATH_MAX. */
export const NAME_BYTES_MAX = 4096;
/** Linux: NAME_MAX. */
export const COMPONENT_BYTES_MAX = 255;
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
  readonly name: Uint8Array;
}

const encoder = new TextEncoder();

function hexField(value: number): string {
  return value.toString(16).padStart(8, '0');
}

function padding(lengthBytes: number): Uint8Array {
  return new Uint8Array((ALIGNMENT_BYTES - (lengthBytes % ALIGNMENT_BYTES)) % ALIGNMENT_BYTES);
}

function refuse(path: string, rule: string): never {
  throw new UserError(`${printableName(path)}: ${rule}`);
}

function header(fields: HeaderFields): Uint8Array[] {
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
    hexField(fields.name.length + 1),
    hexField(0), // c_chksum, which this magic number does not have
  ].join('');
  const lengthBytes = HEADER_BYTES + fields.name.length + 1;
  return [encoder.encode(text), fields.name, new Uint8Array(1), padding(lengthBytes)];
}

/** A name as it is stored. */
function storedName(path: string): Uint8Array {
  const name = encodeName(path);
  if (name.length >= NAME_BYTES_MAX) {
    refuse(path, `the path has ${name.length} bytes; the kernel takes ${NAME_BYTES_MAX - 1}`);
  }
  return name;
}

function memberBytes(member: CpioMember): Uint8Array {
  const { entry, content } = member;
  // The kernel takes the bytes from the first name; the later ones are links to it and have none.
  if (entry.type === 'hardlink') return new Uint8Array(0);
  const bytes = entry.type === 'symlink' ? encodeName(entry.target) : content;
  if (bytes.length > FILE_BYTES_MAX) {
    refuse(entry.path, `${bytes.length} bytes; a file in a cpio archive has less than 4 GiB`);
  }
  if (entry.type === 'symlink' && bytes.length >= NAME_BYTES_MAX) {
    refuse(entry.path, `the link target has ${bytes.length} bytes; the kernel takes ${NAME_BYTES_MAX - 1}`);
  }
  return bytes;
}

/** Refuses what the kernel would leave out, or the format cannot say. */
function checkEntry(entry: Entry, directories: ReadonlySet<string>): void {
  if (entry.path === TRAILER_NAME) {
    refuse(TRAILER_NAME, 'this name ends a cpio archive and cannot be a file in one');
  }
  if (entry.xattrs.size > 0) {
    const [name = ''] = entry.xattrs.keys();
    refuse(entry.path, `a cpio archive cannot hold the extended attribute ${printableName(name)}`);
  }
  if (nameBytes(baseName(entry.path)) > COMPONENT_BYTES_MAX) {
    refuse(entry.path, `its name is longer than ${COMPONENT_BYTES_MAX} bytes`);
  }
  const parent = parentPath(entry.path);
  if (parent !== '' && !directories.has(parent)) {
    refuse(
      entry.path,
      `its directory ${printableName(parent)} does not come before it, and the kernel would leave it out`,
    );
  }
}

/** How many names each file has, by the path that holds its bytes. A directory's name counts twice, as `.` is one. */
function countLinks(members: readonly CpioMember[]): Map<string, number> {
  const linkCounts = new Map<string, number>();
  for (const { entry } of members) {
    if (entry.type !== 'hardlink') {
      if (entry.type !== 'directory' && entry.type !== 'symlink') linkCounts.set(entry.path, 1);
      continue;
    }
    const linkCount = linkCounts.get(entry.target);
    if (linkCount === undefined) {
      refuse(
        entry.path,
        `hard link to ${printableName(entry.target)}, which is not a file that comes before it`,
      );
    }
    linkCounts.set(entry.target, linkCount + 1);
  }
  return linkCounts;
}

const ROOT_NAME = '.';
const DIRECTORY_LINKS = 2;
const TRAILER: HeaderFields = {
  inode: 0,
  mode: 0,
  uid: 0,
  gid: 0,
  linkCount: 1,
  fileBytes: 0,
  deviceMajor: 0,
  deviceMinor: 0,
  name: encodeName(TRAILER_NAME),
};

/** What the names of a file have in common. */
interface Inode {
  readonly number: number;
  readonly entry: Exclude<Entry, { type: 'hardlink' }>;
}

/**
 * Writes a newc archive. Inode numbers count from 1 in the order of the members, and every time stamp is 0, so that
 * equal members give equal bytes. A directory has to come before what is in it, and a file before its hard links:
 * the kernel unpacks in this order. The root directory needs no member; one that is given is the member `.`, as `find . | cpio` has it.
 *
 * @throws UserError where an entry does not fit the format: extended attributes, a missing directory, 4 GiB or more, names beyond 4095 bytes
 */
export function* writeNewc(members: readonly CpioMember[]): Generator<Uint8Array> {
  const linkCounts = countLinks(members);
  const inodes = new Map<string, Inode>();
  const directories = new Set<string>();
  let lastInode = 0;
  for (const member of members) {
    const { entry } = member;
    checkEntry(entry, directories);
    if (entry.type === 'directory') directories.add(entry.path);
    const source = entry.type === 'hardlink' ? entry.target : entry.path;
    const inode: Inode =
      entry.type === 'hardlink' ? (inodes.get(source) as Inode) : { number: ++lastInode, entry };
    inodes.set(source, inode);
    const described = inode.entry;
    const isDevice = described.type === 'character-device' || described.type === 'block-device';
    const bytes = memberBytes(member);
    yield* header({
      inode: inode.number,
      mode: TYPE_BITS[described.type] | described.mode,
      uid: described.uid,
      gid: described.gid,
      linkCount: described.type === 'directory' ? DIRECTORY_LINKS : (linkCounts.get(source) ?? 1),
      fileBytes: bytes.length,
      deviceMajor: isDevice ? described.major : 0,
      deviceMinor: isDevice ? described.minor : 0,
      name: storedName(entry.path === '' ? ROOT_NAME : entry.path),
    });
    yield bytes;
    yield padding(bytes.length);
  }
  yield* header(TRAILER);
}
