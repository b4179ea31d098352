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

/** Walks the block headers of a frame to its end (section 3.1.1.2). */
function frameEnd(
  source: BlockSource,
  start: number,
  header: FrameHeader,
  fail: (rule: string) => never,
): number {
  let position = start + header.headerBytes;
  for (let isLast = false; !isLast; ) {
    const bytes = readUpTo(source, position, BLOCK_HEADER_BYTES);
    if (bytes.length < BLOCK_HEADER_BYTES) fail('a zstd frame is truncated');
    const { last, reserved, followingBytes } = parseBlockHeader(bytes);
    if (reserved) fail('a zstd block has the reserved type');
    position += BLOCK_HEADER_BYTES + followingBytes;
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
export function findFrames(source: BlockSource, name: string): FrameSpan[] {
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

/**
 * Follows frames through a stream, so that its end can be told from a truncation: Node's decompressor (24.14) takes what
 * there is for the whole.
 */
export class FrameFollower {
  /** What comes next: a header of so many bytes, gathered here, after so many bytes of no interest. */
  #header = new Uint8Array(MAGIC_BYTES + 1);
  #gatheredBytes = 0;
  #skippedBytes = 0;
  #next: 'frame' | 'block' = 'frame';
  #checksum = false;

  update(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const skip = Math.min(this.#skippedBytes, bytes.length - done);
      this.#skippedBytes -= skip;
      done += skip;
      const piece = bytes.subarray(done, done + this.#header.length - this.#gatheredBytes);
      if (this.#skippedBytes > 0 || piece.length === 0) continue;
      this.#header.set(piece, this.#gatheredBytes);
      this.#gatheredBytes += piece.length;
      done += piece.length;
      if (this.#gatheredBytes === this.#header.length) this.#take();
    }
  }

  /** Whether everything so far is whole frames. */
  get isBetweenFrames(): boolean {
    return this.#next === 'frame' && this.#gatheredBytes === 0 && this.#skippedBytes === 0;
  }

  #expect(next: 'frame' | 'block', headerBytes: number, skippedBytes: number): void {
    this.#next = next;
    this.#header = new Uint8Array(headerBytes);
    this.#gatheredBytes = 0;
    this.#skippedBytes = skippedBytes;
  }

  #take(): void {
    if (this.#next === 'block') {
      const { last, followingBytes } = parseBlockHeader(this.#header);
      if (last)
        this.#expect('frame', MAGIC_BYTES + 1, followingBytes + (this.#checksum ? CHECKSUM_BYTES : 0));
      else this.#expect('block', BLOCK_HEADER_BYTES, followingBytes);
      return;
    }
    const magic = littleEndian(this.#header, 0, MAGIC_BYTES);
    if (magic === MAGIC) {
      const { headerBytes, checksum } = headerLayout(this.#header[MAGIC_BYTES] ?? 0);
      this.#checksum = checksum;
      this.#expect('block', BLOCK_HEADER_BYTES, headerBytes - this.#header.length);
    } else if (this.#header.length < SKIPPABLE_HEADER_BYTES) {
      // A skippable frame; anything else the decompressor refuses itself.
      const start = this.#header;
      this.#expect('frame', SKIPPABLE_HEADER_BYTES, 0);
      this.#header.set(start);
      this.#gatheredBytes = start.length;
    } else {
      this.#expect('frame', MAGIC_BYTES + 1, littleEndian(this.#header, MAGIC_BYTES, 4));
    }
  }
}
