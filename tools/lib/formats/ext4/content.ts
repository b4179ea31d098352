/** Writes the content of one regular file to blocks. */
import { ContentMeter } from '../entry/content-meter.ts';
import type { BlockAllocator } from './allocator.ts';
import { MAXIMUM_EXTENT_BLOCKS } from './format-extent.ts';
import { BLOCK_BYTES } from './geometry.ts';
import type { WriteBuffer } from './write-buffer.ts';

const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);

/** Reports whether `bytes[start, end)`, which is at most one block, is all zero. */
function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  // Most blocks with data have a non-zero first or last byte.
  if (bytes[start] !== 0 || bytes[end - 1] !== 0) return false;
  return ZERO_BLOCK.compare(bytes, start, end, 0, end - start) === 0;
}

/** The parts of the writer that its open files use. */
export interface ContentTarget {
  readonly allocator: BlockAllocator;
  readonly buffer: WriteBuffer;
  /** Throws the error for a full file system. */
  full(): never;
  /** Takes the extents of a finished file: the logical block, physical block and count of each. */
  finished(extents: readonly number[]): void;
}

/** Takes the content of a file in pieces from start to end. Blocks of zeros become holes. */
export class FileContent {
  readonly #meter: ContentMeter;
  readonly #target: ContentTarget;
  /** Logical block, physical block and count of each extent. */
  readonly #extents: number[] = [];
  /** A block whose end is still missing. */
  #partial: Uint8Array | undefined;
  #positionBytes = 0;

  constructor(path: string, sizeBytes: number, target: ContentTarget) {
    this.#meter = new ContentMeter(path, sizeBytes);
    this.#target = target;
  }

  /** Takes the next piece. The caller may change the bytes afterwards. */
  write(bytes: Uint8Array): void {
    this.#meter.add(bytes.length);
    for (let offset = 0; offset < bytes.length; ) {
      const begun = this.#positionBytes % BLOCK_BYTES;
      const left = bytes.length - offset;
      let count: number;
      if (begun === 0 && (left >= BLOCK_BYTES || this.#positionBytes + left === this.#meter.sizeBytes)) {
        count = left >= BLOCK_BYTES ? left - (left % BLOCK_BYTES) : left;
        this.#writeBlocks(this.#positionBytes / BLOCK_BYTES, bytes, offset, offset + count);
        this.#positionBytes += count;
      } else {
        count = Math.min(BLOCK_BYTES - begun, left);
        this.#partialBlock().set(bytes.subarray(offset, offset + count), begun);
        this.#advancePartial(count);
      }
      offset += count;
    }
  }

  /** Advances by `lengthBytes` zeros. */
  skip(lengthBytes: number): void {
    this.#meter.add(lengthBytes);
    const begun = this.#positionBytes % BLOCK_BYTES;
    let left = lengthBytes;
    if (begun > 0) {
      const count = Math.min(BLOCK_BYTES - begun, left);
      this.#advancePartial(count);
      left -= count;
    }
    const isEnd = this.#positionBytes + left === this.#meter.sizeBytes;
    const whole = isEnd ? left : left - (left % BLOCK_BYTES);
    this.#positionBytes += whole;
    if (left > whole) {
      this.#partialBlock();
      this.#advancePartial(left - whole);
    }
  }

  /**
   * Ends the file.
   *
   * @throws UserError if content is missing
   */
  close(): void {
    this.#meter.close();
    this.#target.finished(this.#extents);
  }

  /** Returns the incomplete block. Its missing bytes are zero. */
  #partialBlock(): Uint8Array {
    this.#partial ??= new Uint8Array(BLOCK_BYTES);
    return this.#partial;
  }

  /** Counts bytes of the incomplete block, and writes it once it is full or the file ends. */
  #advancePartial(count: number): void {
    this.#positionBytes += count;
    if (this.#positionBytes % BLOCK_BYTES !== 0 && this.#positionBytes !== this.#meter.sizeBytes) return;
    const logicalBlock = Math.ceil(this.#positionBytes / BLOCK_BYTES) - 1;
    const block = this.#partialBlock();
    this.#writeBlocks(logicalBlock, block, 0, this.#positionBytes - logicalBlock * BLOCK_BYTES);
    this.#partial = undefined;
  }

  /** Writes the blocks that are not all zero. The last block of the file may be short. */
  #writeBlocks(logicalBlock: number, bytes: Uint8Array, start: number, end: number): void {
    let dataStart = start;
    for (let offset = start; offset < end; offset += BLOCK_BYTES) {
      if (!isZero(bytes, offset, Math.min(offset + BLOCK_BYTES, end))) continue;
      this.#writeData(logicalBlock + (dataStart - start) / BLOCK_BYTES, bytes, dataStart, offset);
      dataStart = offset + BLOCK_BYTES;
    }
    this.#writeData(logicalBlock + (dataStart - start) / BLOCK_BYTES, bytes, dataStart, end);
  }

  #writeData(logicalBlock: number, bytes: Uint8Array, start: number, end: number): void {
    let logical = logicalBlock;
    for (let offset = start; offset < end; ) {
      const run =
        this.#target.allocator.allocate(Math.ceil((end - offset) / BLOCK_BYTES)) ?? this.#target.full();
      const stop = Math.min(end, offset + run.count * BLOCK_BYTES);
      this.#target.buffer.write(run.start * BLOCK_BYTES, bytes, offset, stop, run.count * BLOCK_BYTES);
      appendExtent(this.#extents, logical, run.start, run.count);
      logical += run.count;
      offset = stop;
    }
  }
}

/** Adds blocks to the last extent if they continue it, and to new extents otherwise. */
export function appendExtent(
  extents: number[],
  logicalBlock: number,
  physicalBlock: number,
  count: number,
): void {
  let logical = logicalBlock;
  let physical = physicalBlock;
  let left = count;
  const last = extents.length - 3;
  if (last >= 0) {
    const lastCount = extents[last + 2] as number;
    const isNext =
      (extents[last] as number) + lastCount === logical &&
      (extents[last + 1] as number) + lastCount === physical;
    if (isNext) {
      const joined = Math.min(left, MAXIMUM_EXTENT_BLOCKS - lastCount);
      extents[last + 2] = lastCount + joined;
      logical += joined;
      physical += joined;
      left -= joined;
    }
  }
  for (; left > 0; left -= MAXIMUM_EXTENT_BLOCKS) {
    extents.push(logical, physical, Math.min(left, MAXIMUM_EXTENT_BLOCKS));
    logical += MAXIMUM_EXTENT_BLOCKS;
    physical += MAXIMUM_EXTENT_BLOCKS;
  }
}
