/**
 * Encodes the full index of a compressed file (EROFS_INODE_COMPRESSED_FULL): struct
 * z_erofs_map_header, and one struct z_erofs_lcluster_index for each block of content ("logical
 * cluster"). The index follows the inode and its extended attributes.
 *
 * The entry of the first block of an extent has the address of the compressed blocks. The entry of
 * the second block has their number. The entries of the other blocks have the distance to the first
 * block. All entries except the first one also have the distance to the next extent.
 */
import {
  ADVISE,
  ALGORITHM,
  alignUp,
  BLOCK_BYTES,
  BLOCK_COUNT_BIT,
  CLUSTER_TYPE,
  FULL_INDEX_PADDING_BYTES,
  HEAD_INDEX,
  MAP_HEADER,
  NON_HEAD_INDEX,
} from './format.ts';

/** The index of a compressed file begins at a multiple of the size of its header. */
const ALIGNMENT_BYTES = MAP_HEADER.sizeBytes;
const ENTRIES_OFFSET_BYTES = MAP_HEADER.sizeBytes + FULL_INDEX_PADDING_BYTES;
const HEAD = HEAD_INDEX.at;
const NON_HEAD = NON_HEAD_INDEX.at;

/**
 * Returns the offset of the index from the start of the inode, which is at a multiple of 32 bytes.
 */
export function indexOffset(headBytes: number): number {
  return alignUp(headBytes, ALIGNMENT_BYTES);
}

/** Computes the size of an inode with the index of `sizeBytes` bytes of content after it. */
export function indexedInodeBytes(headBytes: number, sizeBytes: number): number {
  const clusters = Math.ceil(sizeBytes / BLOCK_BYTES);
  return indexOffset(headBytes) + ENTRIES_OFFSET_BYTES + clusters * HEAD_INDEX.sizeBytes;
}

/** Builds the index of one file, extent by extent. */
export class ClusterIndex {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #cluster = 0;

  constructor(sizeBytes: number, algorithm: keyof typeof ALGORITHM) {
    this.bytes = new Uint8Array(indexedInodeBytes(0, sizeBytes));
    this.#view = new DataView(this.bytes.buffer);
    MAP_HEADER.at.h_advise.set(this.#view, ADVISE.bigClusters1);
    MAP_HEADER.at.h_algorithmtype.set(this.#view, ALGORITHM[algorithm]);
  }

  /**
   * Adds blocks of content that are stored uncompressed, one after another from `firstBlock` on.
   */
  addPlain(firstBlock: number, blockCount: number): void {
    for (let done = 0; done < blockCount; done++) {
      const offset = this.#next();
      HEAD.di_advise.set(this.#view, CLUSTER_TYPE.plain, offset);
      HEAD.blkaddr.set(this.#view, firstBlock + done, offset);
    }
  }

  /**
   * Adds `clusters` blocks of content that are compressed into `blockCount` blocks from
   * `firstBlock` on.
   */
  addCompressed(clusters: number, firstBlock: number, blockCount: number): void {
    const head = this.#next();
    HEAD.di_advise.set(this.#view, CLUSTER_TYPE.head, head);
    HEAD.blkaddr.set(this.#view, firstBlock, head);
    for (let distance = 1; distance < clusters; distance++) {
      const offset = this.#next();
      NON_HEAD.di_advise.set(this.#view, CLUSTER_TYPE.nonHead, offset);
      NON_HEAD['delta[0]'].set(this.#view, distance === 1 ? BLOCK_COUNT_BIT | blockCount : distance, offset);
      NON_HEAD['delta[1]'].set(this.#view, clusters - distance, offset);
    }
  }

  #next(): number {
    return ENTRIES_OFFSET_BYTES + this.#cluster++ * HEAD_INDEX.sizeBytes;
  }
}
