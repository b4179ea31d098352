/** The structures of an .xz file: The .xz File Format, version 1.2.1. */

import { structure } from '../structure/structure.ts';

/** Section 2.1.2: the end of a stream. */
export const STREAM_FOOTER = structure([
  [0, 4, 'CRC32'],
  [4, 4, 'Backward Size'],
  [8, 2, 'Stream Flags'],
  [10, 2, 'Footer Magic Bytes'],
]);

/** Section 2.1.1.1. */
export const HEADER_MAGIC = Buffer.from('fd377a585a00', 'hex');
/** Section 2.1.2.4. */
export const FOOTER_MAGIC = Buffer.from('YZ');
/** Section 4.1: the first byte of an index. */
export const INDEX_INDICATOR = 0;
