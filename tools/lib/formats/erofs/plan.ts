import type { Entry } from '../entry/entry.ts';
import { BLOCK_BYTES } from './format.ts';
import { type ContentPlace, contentPlace, type PlannedTree, planTree } from './layout.ts';
import { encodeMetadata, encodeTreeSuperblock, type MetadataChunk } from './metadata.ts';
import type { ErofsOptions } from './options.ts';

/**
 * The plan of an image without compression: everything except the content of files. Content can be
 * written to its places in any order.
 */
export class ErofsPlan {
  readonly #planned: PlannedTree;

  constructor(planned: PlannedTree) {
    this.#planned = planned;
  }

  /** The tree in path order, with a root. {@link placeOf} takes positions in this list. */
  get entries(): readonly Entry[] {
    return this.#planned.tree.entries;
  }

  /** The size of the image. */
  get sizeBytes(): number {
    const { options, layout } = this.#planned;
    return (options.sizeBlocks ?? layout.end) * BLOCK_BYTES;
  }

  /** The size of the part of the image that is used. */
  get usedBytes(): number {
    return this.#planned.layout.end * BLOCK_BYTES;
  }

  /**
   * The offset of the content of files. Only metadata and the inline content of files is before it.
   */
  get dataOffsetBytes(): number {
    return this.#planned.layout.dataStart * BLOCK_BYTES;
  }

  get inodeCount(): number {
    return this.#planned.tree.inodeCount;
  }

  /** Finds the position of the entry at `path`. */
  indexOf(path: string): number | undefined {
    return this.#planned.tree.indexes.get(path);
  }

  /** Finds the places of the content of the file at position `index`. */
  placeOf(index: number): ContentPlace {
    return contentPlace(this.#planned, index);
  }

  /**
   * Yields everything except the content of files, in whole blocks. A chunk is valid until the next
   * one is requested. It has zeros in the places of inline content, so write all chunks before any
   * content.
   */
  *metadata(): Generator<MetadataChunk> {
    yield encodeTreeSuperblock(this.#planned, this.#planned.layout.end);
    yield* encodeMetadata(this.#planned);
  }
}

/**
 * Plans an image without compression.
 *
 * @param entries the whole tree, sorted by path; without a root, a root `rwxr-xr-x root:root` is
 * added
 * @throws UserError if EROFS, or the given size, cannot hold the tree
 */
export function planErofs(entries: readonly Entry[], options: Omit<ErofsOptions, 'compression'>): ErofsPlan {
  return new ErofsPlan(planTree(entries, { ...options, compression: undefined }));
}
