/** Puts compressed content of files behind the metadata, in the order in which it comes. */
import type { BlockSink } from '../block/block.ts';
import { ClusterIndex, indexOffset } from './cluster-index.ts';
import { type Compressor, makeCompressor } from './compressor.ts';
import { inodeBytes } from './inode.ts';
import { BLOCK_BYTES, DATA_LAYOUT, SLOT_BYTES } from './layout.ts';
import { encodeEntry } from './metadata.ts';
import type { CheckedCompression } from './options.ts';
import { failTooSmall, type PlannedTree } from './place.ts';

/** One file that is being compressed. */
export interface CompressedFile {
  /** The next piece of content, as long as clusters are but for the last one. */
  add(piece: Uint8Array): void;
  finish(): void;
}

export class CompressedFiles {
  readonly clusterBytes: number;
  readonly #sink: BlockSink;
  readonly #planned: PlannedTree;
  readonly #algorithm: CheckedCompression['algorithm'];
  readonly #compress: Compressor;
  #nextBlock: number;

  constructor(sink: BlockSink, planned: PlannedTree, compression: CheckedCompression) {
    this.#sink = sink;
    this.#planned = planned;
    this.#algorithm = compression.algorithm;
    this.#compress = makeCompressor(compression);
    this.#nextBlock = planned.layout.end;
    this.clusterBytes = compression.clusterBytes;
  }

  /** The first block behind all content so far. */
  get endBlock(): number {
    return this.#nextBlock;
  }

  open(entry: number): CompressedFile {
    const index = new ClusterIndex(this.#planned.layout.sizes[entry] as number, this.#algorithm);
    const start = this.#nextBlock;
    let blockCount = 0;
    let isPlain = true;
    return {
      add: (piece) => {
        const clusters = Math.ceil(piece.length / BLOCK_BYTES);
        // A block less, or it is not worth the work of reading it.
        const compressed = clusters > 1 ? this.#compress(piece, (clusters - 1) * BLOCK_BYTES) : undefined;
        const blocks = compressed === undefined ? clusters : Math.ceil(compressed.length / BLOCK_BYTES);
        const first = this.#take(blocks);
        if (compressed === undefined) {
          index.addPlain(first, clusters);
          this.#writeBlocks(first, blocks, piece, 0);
        } else {
          isPlain = false;
          index.addCompressed(clusters, first, blocks);
          // The zeros come first: "zero padding" lets the kernel uncompress in place.
          this.#writeBlocks(first, blocks, compressed, blocks * BLOCK_BYTES - compressed.length);
        }
        blockCount += blocks;
      },
      finish: () => {
        const isRun = isPlain && this.#nextBlock - start === blockCount;
        if (isRun) this.#storeInode(entry, { layout: DATA_LAYOUT.plain, union: start });
        else this.#storeInode(entry, { layout: DATA_LAYOUT.compressedFull, union: blockCount }, index.bytes);
      },
    };
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
    const padded = new Uint8Array(blocks * BLOCK_BYTES);
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
