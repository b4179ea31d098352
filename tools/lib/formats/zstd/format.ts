/** The structures of a Zstandard file: RFC 8878. Integers are little-endian. */

import { structure } from '../structure/structure.ts';

/** Section 3.1.1: the start of a frame. Fields whose length depends on the descriptor follow. */
export const FRAME_HEADER = structure([
  [0, 4, 'Magic_Number'],
  [4, 1, 'Frame_Header_Descriptor'],
]);

export const MAGIC = 0xfd2fb528;
/**
 * Magic, descriptor, window descriptor, dictionary identifier and content size at their largest.
 */
export const MAX_FRAME_HEADER_BYTES = FRAME_HEADER.sizeBytes + 1 + 4 + 8;

/** Section 3.1.1.1.1: the bits of Frame_Header_Descriptor, and the meaning of their values. */
export const CONTENT_SIZE_FLAG_SHIFT = 6;
export const SINGLE_SEGMENT_FLAG = 0x20;
export const RESERVED_BIT = 0x08;
export const CHECKSUM_FLAG = 0x04;
export const DICTIONARY_ID_FLAG_MASK = 0x03;
export const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
export const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
/** Section 3.1.1.1.4: a content size of two bytes counts from 256. */
export const TWO_BYTE_SIZE_OFFSET = 256;

/**
 * Section 3.1.1.1.2: the window descriptor is an exponent, which counts from 10, and three bits of
 * mantissa.
 */
export const MIN_WINDOW_LOG = 10;
export const WINDOW_MANTISSA_BITS = 3;

/**
 * Section 3.1.1.2: the header of a block. Its bits are: last block, two of block type, 21 of block
 * size.
 */
export const BLOCK_HEADER = structure([[0, 3, 'Block_Header']]);
export const BLOCK_TYPE_RLE = 1;
export const BLOCK_TYPE_RESERVED = 3;

/** Section 3.1.1: the checksum that ends a frame, if its descriptor says so. */
export const CHECKSUM_BYTES = 4;

/** Section 3.1.2: a frame that decoders skip. User data follow. */
export const SKIPPABLE_HEADER = structure([
  [0, 4, 'Magic_Number'],
  [4, 4, 'Frame_Size'],
]);
/** The first of the sixteen magic numbers of skippable frames. */
export const SKIPPABLE_MAGIC = 0x184d2a50;
export const SKIPPABLE_MASK = 0xfffffff0;
