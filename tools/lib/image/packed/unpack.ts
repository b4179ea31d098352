/** Reads packed partitions. */

import { type BlockSink, type BlockSource, checkRange } from '../../formats/block/block.ts';
import { UserError } from '../../formats/error/user-error.ts';
import { frameContents } from '../../formats/zstd/decompress.ts';
import type { FrameSpan } from '../../formats/zstd/frame.ts';
import { contentBytes, decompressChunk } from './chunk.ts';
import { compressedBytes, type PackedChunk, type PackedIndex } from './index.ts';

/** The number of decompressed chunks that a {@link PackedSource} keeps. */
const CACHED_CHUNKS = 4;

/**
 * Checks the size of the `.img.zst` file. @throws UserError if it differs from the one in the index
 */
export function checkPackedSize(index: PackedIndex, sizeBytes: number, name: string): void {
  const expected = compressedBytes(index, 'zst');
  if (sizeBytes !== expected) {
    throw new UserError(
      `${name}: ${sizeBytes} bytes, but its index says ${expected}; the two files do not belong together`,
    );
  }
}

/**
 * Unpacks an image. Ranges that are in no extent are not written, so that a sparse file stays
 * sparse.
 *
 * @param zst the `.img.zst` file
 * @param name its name, for errors
 */
export async function unpackImage(
  index: PackedIndex,
  zst: BlockSource,
  name: string,
  sink: BlockSink,
): Promise<void> {
  checkPackedSize(index, zst.sizeBytes, name);
  let contentOffsetBytes = 0;
  const frames = index.chunks.map((chunk): FrameSpan => {
    const frame = {
      offsetBytes: chunk.zst[0],
      lengthBytes: chunk.zst[1],
      contentOffsetBytes,
      contentBytes: contentBytes(chunk),
    };
    contentOffsetBytes += frame.contentBytes;
    return frame;
  });
  let next = 0;
  for await (const content of frameContents(zst, frames, name)) {
    const chunk = index.chunks[next++] as PackedChunk;
    let position = 0;
    for (const [offsetBytes, lengthBytes] of chunk.extents) {
      sink.write(offsetBytes, content.subarray(position, position + lengthBytes));
      position += lengthBytes;
    }
  }
}

/** Reads a packed image as if it were unpacked. */
export class PackedSource implements BlockSource {
  readonly sizeBytes: number;
  readonly #index: PackedIndex;
  readonly #zst: BlockSource;
  readonly #name: string;
  readonly #chunks: ReadonlyMap<number, PackedChunk>;
  /** Whole chunks with their holes; the least recently used chunk is the first. */
  readonly #cache = new Map<number, Uint8Array>();

  constructor(index: PackedIndex, zst: BlockSource, name: string) {
    checkPackedSize(index, zst.sizeBytes, name);
    this.sizeBytes = index.sizeBytes;
    this.#index = index;
    this.#zst = zst;
    this.#name = name;
    this.#chunks = new Map(index.chunks.map((chunk) => [chunk.offsetBytes, chunk]));
  }

  #decompress(chunk: PackedChunk): Uint8Array {
    const content = decompressChunk(
      this.#zst.read(...chunk.zst),
      contentBytes(chunk),
      this.#name,
      chunk.zst[0],
    );
    const whole = new Uint8Array(this.#index.chunkBytes);
    let position = 0;
    for (const [offsetBytes, lengthBytes] of chunk.extents) {
      whole.set(content.subarray(position, position + lengthBytes), offsetBytes - chunk.offsetBytes);
      position += lengthBytes;
    }
    return whole;
  }

  #chunk(offsetBytes: number): Uint8Array | undefined {
    const chunk = this.#chunks.get(offsetBytes);
    if (chunk === undefined) return undefined;
    const whole = this.#cache.get(offsetBytes) ?? this.#decompress(chunk);
    this.#cache.delete(offsetBytes);
    this.#cache.set(offsetBytes, whole);
    const oldest = this.#cache.keys().next().value;
    if (this.#cache.size > CACHED_CHUNKS && oldest !== undefined) this.#cache.delete(oldest);
    return whole;
  }

  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    checkRange('read', offsetBytes, lengthBytes, this.sizeBytes);
    const bytes = new Uint8Array(lengthBytes);
    for (let done = 0; done < lengthBytes; ) {
      const inChunk = (offsetBytes + done) % this.#index.chunkBytes;
      const count = Math.min(this.#index.chunkBytes - inChunk, lengthBytes - done);
      const whole = this.#chunk(offsetBytes + done - inChunk);
      if (whole !== undefined) bytes.set(whole.subarray(inChunk, inChunk + count), done);
      done += count;
    }
    return bytes;
  }
}
