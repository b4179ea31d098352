/**
 * The structures of a tar archive.
 *
 * Specifications: POSIX.1-2024, `pax`, "ustar Interchange Format"; GNU tar manual, "Basic Tar
 * Format", whose tar.h describes the extensions of GNU and star. The headers are the start of a
 * block, and their numbers are text (number-field.ts).
 */

import { structure } from '../structure/structure.ts';

export const BLOCK_BYTES = 512;

/** The header of a member (POSIX, "ustar Header Block"). */
export const HEADER = structure([
  [0, 100, 'name'],
  [100, 8, 'mode'],
  [108, 8, 'uid'],
  [116, 8, 'gid'],
  [124, 12, 'size'],
  [136, 12, 'mtime'],
  [148, 8, 'chksum'],
  [156, 1, 'typeflag'],
  [157, 100, 'linkname'],
  [257, 6, 'magic'],
  [263, 2, 'version'],
  [265, 32, 'uname'],
  [297, 32, 'gname'],
  [329, 8, 'devmajor'],
  [337, 8, 'devminor'],
  [345, 155, 'prefix'],
]);

/** The start of {@link USTAR_MAGIC} and {@link GNU_MAGIC}. */
export const MAGIC_START = 'ustar';
export const USTAR_MAGIC = `${MAGIC_START}\0`;
export const USTAR_VERSION = '00';
/** tar.h, OLDGNU_MAGIC: magic and version as one word. */
export const GNU_MAGIC = `${MAGIC_START}  \0`;

/** Values of `typeflag`. `'\0'` is the plain file of archives older than POSIX. */
export const TypeFlag = {
  oldFile: '\0',
  file: '0',
  hardLink: '1',
  symlink: '2',
  characterDevice: '3',
  blockDevice: '4',
  directory: '5',
  fifo: '6',
  contiguousFile: '7',
  paxHeader: 'x',
  paxGlobalHeader: 'g',
  /** Solaris: a pax header under another letter. */
  solarisPaxHeader: 'X',
  gnuLongName: 'L',
  gnuLongLink: 'K',
  gnuSparse: 'S',
  /** A directory of an incremental backup. Its content is the list of its names. */
  gnuDirectory: 'D',
  gnuVolumeLabel: 'V',
} as const;

/**
 * tar.h, struct oldgnu_header: the fields that GNU stores in place of the prefix. `sp` holds
 * elements of {@link SPARSE}.
 */
export const GNU_HEADER = structure([
  [345, 12, 'atime'],
  [357, 12, 'ctime'],
  [369, 12, 'offset'],
  [381, 4, 'longnames'],
  [386, 96, 'sp'],
  [482, 1, 'isextended'],
  [483, 12, 'realsize'],
]);

/** tar.h, struct star_header: a shorter prefix, followed by two times. */
export const STAR_HEADER = structure([
  [345, 131, 'prefix'],
  [476, 12, 'atime'],
  [488, 12, 'ctime'],
]);

/**
 * tar.h, struct star_in_header: the header of a sparse member of star. `sp` holds elements of
 * {@link SPARSE}.
 */
export const STAR_IN_HEADER = structure([
  [345, 1, 'prefix'],
  [355, 1, 'isextended'],
  [356, 96, 'sp'],
  [452, 12, 'realsize'],
  [464, 12, 'offset'],
  [476, 12, 'atime'],
  [488, 12, 'ctime'],
  [508, 4, 'xmagic'],
]);

/**
 * tar.h, struct sparse_header and struct star_ext_header: a block with more extents of a sparse
 * member.
 */
export const SPARSE_HEADER = structure([
  [0, 504, 'sp'],
  [504, 1, 'isextended'],
]);

/** tar.h, struct sparse: an extent. */
export const SPARSE = structure([
  [0, 12, 'offset'],
  [12, 12, 'numbytes'],
]);

/**
 * linux/posix_acl_xattr.h, struct posix_acl_xattr_header: the start of an access control list in an
 * extended attribute.
 */
export const ACL_HEADER = structure([[0, 4, 'a_version']]);

/** linux/posix_acl_xattr.h, struct posix_acl_xattr_entry. The entries follow the header. */
export const ACL_ENTRY = structure([
  [0, 2, 'e_tag'],
  [2, 2, 'e_perm'],
  [4, 4, 'e_id'],
]);
