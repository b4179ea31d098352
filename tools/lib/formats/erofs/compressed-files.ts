/**
 * Writes compressed content of files after the metadata, in the order in which the caller gives it.
 */
import type { BlockSink } from '../block/block.ts';
import { ClusterIndex, indexOffset } from './cluster-index.ts';
import { type Compressor, makeCompressor } from './compressor.ts';
import { type ContentTarget, PiecedContent } from './content.ts';
import { BLOCK_BYTES, DATA_LAYOUT, SLOT_BYTES } from './format.ts';
import { inodeBytes } from './inode.ts';
import { failTooSmall, type PlannedTree } from './layout.ts';
import { encodeEntry } from './metadata.ts';
import type { CheckedCompression } from './options.ts';

export class CompressedFiles {
  readonly #clusterBytes: number;
  readonly #sink: BlockSink;
  readonly #planned: PlannedTree;
  readonly #algorithm: CheckedCompression['algorithm'];
  readonly #compress: Compressor;
  /** A buffer for the blocks of one extent. */
  readonly #padded: Uint8Array;
  /** Buffers for pieces that no open file uses: kept for the next files. */
  readonly #freePieces: Uint8Array[] = [];
  #nextBlock: number;

  constructor(sink: BlockSink, planned: PlannedTree, compression: CheckedCompression) {
    this.#sink = sink;
    this.#planned = planned;
    this.#algorithm = compression.algorithm;
    this.#compress = makeCompressor(compression);
    this.#nextBlock = planned.layout.end;
    this.#padded = new Uint8Array(compression.clusterBytes);
    this.#clusterBytes = compression.clusterBytes;
  }

  /** The first block after all content so far. */
  get endBlock(): number {
    return this.#nextBlock;
  }

  /** Opens a file whose content is larger than a block. */
  open(entry: number, finished: () => void): ContentTarget {
    const index = new ClusterIndex(this.#planned.layout.sizes[entry] as number, this.#algorithm);
    const room = this.#freePieces.pop() ?? new Uint8Array(this.#clusterBytes);
    const start = this.#nextBlock;
    let blockCount = 0;
    let isPlain = true;
    const add = (piece: Uint8Array): void => {
      const { blocks, isCompressed } = this.#addPiece(piece, index);
      blockCount += blocks;
      isPlain &&= !isCompressed;
    };
    return new PiecedContent(room, add, () => {
      this.#freePieces.push(room);
      const isRun = isPlain && this.#nextBlock - start === blockCount;
      if (isRun) this.#storeInode(entry, { layout: DATA_LAYOUT.plain, union: start });
      else this.#storeInode(entry, { layout: DATA_LAYOUT.compressedFull, union: blockCount }, index.bytes);
      finished();
    });
  }

  #addPiece(piece: Uint8Array, index: ClusterIndex): { blocks: number; isCompressed: boolean } {
    const clusters = Math.ceil(piece.length / BLOCK_BYTES);
    // Compression must save at least one block to be worth the decompression.
    const compressed = clusters > 1 ? this.#compress(piece, (clusters - 1) * BLOCK_BYTES) : undefined;
    if (compressed === undefined) {
      const first = this.#take(clusters);
      index.addPlain(first, clusters);
      this.#writeBlocks(first, clusters, piece, 0);
      return { blocks: clusters, isCompressed: false };
    }
    const blocks = Math.ceil(compressed.length / BLOCK_BYTES);
    const first = this.#take(blocks);
    index.addCompressed(clusters, first, blocks);
    // The zeros are before the compressed bytes: this "zero padding" lets the kernel decompress in
    // place.
    this.#writeBlocks(first, blocks, compressed, blocks * BLOCK_BYTES - compressed.length);
    return { blocks, isCompressed: true };
  }

  #take(blocks: number): number {
    const { options } = this.#planned;
    const first = this.#nextBlock;
    this.#nextBlock += blocks;
    if (options.sizeBlocks !== undefined && this.#nextBlock > options.sizeBlocks) {
      failTooSmall(options, this.#nextBlock, 'or more');
    }
    return first;
  }

  #writeBlocks(first: number, blocks: number, bytes: Uint8Array, offset: number): void {
    if (bytes.length === blocks * BLOCK_BYTES) {
      this.#sink.write(first * BLOCK_BYTES, bytes);
      return;
    }
    const padded = this.#padded.subarray(0, blocks * BLOCK_BYTES).fill(0);
    padded.set(bytes, offset);
    this.#sink.write(first * BLOCK_BYTES, padded);
  }

  #storeInode(entry: number, stored: { layout: number; union: number }, index?: Uint8Array): void {
    const { layout, xattrs } = this.#planned;
    const headBytes = inodeBytes(layout.extended[entry] === 1) + (xattrs.bodies[entry]?.sizeBytes ?? 0);
    const offset = indexOffset(headBytes);
    const bytes = new Uint8Array(index === undefined ? headBytes : offset + index.length);
    encodeEntry(this.#planned, entry, bytes, stored);
    if (index !== undefined) bytes.set(index, offset);
    this.#sink.write((layout.slots[entry] as number) * SLOT_BYTES, bytes);
  }
}
