/**
 * The structures of the ar archive around a Debian package.
 *
 * Specifications: deb(5), and `ar.h` for the names of the fields.
 */

import { structure } from '../structure/structure.ts';

/** ar.h, ARMAG: the start of an archive. */
export const MAGIC = '!<arch>\n';

/**
 * ar.h, struct ar_hdr: the header of a member, all of it text. The content follows, padded to an
 * even size.
 */
export const MEMBER_HEADER = structure([
  [0, 16, 'ar_name'],
  [16, 12, 'ar_date'],
  [28, 6, 'ar_uid'],
  [34, 6, 'ar_gid'],
  [40, 8, 'ar_mode'],
  [48, 10, 'ar_size'],
  [58, 2, 'ar_fmag'],
]);

/** ar.h, ARFMAG: `ar_fmag`, the end of a member header. */
export const HEADER_END_MARK = '`\n';
