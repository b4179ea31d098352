/** Decompresses pieces of an image when they are read. */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { type BlockSource, checkRange } from '../../lib/formats/block/block.ts';
import { UserError } from '../../lib/formats/error/user-error.ts';
import { MAX_FRAME_CONTENT_BYTES } from '../../lib/formats/zstd/decompress.ts';
import { type FrameSpan, findFrames } from '../../lib/formats/zstd/frame.ts';
import type { PackedChunk, PackedIndex } from '../../lib/image/packed/index.ts';
import { type DataExtent, extentAt, holeBytes, type ImageSource } from './source.ts';

/** The limit of decompressed data in memory. One chunk is always kept. */
const CACHE_BYTES = 16 << 20;

/** A compressed piece of an image, and the size of its content. */
interface Chunk {
  readonly compressedOffsetBytes: number;
  readonly compressedBytes: number;
  readonly contentBytes: number;
}

type Compression = 'zst' | 'gz';

/**
 * Additional space in output buffers, because Node allocates a second buffer of the same size if
 * the first one is full.
 */
const OUTPUT_SLACK_BYTES = 64;

function decompress(compressed: Uint8Array, compression: Compression, contentBytes: number): Uint8Array {
  const options = { chunkSize: contentBytes + OUTPUT_SLACK_BYTES, maxOutputLength: contentBytes };
  return compression === 'zst' ? zstdDecompressSync(compressed, options) : gunzipSync(compressed, options);
}

/** A file that can fill a buffer that is used several times. */
type CompressedFile = BlockSource & { readInto?(offsetBytes: number, bytes: Uint8Array): void };

/**
 * Keeps the contents of the chunks that were used last. Callers must not change the bytes they get.
 */
class ChunkCache {
  readonly #file: CompressedFile;
  /**
   * The buffer for all compressed bytes: new buffers would accumulate until the next garbage
   * collection.
   */
  #input: Buffer = Buffer.alloc(0);
  readonly #compression: Compression;
  readonly #name: string;
  /** Least recently used first. */
  readonly #contents = new Map<number, Uint8Array>();
  #bytes = 0;

  constructor(file: CompressedFile, compression: Compression, name: string) {
    this.#file = file;
    this.#compression = compression;
    this.#name = name;
  }

  content(chunk: Chunk): Uint8Array {
    const key = chunk.compressedOffsetBytes;
    const known = this.#contents.get(key);
    if (known !== undefined) {
      this.#contents.delete(key);
      this.#contents.set(key, known);
      return known;
    }
    const content = this.#decompress(chunk);
    this.#contents.set(key, content);
    this.#bytes += content.length;
    for (const [oldest, bytes] of this.#contents) {
      if (this.#bytes <= CACHE_BYTES || oldest === key) break;
      this.#contents.delete(oldest);
      this.#bytes -= bytes.length;
    }
    return content;
  }

  #compressed(offsetBytes: number, lengthBytes: number): Uint8Array {
    if (this.#file.readInto === undefined) return this.#file.read(offsetBytes, lengthBytes);
    if (this.#input.length < lengthBytes) this.#input = Buffer.allocUnsafeSlow(lengthBytes);
    const bytes = this.#input.subarray(0, lengthBytes);
    this.#file.readInto(offsetBytes, bytes);
    return bytes;
  }

  #decompress({ compressedOffsetBytes, compressedBytes, contentBytes }: Chunk): Uint8Array {
    const where = `${this.#name}: the ${this.#compression} data at ${compressedOffsetBytes}`;
    let content: Uint8Array;
    try {
      content = decompress(
        this.#compressed(compressedOffsetBytes, compressedBytes),
        this.#compression,
        contentBytes,
      );
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new UserError(`${where} is damaged: ${reason}; get or build the file again`);
    }
    if (content.length !== contentBytes) {
      throw new UserError(`${where} has ${content.length} bytes of content instead of ${contentBytes}`);
    }
    return content;
  }
}

/** The decompressed content of a file of independent zstd frames. */
export class FrameSource implements ImageSource {
  readonly sizeBytes: number;
  /** The frames that have content. */
  readonly frames: readonly FrameSpan[];
  readonly #cache: ChunkCache;
  readonly #starts: readonly DataExtent[];

  private constructor(file: BlockSource, frames: readonly FrameSpan[], name: string) {
    this.frames = frames;
    this.#cache = new ChunkCache(file, 'zst', name);
    this.#starts = frames.map((frame) => [frame.contentOffsetBytes, frame.contentBytes]);
    const last = frames.at(-1);
    this.sizeBytes = last === undefined ? 0 : last.contentOffsetBytes + last.contentBytes;
  }

  /** Returns `undefined` if the frames are too large, do not state their length, or are damaged. */
  static open(file: BlockSource, name: string): FrameSource | undefined {
    try {
      const frames = findFrames(file, name).filter((frame) => frame.contentBytes > 0);
      if (frames.some((frame) => frame.contentBytes > MAX_FRAME_CONTENT_BYTES)) return undefined;
      return new FrameSource(file, frames, name);
    } catch (error) {
      if (error instanceof UserError) return undefined;
      throw error;
    }
  }

  zeroBytes(): number {
    return 0;
  }

  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    checkRange('read', offsetBytes, lengthBytes, this.sizeBytes);
    let index = extentAt(this.#starts, offsetBytes);
    const first = this.frames[index];
    if (first !== undefined && offsetBytes + lengthBytes <= first.contentOffsetBytes + first.contentBytes) {
      const start = offsetBytes - first.contentOffsetBytes;
      return this.#frameContent(first).subarray(start, start + lengthBytes);
    }
    const bytes = new Uint8Array(lengthBytes);
    for (let done = 0; done < lengthBytes; index += 1) {
      const frame = this.frames[index] as FrameSpan;
      const start = offsetBytes + done - frame.contentOffsetBytes;
      const count = Math.min(frame.contentBytes - start, lengthBytes - done);
      bytes.set(this.#frameContent(frame).subarray(start, start + count), done);
      done += count;
    }
    return bytes;
  }

  #frameContent({ offsetBytes, lengthBytes, contentBytes }: FrameSpan): Uint8Array {
    return this.#cache.content({
      compressedOffsetBytes: offsetBytes,
      compressedBytes: lengthBytes,
      contentBytes,
    });
  }
}

/** A sparse file that is stored without its holes. */
export class SparseSource implements ImageSource {
  readonly sizeBytes: number;
  readonly #stored: BlockSource;
  readonly #startBytes: number;
  readonly #extents: readonly DataExtent[];
  /** The start of the data of each extent in the stored bytes. */
  readonly #storedOffsets: readonly number[];

  /** @param startBytes the start of the data in `stored` */
  constructor(stored: BlockSource, startBytes: number, sizeBytes: number, extents: readonly DataExtent[]) {
    this.#stored = stored;
    this.#startBytes = startBytes;
    this.sizeBytes = sizeBytes;
    this.#extents = extents;
    let position = 0;
    this.#storedOffsets = extents.map(([, lengthBytes]) => {
      const offset = position;
      position += lengthBytes;
      return offset;
    });
  }

  zeroBytes(offsetBytes: number): number {
    return holeBytes(this.#extents, this.sizeBytes, offsetBytes);
  }

  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    checkRange('read', offsetBytes, lengthBytes, this.sizeBytes);
    const end = offsetBytes + lengthBytes;
    const firstIndex = Math.max(0, extentAt(this.#extents, offsetBytes));
    const [firstStart, firstLength] = this.#extents[firstIndex] ?? [0, 0];
    if (offsetBytes >= firstStart && end <= firstStart + firstLength) {
      const stored = (this.#storedOffsets[firstIndex] as number) + (offsetBytes - firstStart);
      return this.#stored.read(this.#startBytes + stored, lengthBytes);
    }
    const bytes = new Uint8Array(lengthBytes);
    for (let index = firstIndex; index < this.#extents.length; index++) {
      const [start, length] = this.#extents[index] as DataExtent;
      if (start >= end) break;
      const from = Math.max(start, offsetBytes);
      const to = Math.min(start + length, end);
      if (from >= to) continue;
      const stored = this.#startBytes + (this.#storedOffsets[index] as number) + (from - start);
      bytes.set(this.#stored.read(stored, to - from), from - offsetBytes);
    }
    return bytes;
  }
}

/** The content of a packed partition, read from either of its compressed files. */
export class PackedImage implements ImageSource {
  readonly sizeBytes: number;
  readonly #index: PackedIndex;
  readonly #compression: Compression;
  readonly #cache: ChunkCache;
  readonly #extents: readonly DataExtent[];
  readonly #chunks: ReadonlyMap<number, PackedChunk>;

  constructor(index: PackedIndex, file: BlockSource, compression: Compression, name: string) {
    this.#index = index;
    this.sizeBytes = index.sizeBytes;
    this.#compression = compression;
    this.#cache = new ChunkCache(file, compression, name);
    this.#extents = index.chunks.flatMap((chunk) => chunk.extents);
    this.#chunks = new Map(index.chunks.map((chunk) => [chunk.offsetBytes, chunk]));
  }

  zeroBytes(offsetBytes: number): number {
    return holeBytes(this.#extents, this.sizeBytes, offsetBytes);
  }

  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    checkRange('read', offsetBytes, lengthBytes, this.sizeBytes);
    const { chunkBytes } = this.#index;
    const inFirst = offsetBytes % chunkBytes;
    const firstChunk = this.#chunks.get(offsetBytes - inFirst);
    if (firstChunk !== undefined && inFirst + lengthBytes <= chunkBytes) {
      return this.#unpacked(firstChunk).read(inFirst, lengthBytes);
    }
    const bytes = new Uint8Array(lengthBytes);
    for (let done = 0; done < lengthBytes; ) {
      const inChunk = (offsetBytes + done) % chunkBytes;
      const count = Math.min(chunkBytes - inChunk, lengthBytes - done);
      const chunk = this.#chunks.get(offsetBytes + done - inChunk);
      if (chunk !== undefined) {
        bytes.set(this.#unpacked(chunk).read(offsetBytes + done - chunk.offsetBytes, count), done);
      }
      done += count;
    }
    return bytes;
  }

  #unpacked(chunk: PackedChunk): SparseSource {
    const contentBytes = chunk.extents.reduce((sum, [, length]) => sum + length, 0);
    // The index has this compression for all chunks or for none, which the caller has checked.
    const [compressedOffsetBytes, compressedBytes] = chunk[this.#compression] ?? [0, 0];
    const content = this.#cache.content({ compressedOffsetBytes, compressedBytes, contentBytes });
    const stored: BlockSource = {
      sizeBytes: content.length,
      read: (offset, length) => content.subarray(offset, offset + length),
    };
    const extents = chunk.extents.map(([offset, length]) => [offset - chunk.offsetBytes, length] as const);
    return new SparseSource(stored, 0, this.#index.chunkBytes, extents);
  }
}
