/** Writes the "newc" cpio format as the Linux kernel unpacks it into its first root file system. */

import { baseName, type Entry, parentPath } from '../entry/entry.ts';
import { encodeName, nameBytes, printableName } from '../entry/name.ts';
import { UserError } from '../error/user-error.ts';
import type { FieldAccess } from '../structure/structure.ts';
import {
  ALIGNMENT_BYTES,
  COMPONENT_BYTES_MAX,
  FILE_BYTES_MAX,
  HEADER,
  HEADER_BYTES,
  NAME_BYTES_MAX,
  NEWC_MAGIC,
  TRAILER_NAME,
  TYPE_BITS,
} from './format.ts';

/** A member of an archive. */
export interface CpioMember {
  readonly entry: Entry;
  /** The bytes of a file. Empty for every other type. */
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

function padding(lengthBytes: number): Uint8Array {
  return new Uint8Array((ALIGNMENT_BYTES - (lengthBytes % ALIGNMENT_BYTES)) % ALIGNMENT_BYTES);
}

function refuse(path: string, rule: string): never {
  throw new UserError(`${printableName(path)}: ${rule}`);
}

/** The header, the name with its NUL, and the padding. Fields that are not given are 0. */
function header(fields: HeaderFields): Uint8Array[] {
  const bytes = Buffer.alloc(HEADER_BYTES, '0');
  const put = (field: FieldAccess, value: number): void => {
    bytes.write(value.toString(16).padStart(field.lengthBytes, '0'), field.offsetBytes, 'latin1');
  };
  const { at } = HEADER;
  const storedNameBytes = fields.name.length + 1;
  bytes.write(NEWC_MAGIC, at.c_magic.offsetBytes, 'latin1');
  put(at.c_ino, fields.inode);
  put(at.c_mode, fields.mode);
  put(at.c_uid, fields.uid);
  put(at.c_gid, fields.gid);
  put(at.c_nlink, fields.linkCount);
  put(at.c_filesize, fields.fileBytes);
  // c_maj and c_min stay 0: all files are on one file system, so their inode numbers distinguish
  // them.
  put(at.c_rmaj, fields.deviceMajor);
  put(at.c_rmin, fields.deviceMinor);
  put(at.c_namesize, storedNameBytes);
  return [bytes, fields.name, new Uint8Array(1), padding(HEADER_BYTES + storedNameBytes)];
}

/** Encodes a name. */
function storedName(path: string): Uint8Array {
  const name = encodeName(path);
  if (name.length >= NAME_BYTES_MAX) {
    refuse(path, `the path has ${name.length} bytes; the kernel takes at most ${NAME_BYTES_MAX - 1}`);
  }
  return name;
}

function memberBytes(member: CpioMember): Uint8Array {
  const { entry, content } = member;
  // The kernel takes the bytes from the first name. Later names are links to it, without bytes.
  if (entry.type === 'hardlink') return new Uint8Array(0);
  const bytes = entry.type === 'symlink' ? encodeName(entry.target) : content;
  if (bytes.length > FILE_BYTES_MAX) {
    refuse(entry.path, `the file has ${bytes.length} bytes; a file in a cpio archive is smaller than 4 GiB`);
  }
  if (entry.type === 'symlink' && bytes.length >= NAME_BYTES_MAX) {
    refuse(
      entry.path,
      `the link target has ${bytes.length} bytes; the kernel takes at most ${NAME_BYTES_MAX - 1}`,
    );
  }
  return bytes;
}

/** Refuses an entry that the kernel would skip, or that the format cannot store. */
function checkEntry(entry: Entry, directories: ReadonlySet<string>): void {
  if (entry.path === TRAILER_NAME) {
    refuse(TRAILER_NAME, 'this name ends a cpio archive, so no file in the archive can have it');
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
      `its directory ${printableName(parent)} does not precede it, so the kernel would skip the entry`,
    );
  }
}

/** Counts the names of each file, by the path of the member with its bytes. */
function countLinks(members: readonly CpioMember[]): Map<string, number> {
  const linkCounts = new Map<string, number>();
  for (const { entry } of members) {
    if (entry.type !== 'hardlink') {
      if (entry.type !== 'directory' && entry.type !== 'symlink') linkCounts.set(entry.path, 1);
      continue;
    }
    const linkCount = linkCounts.get(entry.target);
    if (linkCount === undefined) {
      refuse(entry.path, `hard link to ${printableName(entry.target)}, which is not a file that precedes it`);
    }
    linkCounts.set(entry.target, linkCount + 1);
  }
  return linkCounts;
}

const ROOT_NAME = '.';
/** The link count of a directory: its own name and its `.`. */
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

/** The inode that all names of a file share. */
interface Inode {
  readonly number: number;
  readonly entry: Exclude<Entry, { type: 'hardlink' }>;
}

/**
 * Writes a newc archive. Inode numbers count from 1 in the order of the members, and every time
 * stamp is 0, so that equal members give equal bytes. The kernel unpacks in the order of the
 * archive: a directory must precede its contents, and a file must precede its hard links. The root
 * directory may be absent. If present, it becomes the member `.`, as `find .` lists it for cpio.
 *
 * @throws UserError if an entry does not fit the format: extended attributes, a missing directory,
 *   a file of 4 GiB or more, a name longer than 4095 bytes
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
