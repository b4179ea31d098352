/**
 * Where everything of an EROFS image goes, known from the entries alone, before any content comes: block 0 has the superblock,
 * then come inodes with what is inline behind them, blocks of directories and of long symbolic links, shared extended attributes,
 * and the content of files in path order.
 */
import type { Entry } from '../entry/entry.ts';
import { inodeBytes } from './inode.ts';
import { BLOCK_BYTES, DATA_LAYOUT, SLOT_BYTES } from './layout.ts';
import { encodeMetadata, encodeTreeSuperblock, type MetadataChunk } from './metadata.ts';
import type { ErofsOptions } from './options.ts';
import { type PlannedTree, planTree } from './place.ts';

/** Where the content of a file goes: whole blocks in one run, and what is left over behind the inode. */
export interface ContentPlace {
  /** Where the run of blocks begins; 0 where there is none. */
  readonly offsetBytes: number;
  /** Bytes of content in the run; its last block may be filled in part. */
  readonly lengthBytes: number;
  /** Where the rest of the content goes; 0 where there is none. It never crosses a block. */
  readonly tailOffsetBytes: number;
  readonly tailBytes: number;
}

/** The plan of an image without compression: all of it is known but the content itself. */
export class ErofsPlan {
  readonly planned: PlannedTree;
  #indexes: Map<string, number> | undefined;

  constructor(planned: PlannedTree) {
    this.planned = planned;
  }

  /** The tree: in path order, with a root. Places of files go by positions in this list. */
  get entries(): readonly Entry[] {
    return this.planned.tree.entries;
  }

  /** Size of the image. */
  get sizeBytes(): number {
    const { options, layout } = this.planned;
    return (options.sizeBlocks ?? layout.end) * BLOCK_BYTES;
  }

  /** The bytes of the image that are used. */
  get usedBytes(): number {
    return this.planned.layout.end * BLOCK_BYTES;
  }

  /** Where content of files begins; all before it is metadata, with the ends of files in between. */
  get dataOffsetBytes(): number {
    return this.planned.layout.dataStart * BLOCK_BYTES;
  }

  get inodeCount(): number {
    return this.planned.tree.inodeCount;
  }

  /** The position of the entry at `path`. */
  indexOf(path: string): number | undefined {
    this.#indexes ??= new Map(this.entries.map((entry, index) => [entry.path, index]));
    return this.#indexes.get(path);
  }

  /** Where the content of the file at position `index` goes. */
  placeOf(index: number): ContentPlace {
    const { tree, layout, xattrs } = this.planned;
    const sizeBytes = layout.sizes[index] as number;
    const isInline = layout.layouts[index] === DATA_LAYOUT.inline;
    const tailBytes = isInline ? sizeBytes % BLOCK_BYTES : 0;
    const owner = tree.owners[index] as number;
    const headBytes = inodeBytes(layout.extended[index] === 1) + (xattrs.bodies[owner]?.sizeBytes ?? 0);
    return {
      offsetBytes: (layout.firstBlocks[index] as number) * BLOCK_BYTES,
      lengthBytes: sizeBytes - tailBytes,
      tailOffsetBytes: isInline ? (layout.slots[index] as number) * SLOT_BYTES + headBytes : 0,
      tailBytes,
    };
  }

  /**
   * Yields everything but content, whole blocks each, which hold until the next is asked for. It has zeros where the ends of files
   * go, so all of it must be written before these.
   */
  *metadata(): Generator<MetadataChunk> {
    yield encodeTreeSuperblock(this.planned, this.planned.layout.end);
    yield* encodeMetadata(this.planned);
  }
}

/**
 * Plans an image without compression.
 *
 * @param entries the whole tree, sorted by path; the root is `rwxr-xr-x root:root` where it is not given
 * @throws UserError for a tree that EROFS, or the size given, cannot hold
 */
export function planErofs(entries: readonly Entry[], options: Omit<ErofsOptions, 'compression'>): ErofsPlan {
  return new ErofsPlan(planTree(entries, { ...options, compression: undefined }));
}
