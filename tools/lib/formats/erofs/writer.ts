/** Writes an EROFS image: what describes the tree at once, and content as it comes. */
import type { BlockSink } from '../block/block.ts';
import type { Entry } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';
import { CompressedFiles } from './compressed-files.ts';
import { type ContentTarget, FileContent, PlacedContent } from './content.ts';
import { BLOCK_BYTES, DATA_LAYOUT } from './layout.ts';
import { encodeMetadata, encodeTreeSuperblock } from './metadata.ts';
import type { ErofsOptions } from './options.ts';
import { planTree } from './place.ts';
import { ErofsPlan } from './plan.ts';

/** Takes the content of one regular file. */
export type ErofsFile = Pick<FileContent, 'write' | 'skip' | 'close'>;

/** What a finished image holds. */
export interface ErofsSummary {
  readonly blockBytes: number;
  /** Size of the image: what was asked for, or what is used. */
  readonly sizeBytes: number;
  readonly usedBlocks: number;
  readonly inodeCount: number;
}

const CONTENT_OPEN = 1;
const CONTENT_CLOSED = 2;

export class ErofsWriter {
  readonly #sink: BlockSink;
  readonly #plan: ErofsPlan;
  readonly #compressed: CompressedFiles | undefined;
  /** By entry: 1 once content was opened, 2 once it was closed. */
  readonly #contentStates: Uint8Array;
  #isFinished = false;

  /**
   * Checks the tree and writes all of it but for the content of its files.
   *
   * @param sink the image; what is not written to must read as zeros
   * @param entries the whole tree, sorted by path; the root is `rwxr-xr-x root:root` where it is not given
   * @throws UserError for a tree that EROFS, or the size given, cannot hold
   */
  constructor(sink: BlockSink, entries: readonly Entry[], options: ErofsOptions) {
    this.#sink = sink;
    const planned = planTree(entries, options);
    this.#plan = new ErofsPlan(planned);
    this.#contentStates = new Uint8Array(this.#plan.entries.length);
    this.#compressed =
      planned.options.compression && new CompressedFiles(sink, planned, planned.options.compression);
    for (const { offsetBytes, bytes } of encodeMetadata(planned)) sink.write(offsetBytes, bytes);
  }

  /**
   * Opens the regular file at `path` to take its content. Each file that is not empty is opened once, in any order; with
   * compression, the order decides where content lies.
   */
  openFile(path: string): ErofsFile {
    const index = this.#plan.indexOf(path);
    const entry = index === undefined ? undefined : this.#plan.entries[index];
    if (index === undefined || entry?.type !== 'file') throw new Error(`${path} is no file of the tree`);
    if (this.#contentStates[index] !== 0) throw new Error(`${path} was opened before`);
    this.#contentStates[index] = CONTENT_OPEN;
    const finished = (): void => {
      this.#contentStates[index] = CONTENT_CLOSED;
    };
    return new FileContent(path, entry.sizeBytes, this.#target(index, finished));
  }

  #target(index: number, finished: () => void): ContentTarget {
    const layout = this.#plan.planned.layout.layouts[index];
    if (this.#compressed === undefined || layout !== DATA_LAYOUT.compressedFull) {
      return new PlacedContent(this.#sink, this.#plan.placeOf(index), finished);
    }
    return this.#compressed.open(index, finished);
  }

  /** Writes the superblock. Every file must be closed. */
  finish(): ErofsSummary {
    if (this.#isFinished) throw new Error('the file system was finished before');
    this.#isFinished = true;
    this.#checkContent();
    const { planned } = this.#plan;
    const usedBlocks = this.#compressed?.endBlock ?? planned.layout.end;
    const { offsetBytes, bytes } = encodeTreeSuperblock(planned, usedBlocks);
    this.#sink.write(offsetBytes, bytes);
    return {
      blockBytes: BLOCK_BYTES,
      sizeBytes: (planned.options.sizeBlocks ?? usedBlocks) * BLOCK_BYTES,
      usedBlocks,
      inodeCount: this.#plan.inodeCount,
    };
  }

  #checkContent(): void {
    this.#plan.entries.forEach((entry, index) => {
      if (entry.type !== 'file') return;
      const state = this.#contentStates[index];
      if (state === CONTENT_OPEN) throw new Error(`${entry.path} is still open`);
      if (state === 0 && entry.sizeBytes > 0) {
        throw new UserError(`/${entry.path}: no content came for its ${entry.sizeBytes} bytes`);
      }
    });
  }
}
