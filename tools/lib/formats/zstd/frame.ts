/**
 * Follows the structure of Zstandard frames (RFC 8878, section 3.1.1), to find the end of a frame
 * and the length of its content without decompressing it.
 */

import type { BlockSource } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import {
  BLOCK_HEADER,
  BLOCK_TYPE_RESERVED,
  BLOCK_TYPE_RLE,
  CHECKSUM_BYTES,
  CHECKSUM_FLAG,
  CONTENT_SIZE_BYTES,
  CONTENT_SIZE_FLAG_SHIFT,
  DICTIONARY_ID_BYTES,
  DICTIONARY_ID_FLAG_MASK,
  FRAME_HEADER,
  MAGIC,
  MAX_FRAME_HEADER_BYTES,
  MIN_WINDOW_LOG,
  RESERVED_BIT,
  SINGLE_SEGMENT_FLAG,
  SKIPPABLE_HEADER,
  SKIPPABLE_MAGIC,
  SKIPPABLE_MASK,
  TWO_BYTE_SIZE_OFFSET,
  WINDOW_MANTISSA_BITS,
} from './format.ts';

const MAGIC_BYTES = FRAME_HEADER.at.Magic_Number.lengthBytes;
const DESCRIPTOR_OFFSET = FRAME_HEADER.at.Frame_Header_Descriptor.offsetBytes;
const BLOCK_HEADER_BYTES = BLOCK_HEADER.sizeBytes;

/** The largest window of a frame from outside. `zstd -d` has the same limit. */
export const MAX_WINDOW_BYTES = 1 << 27;

/**
 * A frame has at most this many times the bytes of its content, plus the slack below. Frames can be
 * longer than their content, because writers that flush often make small blocks.
 */
const LONGEST_FRAME_FACTOR = 2;
const LONGEST_FRAME_SLACK_BYTES = 1 << 20;
/** Headers are read in windows of this size. */
const READ_BYTES = 512;

/** The position of a frame in a concatenation, and of its content in the decompressed whole. */
export interface FrameSpan {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly contentOffsetBytes: number;
  /** 0 for skippable frames. */
  readonly contentBytes: number;
}

interface FrameHeader {
  readonly headerBytes: number;
  readonly contentBytes: number;
  readonly checksum: boolean;
}

/** Reads a little-endian integer of any length. Missing bytes at its end count as 0. */
function littleEndian(bytes: Uint8Array): number {
  let value = 0;
  for (let index = bytes.length - 1; index >= 0; index--) value = value * 256 + (bytes[index] as number);
  return value;
}

function magicOf(bytes: Uint8Array): number {
  return littleEndian(FRAME_HEADER.at.Magic_Number.bytes(bytes));
}

function isSkippable(magic: number): boolean {
  return (magic & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_MAGIC;
}

/** Returns the length of a skippable frame's user data. */
function skippableBytes(header: Uint8Array): number {
  return littleEndian(SKIPPABLE_HEADER.at.Frame_Size.bytes(header));
}

/** The layout of a frame's header, which its descriptor determines (section 3.1.1.1.1). */
interface HeaderLayout {
  readonly sizeOffset: number;
  /** The length of the content size, 0 if it is absent. */
  readonly sizeBytes: number;
  readonly headerBytes: number;
  readonly checksum: boolean;
}

function headerLayout(descriptor: number): HeaderLayout {
  const singleSegment = (descriptor & SINGLE_SEGMENT_FLAG) !== 0;
  const sizeFlag = descriptor >> CONTENT_SIZE_FLAG_SHIFT;
  const sizeBytes = sizeFlag === 0 ? (singleSegment ? 1 : 0) : (CONTENT_SIZE_BYTES[sizeFlag] as number);
  const dictionaryBytes = DICTIONARY_ID_BYTES[descriptor & DICTIONARY_ID_FLAG_MASK] as number;
  const sizeOffset = FRAME_HEADER.sizeBytes + (singleSegment ? 0 : 1) + dictionaryBytes;
  const checksum = (descriptor & CHECKSUM_FLAG) !== 0;
  return { sizeOffset, sizeBytes, headerBytes: sizeOffset + sizeBytes, checksum };
}

/** Returns the content size that a complete header states (section 3.1.1.1.4), or `undefined`. */
function contentBytesOf(header: Uint8Array): number | undefined {
  const { sizeOffset, sizeBytes } = headerLayout(header[DESCRIPTOR_OFFSET] as number);
  if (sizeBytes === 0) return undefined;
  const stated = littleEndian(header.subarray(sizeOffset, sizeOffset + sizeBytes));
  return stated + (sizeBytes === 2 ? TWO_BYTE_SIZE_OFFSET : 0);
}

/** @throws UserError if the header is malformed, or states no content size */
function parseHeader(bytes: Uint8Array, fail: (rule: string) => never): FrameHeader {
  const descriptor = bytes[DESCRIPTOR_OFFSET] ?? 0;
  if ((descriptor & RESERVED_BIT) !== 0) fail('the reserved bit of a zstd frame is set');
  const { headerBytes, checksum } = headerLayout(descriptor);
  if (bytes.length < headerBytes) fail('a zstd frame is truncated');
  const contentBytes = contentBytesOf(bytes);
  if (contentBytes === undefined) fail('a zstd frame does not state the length of its content');
  if (!Number.isSafeInteger(contentBytes))
    fail('a zstd frame states that its content is larger than 2^53 bytes');
  return { headerBytes, contentBytes, checksum };
}

/** Reads up to `length` bytes, or fewer at the end. */
function readUpTo(source: BlockSource, offset: number, length: number): Uint8Array {
  if (offset >= source.sizeBytes) return new Uint8Array(0);
  return source.read(offset, Math.min(length, source.sizeBytes - offset));
}

/**
 * Decodes a block's header (section 3.1.1.2): whether it is the last block, and the number of bytes
 * that follow.
 */
function parseBlockHeader(bytes: Uint8Array): { last: boolean; reserved: boolean; followingBytes: number } {
  const header = littleEndian(BLOCK_HEADER.at.Block_Header.bytes(bytes));
  const type = (header >> 1) & 3;
  return {
    last: (header & 1) !== 0,
    reserved: type === BLOCK_TYPE_RESERVED,
    followingBytes: type === BLOCK_TYPE_RLE ? 1 : header >> 3,
  };
}

/** Reads through a small window, because the headers of small blocks are close together. */
function windowed(source: BlockSource): BlockSource {
  let start = 0;
  let window: Uint8Array = new Uint8Array();
  return {
    sizeBytes: source.sizeBytes,
    read(offsetBytes, lengthBytes) {
      const offset = offsetBytes - start;
      if (offset < 0 || offset + lengthBytes > window.length) {
        start = offsetBytes;
        const bytes = source.read(offsetBytes, Math.min(READ_BYTES, source.sizeBytes - offsetBytes));
        window = bytes;
        return bytes.subarray(0, lengthBytes);
      }
      return window.subarray(offset, offset + lengthBytes);
    },
  };
}

/** Finds the end of a frame by its block headers (section 3.1.1.2). */
function frameEnd(
  source: BlockSource,
  start: number,
  header: FrameHeader,
  fail: (rule: string) => never,
): number {
  // Blocks may be empty. A hostile frame of empty blocks could have any length and state that its
  // content is short.
  const longest = LONGEST_FRAME_FACTOR * header.contentBytes + LONGEST_FRAME_SLACK_BYTES;
  let position = start + header.headerBytes;
  for (let isLast = false; !isLast; ) {
    const bytes = readUpTo(source, position, BLOCK_HEADER_BYTES);
    if (bytes.length < BLOCK_HEADER_BYTES) fail('a zstd frame is truncated');
    const { last, reserved, followingBytes } = parseBlockHeader(bytes);
    if (reserved) fail('a zstd block has the reserved type');
    position += BLOCK_HEADER_BYTES + followingBytes;
    if (position - start > longest) {
      fail(
        `a zstd frame states ${header.contentBytes} bytes of content, but is longer than ${longest} bytes itself`,
      );
    }
    isLast = last;
  }
  return position + (header.checksum ? CHECKSUM_BYTES : 0);
}

/**
 * Finds the frames of a concatenation by their headers.
 *
 * @param name the file's name, for errors
 * @throws UserError if a part of the file is not a zstd frame, is truncated, or states no content
 *   size
 */
export function findFrames(image: BlockSource, name: string): FrameSpan[] {
  const source = windowed(image);
  const frames: FrameSpan[] = [];
  let contentOffsetBytes = 0;
  for (let offsetBytes = 0; offsetBytes < source.sizeBytes; ) {
    const fail: (rule: string) => never = (rule) => {
      throw new UserError(`${name}: offset ${offsetBytes}: ${rule}`);
    };
    const bytes = readUpTo(source, offsetBytes, MAX_FRAME_HEADER_BYTES);
    const magic = magicOf(bytes);
    let contentBytes = 0;
    let end: number;
    if (magic === MAGIC) {
      const header = parseHeader(bytes, fail);
      contentBytes = header.contentBytes;
      end = frameEnd(source, offsetBytes, header, fail);
    } else if (isSkippable(magic)) {
      end = offsetBytes + SKIPPABLE_HEADER.sizeBytes + skippableBytes(bytes);
    } else {
      fail('no zstd frame starts here');
    }
    if (end > source.sizeBytes) fail('a zstd frame is truncated');
    frames.push({ offsetBytes, lengthBytes: end - offsetBytes, contentOffsetBytes, contentBytes });
    contentOffsetBytes += contentBytes;
    offsetBytes = end;
  }
  return frames;
}

/**
 * Returns the size of the window that a frame needs (section 3.1.1.1.2), from its complete header.
 */
function windowBytes(header: Uint8Array): number {
  const descriptor = header[DESCRIPTOR_OFFSET] as number;
  if ((descriptor & SINGLE_SEGMENT_FLAG) !== 0) return contentBytesOf(header) ?? 0;
  const window = header[FRAME_HEADER.sizeBytes] as number;
  const base = 2 ** (MIN_WINDOW_LOG + (window >> WINDOW_MANTISSA_BITS));
  return base + (base / 2 ** WINDOW_MANTISSA_BITS) * (window & (2 ** WINDOW_MANTISSA_BITS - 1));
}

/** The next part of a stream of frames. */
type Expected = 'magic' | 'descriptor' | 'header' | 'block' | 'skippable' | 'end';

/**
 * Follows frames through a stream, so that each frame can have its own decompressor, and a
 * truncated stream is detected. Node's decompressor (24.14) stops at the end of a frame that ends
 * within a chunk, and reports no truncation.
 */
export class FrameFollower {
  readonly #fail: (rule: string) => never;
  /** Collects the next header. Its length is that of the header. */
  #header = new Uint8Array(MAGIC_BYTES);
  #gatheredBytes = 0;
  /** The number of bytes to skip before the next header. */
  #skippedBytes = 0;
  #next: Expected = 'magic';
  #checksum = false;
  #contentBytes: number | undefined;

  /** @param fail throws the error for the user */
  constructor(fail: (rule: string) => never) {
    this.#fail = fail;
  }

  /**
   * The content size that the current frame's header states, once the header is complete. 0 for a
   * skippable frame.
   */
  get contentBytes(): number | undefined {
    return this.#contentBytes;
  }

  /** Whether all bytes so far are complete frames. */
  get isBetweenFrames(): boolean {
    return this.#next === 'magic' && this.#gatheredBytes === 0;
  }

  /**
   * Takes bytes up to the end of the frame, or all bytes.
   *
   * @returns the number of bytes taken
   */
  take(bytes: Uint8Array): number {
    let done = 0;
    for (;;) {
      const skip = Math.min(this.#skippedBytes, bytes.length - done);
      this.#skippedBytes -= skip;
      done += skip;
      if (this.#skippedBytes > 0) return done;
      if (this.#next === 'end') {
        this.#expect('magic', MAGIC_BYTES, 0);
        return done;
      }
      const piece = bytes.subarray(done, done + this.#header.length - this.#gatheredBytes);
      if (piece.length === 0) return done;
      this.#header.set(piece, this.#gatheredBytes);
      this.#gatheredBytes += piece.length;
      done += piece.length;
      if (this.#gatheredBytes === this.#header.length) this.#takeHeader();
    }
  }

  #expect(next: Expected, headerBytes: number, skippedBytes: number): void {
    this.#next = next;
    this.#header = new Uint8Array(headerBytes);
    this.#gatheredBytes = 0;
    this.#skippedBytes = skippedBytes;
  }

  /** Continues the same header, which is longer than the bytes collected so far. */
  #expectMore(next: Expected, headerBytes: number): void {
    const start = this.#header;
    this.#expect(next, headerBytes, 0);
    this.#header.set(start);
    this.#gatheredBytes = start.length;
  }

  #takeHeader(): void {
    switch (this.#next) {
      case 'magic':
        this.#takeMagic();
        break;
      case 'descriptor': {
        const { headerBytes, checksum } = headerLayout(this.#header[DESCRIPTOR_OFFSET] as number);
        this.#checksum = checksum;
        this.#expectMore('header', headerBytes);
        break;
      }
      case 'header': {
        const window = windowBytes(this.#header);
        if (window > MAX_WINDOW_BYTES) {
          this.#fail(
            `a zstd frame needs a window of ${window} bytes; at most ${MAX_WINDOW_BYTES} are supported (compress it without --long)`,
          );
        }
        this.#contentBytes = contentBytesOf(this.#header);
        this.#expect('block', BLOCK_HEADER_BYTES, 0);
        break;
      }
      case 'skippable':
        this.#contentBytes = 0;
        this.#expect('end', 0, skippableBytes(this.#header));
        break;
      default: {
        const { last, reserved, followingBytes } = parseBlockHeader(this.#header);
        if (reserved) this.#fail('a zstd block has the reserved type');
        if (last) this.#expect('end', 0, followingBytes + (this.#checksum ? CHECKSUM_BYTES : 0));
        else this.#expect('block', BLOCK_HEADER_BYTES, followingBytes);
      }
    }
  }

  #takeMagic(): void {
    const magic = magicOf(this.#header);
    this.#contentBytes = undefined;
    if (magic === MAGIC) this.#expectMore('descriptor', FRAME_HEADER.sizeBytes);
    else if (isSkippable(magic)) this.#expectMore('skippable', SKIPPABLE_HEADER.sizeBytes);
    else this.#fail('no zstd frame starts here');
  }
}
