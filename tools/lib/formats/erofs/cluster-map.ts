/**
 * Finds the extents of a compressed file from its index (fs/erofs/zmap.c in Linux). The full form
 * has a struct z_erofs_lcluster_index of eight bytes for each block of content. The compact form
 * has packs of entries of two or four bytes each.
 */
import { viewOf } from '../structure/view.ts';
import {
  ADVISE,
  ALGORITHM,
  alignUp,
  BLOCK_COUNT_BIT,
  CLUSTER_TYPE,
  CLUSTER_TYPE_MASK,
  DATA_LAYOUT,
  FULL_INDEX_PADDING_BYTES,
  HEAD_INDEX,
  MAP_HEADER,
  MAXIMUM_CLUSTER_BYTES,
  MAXIMUM_EXTENT_BYTES,
  NON_HEAD_INDEX,
} from './format.ts';
import { DataMapError, type MappedInode, type ReadImage } from './mapped-inode.ts';

const HEADER_BYTES = MAP_HEADER.sizeBytes;
const KNOWN_ADVISE = Object.values(ADVISE).reduce((bits, bit) => bits | bit, 0);
/** h_clusterbits: the whole file is a fragment (Z_EROFS_FRAGMENT_INODE_BIT). */
const FRAGMENT_INODE_BIT = 0x80;
const CLUSTER_BITS_MASK = 0x7;
/**
 * A pack of the compact form ends with a block address. Packs of 2-byte entries begin at multiples
 * of 32 bytes.
 */
const PACK_ADDRESS_BYTES = 4;
const SHORT_PACK_BYTES = 32;
const SHORT_PACK_ENTRIES = 16;
const LONG_PACK_BYTES = 8;
const LONG_PACK_ENTRIES = 2;

export interface ClusterExtent {
  readonly positionBytes: number;
  readonly lengthBytes: number;
  readonly offsetBytes: number;
  /** The size on disk, including the zeros before or after the bytes of the extent. */
  readonly storedBytes: number;
  /**
   * One of ALGORITHM, or the form of uncompressed bytes: `shifted` to the start of the block, or
   * `interlaced`, which means rotated so that each byte has its own position within the block.
   */
  readonly algorithm: number | 'shifted' | 'interlaced';
}

interface MapHeader {
  readonly advise: number;
  readonly algorithms: readonly [number, number];
  readonly clusterBits: number;
  readonly inlineBytes: number;
}

/** One entry of the index. */
interface Cluster {
  readonly type: number;
  /** Only for heads: the offset of the extent in the block of content. */
  readonly offset: number;
  /** Only for heads: the first block of the compressed bytes. */
  readonly block: number;
  /** Only for other entries: the number of compressed blocks if the entry has it, else 0. */
  readonly blockCount: number;
}

function decodeHeader(bytes: Uint8Array, blockBits: number): MapHeader {
  const view = viewOf(bytes);
  const { h_advise, h_algorithmtype, h_clusterbits, h_idata_size } = MAP_HEADER.at;
  const advise = h_advise.get(view);
  const bits = h_clusterbits.get(view);
  const algorithms = h_algorithmtype.get(view);
  if ((advise & ADVISE.fragment) !== 0 || (bits & FRAGMENT_INODE_BIT) !== 0) {
    throw new DataMapError(
      'it is stored in fragments, which are not supported; make the image without -Efragments',
    );
  }
  if ((advise & ~KNOWN_ADVISE) !== 0)
    throw new DataMapError(`its compression has unknown features (0x${advise.toString(16)})`);
  return {
    advise,
    algorithms: [algorithms & 0xf, algorithms >> 4],
    clusterBits: blockBits + (bits & CLUSTER_BITS_MASK),
    inlineBytes: h_idata_size.get(view),
  };
}

/** Reads the entries of an index. */
interface IndexReader {
  /** The offset of the first byte after the index. */
  readonly endBytes: number;
  cluster(number: number): Cluster;
}

class FullIndex implements IndexReader {
  readonly endBytes: number;
  readonly #start: number;
  readonly #read: ReadImage;

  constructor(headerOffset: number, clusterCount: number, read: ReadImage) {
    this.#start = headerOffset + HEADER_BYTES + FULL_INDEX_PADDING_BYTES;
    this.endBytes = this.#start + clusterCount * HEAD_INDEX.sizeBytes;
    this.#read = read;
  }

  cluster(number: number): Cluster {
    const bytes = this.#read(this.#start + number * HEAD_INDEX.sizeBytes, HEAD_INDEX.sizeBytes);
    const view = viewOf(bytes);
    const type = HEAD_INDEX.at.di_advise.get(view) & CLUSTER_TYPE_MASK;
    const distance = NON_HEAD_INDEX.at['delta[0]'].get(view);
    const saysCount = type === CLUSTER_TYPE.nonHead && (distance & BLOCK_COUNT_BIT) !== 0;
    return {
      type,
      offset: HEAD_INDEX.at.di_clusterofs.get(view),
      block: HEAD_INDEX.at.blkaddr.get(view),
      blockCount: saysCount ? distance & ~BLOCK_COUNT_BIT : 0,
    };
  }
}

/** A run of packs of one kind. */
interface Packs {
  readonly firstCluster: number;
  readonly offsetBytes: number;
  readonly packBytes: number;
  readonly packEntries: number;
}

class CompactIndex implements IndexReader {
  readonly endBytes: number;
  readonly #packs: readonly Packs[];
  readonly #clusterBits: number;
  readonly #hasBigClusters: boolean;
  readonly #read: ReadImage;

  constructor(headerOffset: number, clusterCount: number, header: MapHeader, read: ReadImage) {
    const start = headerOffset + HEADER_BYTES;
    const toAlignment =
      ((SHORT_PACK_BYTES - (start % SHORT_PACK_BYTES)) % SHORT_PACK_BYTES) / PACK_ADDRESS_BYTES;
    const allowsShort = (header.advise & ADVISE.compact2Bytes) !== 0 && toAlignment < clusterCount;
    const short = allowsShort
      ? Math.floor((clusterCount - toAlignment) / SHORT_PACK_ENTRIES) * SHORT_PACK_ENTRIES
      : 0;
    const long = { packBytes: LONG_PACK_BYTES, packEntries: LONG_PACK_ENTRIES };
    const shortStart = start + toAlignment * PACK_ADDRESS_BYTES;
    const restStart = shortStart + short * (SHORT_PACK_BYTES / SHORT_PACK_ENTRIES);
    this.#packs = [
      { firstCluster: toAlignment + short, offsetBytes: restStart, ...long },
      {
        firstCluster: toAlignment,
        offsetBytes: shortStart,
        packBytes: SHORT_PACK_BYTES,
        packEntries: SHORT_PACK_ENTRIES,
      },
      { firstCluster: 0, offsetBytes: start, ...long },
    ];
    const rest = Math.max(clusterCount - toAlignment - short, 0);
    const restPacks = Math.ceil(rest / LONG_PACK_ENTRIES);
    this.endBytes =
      clusterCount <= toAlignment
        ? start + Math.ceil(clusterCount / LONG_PACK_ENTRIES) * LONG_PACK_BYTES
        : restStart + restPacks * LONG_PACK_BYTES;
    this.#clusterBits = header.clusterBits;
    this.#hasBigClusters = (header.advise & ADVISE.bigClusters1) !== 0;
    this.#read = read;
  }

  cluster(number: number): Cluster {
    const packs = this.#packs.find(({ firstCluster }) => number >= firstCluster) as Packs;
    const inPacks = number - packs.firstCluster;
    const position = inPacks % packs.packEntries;
    const offset = packs.offsetBytes + ((inPacks - position) / packs.packEntries) * packs.packBytes;
    const pack = this.#read(offset, packs.packBytes);
    const { type, value } = this.#entry(pack, packs, position);
    if (type === CLUSTER_TYPE.nonHead) {
      const saysCount = (value & BLOCK_COUNT_BIT) !== 0;
      return { type, offset: 0, block: 0, blockCount: saysCount ? value & ~BLOCK_COUNT_BIT : 0 };
    }
    const view = viewOf(pack);
    const base = view.getUint32(packs.packBytes - PACK_ADDRESS_BYTES, true);
    return { type, offset: value, block: base + this.#blocksBefore(pack, packs, position), blockCount: 0 };
  }

  #entry(
    pack: Uint8Array,
    { packBytes, packEntries }: Packs,
    position: number,
  ): { type: number; value: number } {
    const entryBits = ((packBytes - PACK_ADDRESS_BYTES) * 8) / packEntries;
    let bits = 0;
    // An entry has up to 16 bits and may begin at any bit: three bytes contain it.
    const first = position * entryBits;
    for (let byte = 2; byte >= 0; byte--) bits = (bits << 8) | (pack[(first >> 3) + byte] as number);
    const entry = bits >> (first & 7);
    return {
      type: (entry >> this.#clusterBits) & CLUSTER_TYPE_MASK,
      value: entry & ((1 << this.#clusterBits) - 1),
    };
  }

  /**
   * Counts the compressed blocks of the extents that have entries in the pack before `position`
   * (unpack_compacted_index).
   */
  #blocksBefore(pack: Uint8Array, packs: Packs, position: number): number {
    let blocks = this.#hasBigClusters ? 0 : 1;
    for (let index = position - 1; index >= 0; index--) {
      const { type, value } = this.#entry(pack, packs, index);
      if (!this.#hasBigClusters) {
        if (type === CLUSTER_TYPE.nonHead) index -= value;
        if (index >= 0) blocks++;
      } else if (type !== CLUSTER_TYPE.nonHead) {
        blocks++;
      } else if ((value & BLOCK_COUNT_BIT) !== 0) {
        index--;
        blocks += value & ~BLOCK_COUNT_BIT;
      } else {
        if (value <= 1)
          throw new DataMapError('its index is damaged: an extent does not have its number of blocks');
        index -= value - 2;
      }
    }
    return blocks;
  }
}

function openIndex(
  inode: MappedInode,
  header: MapHeader,
  clusterCount: number,
  read: ReadImage,
): IndexReader {
  const headerOffset = alignUp(inode.indexOffsetBytes, HEADER_BYTES);
  if (inode.layout === DATA_LAYOUT.compressedFull) return new FullIndex(headerOffset, clusterCount, read);
  // The compact form does not support larger clusters.
  if (header.clusterBits > 14) throw new DataMapError('its index has an unknown form');
  return new CompactIndex(headerOffset, clusterCount, header, read);
}

function algorithmOf(type: number, { advise, algorithms }: MapHeader): ClusterExtent['algorithm'] {
  if (type === CLUSTER_TYPE.head) return algorithms[0];
  if (type === CLUSTER_TYPE.head2) return algorithms[1];
  return (advise & ADVISE.interlaced) !== 0 ? 'interlaced' : 'shifted';
}

/**
 * Returns the size of an extent on disk. The entry after its head has the number of blocks if the
 * extent is larger than one cluster.
 */
function storedBytes(inode: MappedInode, header: MapHeader, type: number, next: Cluster | undefined): number {
  const isBig =
    (type === CLUSTER_TYPE.head && (header.advise & ADVISE.bigClusters1) !== 0) ||
    (type === CLUSTER_TYPE.head2 && (header.advise & ADVISE.bigClusters2) !== 0);
  if (!isBig || next === undefined || next.type !== CLUSTER_TYPE.nonHead) return 2 ** header.clusterBits;
  const bytes = next.blockCount * inode.blockBytes;
  if (bytes === 0 || bytes > MAXIMUM_CLUSTER_BYTES)
    throw new DataMapError('its index is damaged: an extent has no blocks or too many');
  return bytes;
}

/** Yields the extents of a compressed file, in order and without gaps. */
export function* clusterExtents(
  inode: MappedInode,
  imageBytes: number,
  read: ReadImage,
): Generator<ClusterExtent> {
  const { sizeBytes, blockBytes } = inode;
  if (sizeBytes === 0) return;
  const header = decodeHeader(
    read(alignUp(inode.indexOffsetBytes, HEADER_BYTES), HEADER_BYTES),
    Math.log2(blockBytes),
  );
  const clusterBytes = 2 ** header.clusterBits;
  const clusterCount = Math.ceil(sizeBytes / clusterBytes);
  const index = openIndex(inode, header, clusterCount, read);
  if (index.endBytes > imageBytes)
    throw new DataMapError('its index is not in the image: the image is cut off or damaged');
  let number = 0;
  let head = index.cluster(0);
  if (head.type === CLUSTER_TYPE.nonHead || head.offset !== 0)
    throw new DataMapError('its index does not begin with an extent');
  while (number < clusterCount) {
    const positionBytes = number * clusterBytes + head.offset;
    const first = number + 1 < clusterCount ? index.cluster(number + 1) : undefined;
    const stored = storedBytes(inode, header, head.type, first);
    let next = first;
    for (number++; number < clusterCount; ) {
      if ((next as Cluster).type !== CLUSTER_TYPE.nonHead) break;
      if ((number + 1) * clusterBytes - positionBytes > MAXIMUM_EXTENT_BYTES + clusterBytes)
        throw new DataMapError('its index is damaged: an extent is too long');
      number++;
      next = number < clusterCount ? index.cluster(number) : undefined;
    }
    // mkfs.erofs may end a file within a block: the next extent begins there.
    const endBytes = Math.min(
      next === undefined ? sizeBytes : number * clusterBytes + next.offset,
      sizeBytes,
    );
    const isTail = endBytes === sizeBytes && (header.advise & ADVISE.inlineCluster) !== 0;
    const extent: ClusterExtent = {
      positionBytes,
      lengthBytes: endBytes - positionBytes,
      offsetBytes: isTail ? index.endBytes : head.block * blockBytes,
      storedBytes: isTail ? header.inlineBytes : stored,
      algorithm: algorithmOf(head.type, header),
    };
    checkExtent(extent, clusterBytes, head.offset, imageBytes);
    yield extent;
    if (next === undefined || endBytes === sizeBytes) return;
    head = next;
  }
}

function checkExtent(
  extent: ClusterExtent,
  clusterBytes: number,
  headOffset: number,
  imageBytes: number,
): void {
  const { lengthBytes, offsetBytes, storedBytes: stored, algorithm } = extent;
  if (headOffset >= clusterBytes || lengthBytes <= 0 || lengthBytes > MAXIMUM_EXTENT_BYTES) {
    throw new DataMapError('its index is damaged: extents overlap');
  }
  if (offsetBytes + stored > imageBytes)
    throw new DataMapError('an extent is not in the image: the image is cut off or damaged');
  if (typeof algorithm === 'string' && lengthBytes > stored)
    throw new DataMapError('its index is damaged: an extent is longer than its stored bytes');
  if (typeof algorithm === 'number' && algorithm > ALGORITHM.zstd)
    throw new DataMapError(`its compression algorithm ${algorithm} is unknown`);
}
