/**
 * Packs an image: compresses it once, in pieces that archives only have to copy
 * (docs/formats/packed-partition.md).
 */

import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { BlockSource } from '../../formats/block/block.ts';
import { DEFAULT_GZIP_LEVEL, gzipMember } from '../../formats/gzip/member.ts';
import { mapInOrder } from '../../formats/pipeline/ordered.ts';
import { DEFAULT_ZSTD_LEVEL, zstdFrame } from '../../formats/zstd/compress.ts';
import {
  BLOCK_BYTES,
  type ByteRange,
  CHUNK_BYTES,
  PACKED_VERSION,
  type PackedChunk,
  type PackedIndex,
  type PartitionFacts,
} from './index.ts';

export interface PackOptions {
  readonly zstdLevel?: number;
  readonly gzipLevel?: number;
  readonly chunkBytes?: number;
  /**
   * Whether the index has the digest of the raw image. Default: true. Without it, packing takes a
   * quarter less time.
   */
  readonly digest?: boolean;
  /**
   * The ranges of the image that were written, in ascending order; the rest reads as zeros.
   * Default: everything.
   */
  readonly written?: readonly ByteRange[];
  readonly facts?: PartitionFacts;
}

/** The receivers of the compressed bytes, in order. */
export interface PackSinks {
  readonly zst: (bytes: Uint8Array) => void;
  /** Without it, nothing is compressed with gzip. */
  readonly gz?: ((bytes: Uint8Array) => void) | undefined;
}

const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);
const HASH_STEP_BYTES = 1 << 20;
const ZEROS = Buffer.alloc(HASH_STEP_BYTES);

/** The data of one chunk, without its blocks of zeros. */
interface ChunkData {
  readonly offsetBytes: number;
  readonly extents: readonly ByteRange[];
  readonly content: Uint8Array;
  /** The buffer that contains `content`, to be reused. */
  readonly buffer: Buffer;
}

/**
 * Reads into a buffer that is reused: new buffers would pile up until the garbage collector runs.
 */
function readInto(
  source: BlockSource & { readInto?(offsetBytes: number, bytes: Uint8Array): void },
  offsetBytes: number,
  bytes: Uint8Array,
): void {
  if (source.readInto !== undefined) source.readInto(offsetBytes, bytes);
  else bytes.set(source.read(offsetBytes, bytes.length));
}

/** Finds the parts of `written` within a range, rounded out to blocks. */
class WrittenRanges {
  readonly #ranges: readonly ByteRange[];
  #index = 0;

  constructor(ranges: readonly ByteRange[]) {
    this.#ranges = ranges;
  }

  /** Returns the parts of a range that were written. The ranges of successive calls must ascend. */
  within(startBytes: number, endBytes: number): ByteRange[] {
    const found: [number, number][] = [];
    for (; this.#index < this.#ranges.length; this.#index++) {
      const [offset, length] = this.#ranges[this.#index] as ByteRange;
      if (offset >= endBytes) break;
      const last = found.at(-1);
      const floor = last === undefined ? startBytes : last[0] + last[1];
      const from = Math.max(offset - (offset % BLOCK_BYTES), floor);
      const to = Math.min(Math.ceil((offset + length) / BLOCK_BYTES) * BLOCK_BYTES, endBytes);
      if (to > from) {
        if (last !== undefined && floor === from) last[1] = to - last[0];
        else found.push([from, to - from]);
      }
      if (offset + length > endBytes) break;
    }
    return found;
  }
}

/** Moves the blocks of `bytes` that hold data to the front, and returns where they were. */
function dropZeroBlocks(
  bytes: Buffer,
  ranges: readonly ByteRange[],
): { extents: ByteRange[]; dataBytes: number } {
  const extents: [number, number][] = [];
  let dataBytes = 0;
  let position = 0;
  for (const [start, length] of ranges) {
    for (let offset = start; offset < start + length; offset += BLOCK_BYTES, position += BLOCK_BYTES) {
      if (bytes.compare(ZERO_BLOCK, 0, BLOCK_BYTES, position, position + BLOCK_BYTES) === 0) continue;
      if (dataBytes !== position) bytes.copyWithin(dataBytes, position, position + BLOCK_BYTES);
      dataBytes += BLOCK_BYTES;
      const last = extents.at(-1);
      if (last !== undefined && last[0] + last[1] === offset) last[1] += BLOCK_BYTES;
      else extents.push([offset, BLOCK_BYTES]);
    }
  }
  return { extents, dataBytes };
}

function* chunkData(
  source: BlockSource,
  chunkBytes: number,
  written: readonly ByteRange[],
  spare: Buffer[],
): Generator<ChunkData> {
  const ranges = new WrittenRanges(written);
  for (let offsetBytes = 0; offsetBytes < source.sizeBytes; offsetBytes += chunkBytes) {
    const inChunk = ranges.within(offsetBytes, Math.min(offsetBytes + chunkBytes, source.sizeBytes));
    if (inChunk.length === 0) continue;
    const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(chunkBytes);
    let position = 0;
    for (const [start, length] of inChunk) {
      readInto(source, start, buffer.subarray(position, position + length));
      position += length;
    }
    const { extents, dataBytes } = dropZeroBlocks(buffer, inChunk);
    if (dataBytes > 0) yield { offsetBytes, extents, content: buffer.subarray(0, dataBytes), buffer };
    else spare.push(buffer);
  }
}

/**
 * Hashes the raw image step by step, so that the compressor receives new input between the steps.
 */
export async function digestImage(source: BlockSource, written: readonly ByteRange[]): Promise<string> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(HASH_STEP_BYTES);
  const zeros = async (endBytes: number, from: number): Promise<void> => {
    for (let offset = from; offset < endBytes; offset += HASH_STEP_BYTES) {
      hash.update(ZEROS.subarray(0, Math.min(HASH_STEP_BYTES, endBytes - offset)));
      await setImmediate();
    }
  };
  const data = async (endBytes: number, from: number): Promise<void> => {
    for (let offset = from; offset < endBytes; offset += HASH_STEP_BYTES) {
      const bytes = buffer.subarray(0, Math.min(HASH_STEP_BYTES, endBytes - offset));
      readInto(source, offset, bytes);
      hash.update(bytes);
      await setImmediate();
    }
  };
  let position = 0;
  for (const [offset, length] of written) {
    await zeros(offset, position);
    await data(offset + length, offset);
    position = offset + length;
  }
  await zeros(source.sizeBytes, position);
  return hash.digest('hex');
}

/**
 * Packs an image and returns its index.
 *
 * @throws RangeError if the size of the image is not a multiple of the block size
 */
export async function packImage(
  source: BlockSource,
  sinks: PackSinks,
  options: PackOptions = {},
): Promise<PackedIndex> {
  const {
    zstdLevel = DEFAULT_ZSTD_LEVEL,
    gzipLevel = DEFAULT_GZIP_LEVEL,
    chunkBytes = CHUNK_BYTES,
  } = options;
  const { sizeBytes } = source;
  if (sizeBytes % BLOCK_BYTES !== 0)
    throw new RangeError(`an image of ${sizeBytes} bytes is not a multiple of the block size`);
  const written = options.written ?? (sizeBytes === 0 ? [] : [[0, sizeBytes] as const]);
  const chunks: PackedChunk[] = [];
  const end = { zst: 0, gz: 0 };
  const spare: Buffer[] = [];
  const compressAll = async (): Promise<void> => {
    const packed = mapInOrder(chunkData(source, chunkBytes, written, spare), async (data) => {
      const [zst, gz] = await Promise.all([
        zstdFrame(data.content, zstdLevel),
        sinks.gz === undefined ? undefined : gzipMember(data.content, gzipLevel),
      ]);
      spare.push(data.buffer);
      return { offsetBytes: data.offsetBytes, extents: data.extents, zst, gz };
    });
    for await (const { offsetBytes, extents, zst, gz } of packed) {
      sinks.zst(zst);
      const chunk = { offsetBytes, extents, zst: [end.zst, zst.length] as const };
      end.zst += zst.length;
      if (gz === undefined) {
        chunks.push(chunk);
        continue;
      }
      sinks.gz?.(gz);
      chunks.push({ ...chunk, gz: [end.gz, gz.length] });
      end.gz += gz.length;
    }
  };
  const digest = options.digest === false ? undefined : digestImage(source, written);
  const [sha256] = await Promise.all([digest, compressAll()]);
  return {
    version: PACKED_VERSION,
    sizeBytes,
    blockBytes: BLOCK_BYTES,
    chunkBytes,
    ...(sha256 === undefined ? {} : { sha256 }),
    ...options.facts,
    chunks,
  };
}
