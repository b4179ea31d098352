/** The structures of a gzip file: RFC 1952. */

import { structure } from '../structure/structure.ts';

/** Section 2.3: the start of a member. Optional fields follow it, then the compressed blocks. */
export const MEMBER_HEADER = structure([
  [0, 1, 'ID1'],
  [1, 1, 'ID2'],
  [2, 1, 'CM'],
  [3, 1, 'FLG'],
  [4, 4, 'MTIME'],
  [8, 1, 'XFL'],
  [9, 1, 'OS'],
]);

/** Section 2.3.1, FLG: the optional fields that follow the header. */
export const FLG_FEXTRA = 0x04;
export const FLG_FNAME = 0x08;
export const FLG_FCOMMENT = 0x10;

/** Section 2.3: the end of a member. */
export const MEMBER_TRAILER = structure([
  [0, 4, 'CRC32'],
  [4, 4, 'ISIZE'],
]);

export const XFL_NONE = 0;
export const OS_UNKNOWN = 255;
