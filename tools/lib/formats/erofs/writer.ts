/** Writes an EROFS image: the metadata first, and the content of files when the caller gives it. */
import type { BlockSink } from '../block/block.ts';
import type { Entry } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';
import { CompressedFiles } from './compressed-files.ts';
import { type ContentTarget, FileContent, PlacedContent } from './content.ts';
import { BLOCK_BYTES, DATA_LAYOUT } from './format.ts';
import { contentPlace, type PlannedTree, planTree } from './layout.ts';
import { encodeMetadata, encodeTreeSuperblock } from './metadata.ts';
import type { ErofsOptions } from './options.ts';

/** Takes the content of one regular file. */
export type ErofsFile = Pick<FileContent, 'write' | 'skip' | 'close'>;

/** Describes a finished image. */
export interface ErofsSummary {
  readonly blockBytes: number;
  /** Size of the image: the given size, or the size of the used blocks. */
  readonly sizeBytes: number;
  readonly usedBlocks: number;
  readonly inodeCount: number;
}

const CONTENT_OPEN = 1;
const CONTENT_CLOSED = 2;

export class ErofsWriter {
  readonly #sink: BlockSink;
  readonly #planned: PlannedTree;
  readonly #compressed: CompressedFiles | undefined;
  /** By entry: CONTENT_OPEN or CONTENT_CLOSED; 0 before the file is opened. */
  readonly #contentStates: Uint8Array;
  #isFinished = false;

  /**
   * Checks the tree and writes everything except the content of files and the superblock.
   *
   * @param sink the image; bytes that are never written must read as zeros
   * @param entries the whole tree, sorted by path; without a root, a root `rwxr-xr-x root:root` is
   * added
   * @throws UserError if EROFS, or the given size, cannot hold the tree
   */
  constructor(sink: BlockSink, entries: readonly Entry[], options: ErofsOptions) {
    this.#sink = sink;
    const planned = planTree(entries, options);
    this.#planned = planned;
    this.#contentStates = new Uint8Array(planned.tree.entries.length);
    this.#compressed =
      planned.options.compression && new CompressedFiles(sink, planned, planned.options.compression);
    for (const { offsetBytes, bytes } of encodeMetadata(planned)) sink.write(offsetBytes, bytes);
  }

  /**
   * Opens the regular file at `path` for writing its content. Open each file that is not empty
   * once, in any order. With compression, the order determines the places of the contents.
   */
  openFile(path: string): ErofsFile {
    const { tree } = this.#planned;
    const index = tree.indexes.get(path);
    const entry = index === undefined ? undefined : tree.entries[index];
    if (index === undefined || entry?.type !== 'file')
      throw new Error(`${path} is not a regular file of the tree`);
    if (this.#contentStates[index] !== 0) throw new Error(`${path} was already opened`);
    this.#contentStates[index] = CONTENT_OPEN;
    const finished = (): void => {
      this.#contentStates[index] = CONTENT_CLOSED;
    };
    return new FileContent(path, entry.sizeBytes, this.#target(index, finished));
  }

  #target(index: number, finished: () => void): ContentTarget {
    const layout = this.#planned.layout.layouts[index];
    if (this.#compressed === undefined || layout !== DATA_LAYOUT.compressedFull) {
      return new PlacedContent(this.#sink, contentPlace(this.#planned, index), finished);
    }
    return this.#compressed.open(index, finished);
  }

  /** Writes the superblock. Every file must be closed. */
  finish(): ErofsSummary {
    if (this.#isFinished) throw new Error('the file system is already finished');
    this.#isFinished = true;
    this.#checkContent();
    const planned = this.#planned;
    const usedBlocks = this.#compressed?.endBlock ?? planned.layout.end;
    const { offsetBytes, bytes } = encodeTreeSuperblock(planned, usedBlocks);
    this.#sink.write(offsetBytes, bytes);
    return {
      blockBytes: BLOCK_BYTES,
      sizeBytes: (planned.options.sizeBlocks ?? usedBlocks) * BLOCK_BYTES,
      usedBlocks,
      inodeCount: planned.tree.inodeCount,
    };
  }

  #checkContent(): void {
    this.#planned.tree.entries.forEach((entry, index) => {
      if (entry.type !== 'file') return;
      const state = this.#contentStates[index];
      if (state === CONTENT_OPEN) throw new Error(`${entry.path} is still open`);
      if (state === 0 && entry.sizeBytes > 0) {
        throw new UserError(`/${entry.path}: none of its ${entry.sizeBytes} bytes of content were written`);
      }
    });
  }
}
