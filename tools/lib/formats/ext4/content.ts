/** The content of one regular file on its way into blocks. */
import { ContentMeter } from '../entry/content-meter.ts';
import type { BlockAllocator } from './allocator.ts';
import { MAXIMUM_EXTENT_BLOCKS } from './format-extent.ts';
import { BLOCK_BYTES } from './geometry.ts';
import type { WriteBuffer } from './write-buffer.ts';

const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);

/** Whether `bytes[start, end)`, at most one block, is all zero. */
function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  // Most blocks that hold anything show it in their first or last byte.
  if (bytes[start] !== 0 || bytes[end - 1] !== 0) return false;
  return ZERO_BLOCK.compare(bytes, start, end, 0, end - start) === 0;
}

/** What the writer gives to its open files. */
export interface ContentTarget {
  readonly allocator: BlockAllocator;
  readonly buffer: WriteBuffer;
  /** Throws the error for a file system without free blocks. */
  full(): never;
  /** Takes the extents of a finished file: logical block, physical block, count, and so on. */
  finished(extents: readonly number[]): void;
}

/** Content of a file, given in pieces from start to end. Blocks of zeros become holes. */
export class FileContent {
  readonly #meter: ContentMeter;
  readonly #target: ContentTarget;
  /** Logical block, physical block and count of each extent. */
  readonly #extents: number[] = [];
  /** The start of a block whose end has not come yet. */
  #partial: Uint8Array | undefined;
  #positionBytes = 0;

  constructor(path: string, sizeBytes: number, target: ContentTarget) {
    this.#meter = new ContentMeter(path, sizeBytes);
    this.#target = target;
  }

  /** The next piece. The bytes may be changed once this returns. */
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

  /** Stands for so many zero bytes as the next piece. */
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

  /** Ends the file; all of its content must have come. */
  close(): void {
    this.#meter.close();
    this.#target.finished(this.#extents);
  }

  /** The begun block; the bytes that did not come yet are zero. */
  #partialBlock(): Uint8Array {
    this.#partial ??= new Uint8Array(BLOCK_BYTES);
    return this.#partial;
  }

  /** Counts bytes that stand in the begun block, and writes it when it is whole or the file's last. */
  #advancePartial(count: number): void {
    this.#positionBytes += count;
    if (this.#positionBytes % BLOCK_BYTES !== 0 && this.#positionBytes !== this.#meter.sizeBytes) return;
    const logicalBlock = Math.ceil(this.#positionBytes / BLOCK_BYTES) - 1;
    const block = this.#partialBlock();
    this.#writeBlocks(logicalBlock, block, 0, this.#positionBytes - logicalBlock * BLOCK_BYTES);
    this.#partial = undefined;
  }

  /** Writes blocks, the last of which may be short at the end of the file, without those that are all zero. */
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

/** Adds blocks to the last extent where they go on with it, else as new extents. */
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
