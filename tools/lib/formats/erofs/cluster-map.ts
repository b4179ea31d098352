/**
 * Finds the extents of a compressed file from its index: struct z_erofs_lcluster_index, eight bytes for each block of content, or
 * the compact form, packs of two or four bytes each (fs/erofs/zmap.c in Linux).
 */
import { CLUSTER_TYPE } from './cluster-index.ts';
import { ALGORITHM, alignUp, DATA_LAYOUT, MAXIMUM_CLUSTER_BYTES } from './layout.ts';
import { DataMapError, type MappedInode, type ReadImage } from './mapped-inode.ts';

const HEADER_BYTES = 8;
/** struct z_erofs_lcluster_index; the full form has eight bytes more before the first. */
const FULL_BYTES = 8;
const FULL_PADDING_BYTES = 8;
/** h_advise: Z_EROFS_ADVISE_*. */
const ADVISE = {
  compact2Bytes: 0x1,
  bigClusters1: 0x2,
  bigClusters2: 0x4,
  inlineCluster: 0x8,
  interlaced: 0x10,
  fragment: 0x20,
} as const;
const KNOWN_ADVISE = 0x3f;
/** h_clusterbits: the whole file is a fragment (Z_EROFS_FRAGMENT_INODE_BIT). */
const FRAGMENT_INODE_BIT = 0x80;
const CLUSTER_BITS_MASK = 0x7;
/** Z_EROFS_LI_LCLUSTER_TYPE_BITS, Z_EROFS_LI_D0_CBLKCNT. */
const TYPE_MASK = 0x3;
const BLOCK_COUNT_BIT = 1 << 11;
/** The compact form ends each pack with a block address, and begins packs of 2-byte entries at multiples of 32 bytes. */
const PACK_ADDRESS_BYTES = 4;
const SHORT_PACK_BYTES = 32;
const SHORT_PACK_ENTRIES = 16;
const LONG_PACK_BYTES = 8;
const LONG_PACK_ENTRIES = 2;
/** Z_EROFS_PCLUSTER_MAX_DSIZE: what one extent may hold when it is uncompressed. */
const MAXIMUM_EXTENT_BYTES = 12 << 20;

export interface ClusterExtent {
  readonly positionBytes: number;
  readonly lengthBytes: number;
  /** Where its bytes are, and how many with the zeros before or behind them. */
  readonly offsetBytes: number;
  readonly storedBytes: number;
  /** One of ALGORITHM, or that it is stored as it is: as it comes, or turned so that each byte is where it is in its block. */
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
  /** Heads: where in the block of content the extent begins. */
  readonly offset: number;
  /** Heads: the first block of the compressed bytes. */
  readonly block: number;
  /** Others: blocks of the compressed bytes, where this entry says it; else 0. */
  readonly blockCount: number;
}

function decodeHeader(bytes: Uint8Array, blockBits: number): MapHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const advise = view.getUint16(4, true);
  const bits = view.getUint8(7);
  if ((advise & ADVISE.fragment) !== 0 || (bits & FRAGMENT_INODE_BIT) !== 0) {
    throw new DataMapError(
      'it is stored in fragments, which are not supported; make the image without -Efragments',
    );
  }
  if ((advise & ~KNOWN_ADVISE) !== 0)
    throw new DataMapError(`its compression has unknown features (0x${advise.toString(16)})`);
  return {
    advise,
    algorithms: [view.getUint8(6) & 0xf, view.getUint8(6) >> 4],
    clusterBits: blockBits + (bits & CLUSTER_BITS_MASK),
    inlineBytes: view.getUint16(2, true),
  };
}

/** Reads one entry after another of an index. */
interface IndexReader {
  /** The first byte behind the index. */
  readonly endBytes: number;
  cluster(number: number): Cluster;
}

class FullIndex implements IndexReader {
  readonly endBytes: number;
  readonly #start: number;
  readonly #read: ReadImage;

  constructor(headerOffset: number, clusterCount: number, read: ReadImage) {
    this.#start = headerOffset + HEADER_BYTES + FULL_PADDING_BYTES;
    this.endBytes = this.#start + clusterCount * FULL_BYTES;
    this.#read = read;
  }

  cluster(number: number): Cluster {
    const bytes = this.#read(this.#start + number * FULL_BYTES, FULL_BYTES);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const type = view.getUint16(0, true) & TYPE_MASK;
    const distance = view.getUint16(4, true);
    const saysCount = type === CLUSTER_TYPE.nonHead && (distance & BLOCK_COUNT_BIT) !== 0;
    return {
      type,
      offset: view.getUint16(2, true),
      block: view.getUint32(4, true),
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
    const view = new DataView(pack.buffer, pack.byteOffset, pack.byteLength);
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
    // Up to 16 bits at any bit: three bytes have them.
    const first = position * entryBits;
    for (let byte = 2; byte >= 0; byte--) bits = (bits << 8) | (pack[(first >> 3) + byte] as number);
    const entry = bits >> (first & 7);
    return { type: (entry >> this.#clusterBits) & TYPE_MASK, value: entry & ((1 << this.#clusterBits) - 1) };
  }

  /** Blocks of the compressed bytes of the extents that have entries in the pack before `position` (unpack_compacted_index). */
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
          throw new DataMapError('its index is damaged: an extent without its number of blocks');
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
  // Linux has no entries for larger ones.
  if (header.clusterBits > 14) throw new DataMapError('its index is of an unknown form');
  return new CompactIndex(headerOffset, clusterCount, header, read);
}

function algorithmOf(type: number, { advise, algorithms }: MapHeader): ClusterExtent['algorithm'] {
  if (type === CLUSTER_TYPE.head) return algorithms[0];
  if (type === CLUSTER_TYPE.head2) return algorithms[1];
  return (advise & ADVISE.interlaced) !== 0 ? 'interlaced' : 'shifted';
}

/** Bytes that an extent has on disk; the entry behind its head says it where they are more than one block of content. */
function storedBytes(inode: MappedInode, header: MapHeader, type: number, next: Cluster | undefined): number {
  const isBig =
    (type === CLUSTER_TYPE.head && (header.advise & ADVISE.bigClusters1) !== 0) ||
    (type === CLUSTER_TYPE.head2 && (header.advise & ADVISE.bigClusters2) !== 0);
  if (!isBig || next === undefined || next.type !== CLUSTER_TYPE.nonHead) return 2 ** header.clusterBits;
  const bytes = next.blockCount * inode.blockBytes;
  if (bytes === 0 || bytes > MAXIMUM_CLUSTER_BYTES)
    throw new DataMapError('its index is damaged: an extent of no or too many blocks');
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
    throw new DataMapError('its index is not in the image: it is cut off or damaged');
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
    // mkfs.erofs ends a file within a block by an extent that begins there.
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
    throw new DataMapError('an extent is not in the image: it is cut off or damaged');
  if (typeof algorithm === 'string' && lengthBytes > stored)
    throw new DataMapError('its index is damaged: an extent is longer than what is stored');
  if (typeof algorithm === 'number' && algorithm > ALGORITHM.zstd)
    throw new DataMapError(`its compression algorithm ${algorithm} is unknown`);
}
