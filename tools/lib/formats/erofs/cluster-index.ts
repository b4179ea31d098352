/**
 * The index of a compressed file: struct z_erofs_map_header and one struct z_erofs_lcluster_index for each block of content
 * ("logical cluster"), behind the inode and its extended attributes (EROFS_INODE_COMPRESSED_FULL).
 *
 * The first block of an extent says where its compressed bytes are, the second how many blocks these have, and each of them how
 * far it is to the first one and to the next extent.
 */
import { ALGORITHM, alignUp, BLOCK_BYTES } from './layout.ts';

const HEADER_BYTES = 8;
/** Z_EROFS_FULL_INDEX_START: eight bytes of padding behind the header. */
const HEADER_PADDING_BYTES = 8;
export const INDEX_BYTES = 8;
/** Z_EROFS_ADVISE_BIG_PCLUSTER_1: extents of the first algorithm may have several blocks. */
const BIG_CLUSTERS = 0x2;
/** Z_EROFS_LI_D0_CBLKCNT: the distance stands for a number of blocks. */
const BLOCK_COUNT_BIT = 1 << 11;

/** Z_EROFS_LCLUSTER_TYPE_*. */
export const CLUSTER_TYPE = { plain: 0, head: 1, nonHead: 2, head2: 3 } as const;

/** Where the index starts, counted from the start of the inode, which is at a multiple of 32 bytes. */
export function indexOffset(headBytes: number): number {
  return alignUp(headBytes, INDEX_BYTES);
}

/** Bytes of an inode with the index of `sizeBytes` bytes of content behind it. */
export function indexedInodeBytes(headBytes: number, sizeBytes: number): number {
  const clusters = Math.ceil(sizeBytes / BLOCK_BYTES);
  return indexOffset(headBytes) + HEADER_BYTES + HEADER_PADDING_BYTES + clusters * INDEX_BYTES;
}

/** Makes the index of one file, extent by extent. */
export class ClusterIndex {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #cluster = 0;

  constructor(sizeBytes: number, algorithm: keyof typeof ALGORITHM) {
    this.bytes = new Uint8Array(indexedInodeBytes(0, sizeBytes));
    this.#view = new DataView(this.bytes.buffer);
    this.#view.setUint16(4, BIG_CLUSTERS, true);
    this.#view.setUint8(6, ALGORITHM[algorithm]);
  }

  /** Blocks of content that are stored as they are, one after another from `firstBlock` on. */
  addPlain(firstBlock: number, blockCount: number): void {
    for (let done = 0; done < blockCount; done++) {
      const offset = this.#next();
      this.#view.setUint16(offset, CLUSTER_TYPE.plain, true);
      this.#view.setUint32(offset + 4, firstBlock + done, true);
    }
  }

  /** `clusters` blocks of content that are compressed into `blockCount` from `firstBlock` on. */
  addCompressed(clusters: number, firstBlock: number, blockCount: number): void {
    const head = this.#next();
    this.#view.setUint16(head, CLUSTER_TYPE.head, true);
    this.#view.setUint32(head + 4, firstBlock, true);
    for (let distance = 1; distance < clusters; distance++) {
      const offset = this.#next();
      this.#view.setUint16(offset, CLUSTER_TYPE.nonHead, true);
      this.#view.setUint16(offset + 4, distance === 1 ? BLOCK_COUNT_BIT | blockCount : distance, true);
      this.#view.setUint16(offset + 6, clusters - distance, true);
    }
  }

  #next(): number {
    return HEADER_BYTES + HEADER_PADDING_BYTES + this.#cluster++ * INDEX_BYTES;
  }
}
