/**
 * The structure of Zstandard frames (RFC 8878, section 3.1.1), as far as it takes to find where a frame ends and how long its
 * content is without decompressing it.
 */

import type { BlockSource } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';

const MAGIC = 0xfd2fb528;
/** Sixteen magic numbers mark frames that decoders skip (section 3.1.2). */
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_MASK = 0xfffffff0;
const MAGIC_BYTES = 4;
const SKIPPABLE_HEADER_BYTES = 8;
/** Magic, descriptor, window descriptor, dictionary identifier, content size at their largest. */
const MAX_HEADER_BYTES = 4 + 1 + 1 + 4 + 8;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;

const DESCRIPTOR_SINGLE_SEGMENT = 0x20;
const DESCRIPTOR_RESERVED = 0x08;
const DESCRIPTOR_CHECKSUM = 0x04;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
/** A content size of two bytes counts from 256. */
const TWO_BYTE_SIZE_OFFSET = 256;

/** Section 3.1.1.1.2: the window descriptor is an exponent from 10 on, and three bits of mantissa. */
const MIN_WINDOW_LOG = 10;
const WINDOW_MANTISSA_BITS = 3;
/** The largest window of a foreign frame: what `zstd -d` takes too. */
export const MAX_WINDOW_BYTES = 1 << 27;

/** What a frame may be longer than its content: writers that flush a lot make small blocks. */
const LONGEST_FRAME_FACTOR = 2;
const LONGEST_FRAME_SLACK_BYTES = 1 << 20;
/** Headers are read in windows of so many bytes. */
const READ_BYTES = 512;

const BLOCK_TYPE_RLE = 1;
const BLOCK_TYPE_RESERVED = 3;

/** Where a frame lies in a concatenation, and where its content lies in the decompressed whole. */
export interface FrameSpan {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly contentOffsetBytes: number;
  /** Skippable frames have no content: 0. */
  readonly contentBytes: number;
}

interface FrameHeader {
  readonly headerBytes: number;
  readonly contentBytes: number;
  readonly checksum: boolean;
}

function littleEndian(bytes: Uint8Array, offset: number, length: number): number {
  let value = 0;
  for (let index = length - 1; index >= 0; index--) value = value * 256 + (bytes[offset + index] ?? 0);
  return value;
}

/** What a frame's descriptor (section 3.1.1.1.1) says about the rest of its header. */
interface HeaderLayout {
  /** Where the content size lies, and how long it is: 0 where there is none. */
  readonly sizeOffset: number;
  readonly sizeBytes: number;
  readonly headerBytes: number;
  readonly checksum: boolean;
}

function headerLayout(descriptor: number): HeaderLayout {
  const singleSegment = (descriptor & DESCRIPTOR_SINGLE_SEGMENT) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 ? (singleSegment ? 1 : 0) : (CONTENT_SIZE_BYTES[sizeFlag] as number);
  const dictionaryBytes = DICTIONARY_ID_BYTES[descriptor & 3] as number;
  const sizeOffset = MAGIC_BYTES + 1 + (singleSegment ? 0 : 1) + dictionaryBytes;
  const checksum = (descriptor & DESCRIPTOR_CHECKSUM) !== 0;
  return { sizeOffset, sizeBytes, headerBytes: sizeOffset + sizeBytes, checksum };
}

/** @throws UserError where the header is not one, or says no content size. */
function parseHeader(bytes: Uint8Array, fail: (rule: string) => never): FrameHeader {
  const descriptor = bytes[MAGIC_BYTES] ?? 0;
  if ((descriptor & DESCRIPTOR_RESERVED) !== 0) fail('the reserved bit of a zstd frame is set');
  const { sizeOffset, sizeBytes, headerBytes, checksum } = headerLayout(descriptor);
  if (bytes.length < headerBytes) fail('a zstd frame is truncated');
  if (sizeBytes === 0) fail('a zstd frame does not say how long its content is');
  const contentBytes =
    littleEndian(bytes, sizeOffset, sizeBytes) + (sizeBytes === 2 ? TWO_BYTE_SIZE_OFFSET : 0);
  if (!Number.isSafeInteger(contentBytes))
    fail('a zstd frame says that its content is larger than 2^53 bytes');
  return { headerBytes, contentBytes, checksum };
}

/** Reads up to `length` bytes, fewer at the end. */
function readUpTo(source: BlockSource, offset: number, length: number): Uint8Array {
  if (offset >= source.sizeBytes) return new Uint8Array(0);
  return source.read(offset, Math.min(length, source.sizeBytes - offset));
}

/** What a block's header (section 3.1.1.2) says: whether it is the last one, and how many bytes follow. */
function parseBlockHeader(bytes: Uint8Array): { last: boolean; reserved: boolean; followingBytes: number } {
  const header = littleEndian(bytes, 0, BLOCK_HEADER_BYTES);
  const type = (header >> 1) & 3;
  return {
    last: (header & 1) !== 0,
    reserved: type === BLOCK_TYPE_RESERVED,
    followingBytes: type === BLOCK_TYPE_RLE ? 1 : header >> 3,
  };
}

/** Reads through a small window: the headers of small blocks lie close together. */
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

/** Walks the block headers of a frame to its end (section 3.1.1.2). */
function frameEnd(
  source: BlockSource,
  start: number,
  header: FrameHeader,
  fail: (rule: string) => never,
): number {
  // Blocks may hold nothing; a frame of such blocks could be of any length and say that its content is short.
  const longest = LONGEST_FRAME_FACTOR * header.contentBytes + LONGEST_FRAME_SLACK_BYTES;
  let position = start + header.headerBytes;
  for (let isLast = false; !isLast; ) {
    const bytes = readUpTo(source, position, BLOCK_HEADER_BYTES);
    if (bytes.length < BLOCK_HEADER_BYTES) fail('a zstd frame is truncated');
    const { last, reserved, followingBytes } = parseBlockHeader(bytes);
    if (reserved) fail('a zstd block has the reserved type');
    position += BLOCK_HEADER_BYTES + followingBytes;
    if (position - start > longest) {
      fail(`a zstd frame says ${header.contentBytes} bytes of content, and has more than ${longest} itself`);
    }
    isLast = last;
  }
  return position + (header.checksum ? CHECKSUM_BYTES : 0);
}

/**
 * Finds the frames of a concatenation by their headers.
 *
 * @param name the file's name, for errors
 * @throws UserError where something is no zstd frame, is truncated, or has no content size
 */
export function findFrames(image: BlockSource, name: string): FrameSpan[] {
  const source = windowed(image);
  const frames: FrameSpan[] = [];
  let contentOffsetBytes = 0;
  for (let offsetBytes = 0; offsetBytes < source.sizeBytes; ) {
    const fail: (rule: string) => never = (rule) => {
      throw new UserError(`${name}: offset ${offsetBytes}: ${rule}`);
    };
    const bytes = readUpTo(source, offsetBytes, MAX_HEADER_BYTES);
    const magic = littleEndian(bytes, 0, MAGIC_BYTES);
    let contentBytes = 0;
    let end: number;
    if (magic === MAGIC) {
      const header = parseHeader(bytes, fail);
      contentBytes = header.contentBytes;
      end = frameEnd(source, offsetBytes, header, fail);
    } else if ((magic & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_MAGIC) {
      end = offsetBytes + SKIPPABLE_HEADER_BYTES + littleEndian(bytes, MAGIC_BYTES, 4);
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

/** The content size that a whole header says, if it does (section 3.1.1.1.4). */
function contentBytes(header: Uint8Array): number | undefined {
  const { sizeOffset, sizeBytes } = headerLayout(header[MAGIC_BYTES] as number);
  if (sizeBytes === 0) return undefined;
  return littleEndian(header, sizeOffset, sizeBytes) + (sizeBytes === 2 ? TWO_BYTE_SIZE_OFFSET : 0);
}

/** The window that a frame needs (section 3.1.1.1.2), from its whole header. */
function windowBytes(header: Uint8Array): number {
  const descriptor = header[MAGIC_BYTES] as number;
  if ((descriptor & DESCRIPTOR_SINGLE_SEGMENT) !== 0) return contentBytes(header) ?? 0;
  const window = header[MAGIC_BYTES + 1] as number;
  const base = 2 ** (MIN_WINDOW_LOG + (window >> WINDOW_MANTISSA_BITS));
  return base + (base / 2 ** WINDOW_MANTISSA_BITS) * (window & (2 ** WINDOW_MANTISSA_BITS - 1));
}

/** What comes next in a stream of frames. */
type Expected = 'magic' | 'descriptor' | 'header' | 'block' | 'skippable' | 'end';

/**
 * Follows frames through a stream, so that each can be given to a decompressor of its own, and the stream's end be told from a truncation:
 * Node's decompressor (24.14) stops at the end of a frame that ends within a chunk, and takes what there is for the whole.
 */
export class FrameFollower {
  readonly #fail: (rule: string) => never;
  /** What comes next: a header of so many bytes, gathered here, after so many bytes of no interest. */
  #header = new Uint8Array(MAGIC_BYTES);
  #gatheredBytes = 0;
  #skippedBytes = 0;
  #next: Expected = 'magic';
  #checksum = false;
  #contentBytes: number | undefined;

  /** @param fail throws the error for the user */
  constructor(fail: (rule: string) => never) {
    this.#fail = fail;
  }

  /** The content of the frame that bytes were taken of last: what its header says, once that is there. A skippable one has none. */
  get contentBytes(): number | undefined {
    return this.#contentBytes;
  }

  /** Whether everything so far is whole frames. */
  get isBetweenFrames(): boolean {
    return this.#next === 'magic' && this.#gatheredBytes === 0;
  }

  /**
   * Takes bytes up to the end of the frame, or all of them.
   *
   * @returns how many were taken
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

  /** Goes on with the same header, of which more is wanted. */
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
        const { headerBytes, checksum } = headerLayout(this.#header[MAGIC_BYTES] as number);
        this.#checksum = checksum;
        this.#expectMore('header', headerBytes);
        break;
      }
      case 'header': {
        const window = windowBytes(this.#header);
        if (window > MAX_WINDOW_BYTES) {
          this.#fail(
            `a zstd frame needs a window of ${window} bytes; at most ${MAX_WINDOW_BYTES} are read (compress it without --long)`,
          );
        }
        this.#contentBytes = contentBytes(this.#header);
        this.#expect('block', BLOCK_HEADER_BYTES, 0);
        break;
      }
      case 'skippable':
        this.#contentBytes = 0;
        this.#expect('end', 0, littleEndian(this.#header, MAGIC_BYTES, 4));
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
    const magic = littleEndian(this.#header, 0, MAGIC_BYTES);
    this.#contentBytes = undefined;
    if (magic === MAGIC) this.#expectMore('descriptor', MAGIC_BYTES + 1);
    else if ((magic & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_MAGIC)
      this.#expectMore('skippable', SKIPPABLE_HEADER_BYTES);
    else this.#fail('no zstd frame starts here');
  }
}
