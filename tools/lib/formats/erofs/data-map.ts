/** Where the content of an inode is: flat, in chunks, or in compressed extents. */
import { type ClusterExtent, clusterExtents } from './cluster-map.ts';
import { DATA_LAYOUT, NULL_BLOCK } from './layout.ts';
import { DataMapError, type MappedInode, type ReadImage } from './mapped-inode.ts';

/** i_u of files in chunks: EROFS_CHUNK_FORMAT_*. */
const CHUNK_BITS_MASK = 0x1f;
const CHUNK_INDEXES = 0x20;
/** struct erofs_inode_chunk_index, or a block address alone. */
const CHUNK_INDEX_BYTES = 8;
const BLOCK_ADDRESS_BYTES = 4;
/** Chunk addresses are read so many at once. */
const CHUNKS_AT_ONCE = 1024;

interface Run {
  /** Where in the content it begins. */
  readonly positionBytes: number;
  readonly lengthBytes: number;
}

/** A part of a content. */
export type DataRun =
  | (Run & { readonly kind: 'hole' })
  | (Run & { readonly kind: 'stored'; readonly offsetBytes: number })
  | (Run & { readonly kind: 'compressed'; readonly extent: ClusterExtent });

function stored(
  positionBytes: number,
  lengthBytes: number,
  offsetBytes: number,
  imageBytes: number,
): DataRun {
  if (offsetBytes + lengthBytes > imageBytes) {
    throw new DataMapError(
      `its content at ${offsetBytes} with ${lengthBytes} bytes is not in the image: it is cut off or damaged`,
    );
  }
  return { kind: 'stored', positionBytes, lengthBytes, offsetBytes };
}

function* flatRuns(inode: MappedInode, imageBytes: number): Generator<DataRun> {
  const { sizeBytes, blockBytes, indexOffsetBytes } = inode;
  const tailBytes = inode.layout === DATA_LAYOUT.inline ? sizeBytes % blockBytes : 0;
  const inBlocks = sizeBytes - tailBytes;
  if (inBlocks > 0) yield stored(0, inBlocks, inode.union * blockBytes, imageBytes);
  if (tailBytes === 0) return;
  if ((indexOffsetBytes % blockBytes) + tailBytes > blockBytes)
    throw new DataMapError('what is inline crosses a block');
  yield stored(inBlocks, tailBytes, indexOffsetBytes, imageBytes);
}

function* chunkRuns(inode: MappedInode, imageBytes: number, read: ReadImage): Generator<DataRun> {
  const { sizeBytes, blockBytes } = inode;
  const hasIndexes = (inode.union & CHUNK_INDEXES) !== 0;
  if ((inode.union & 0xffff & ~(CHUNK_BITS_MASK | CHUNK_INDEXES)) !== 0)
    throw new DataMapError('its chunk format is unknown');
  const unit = hasIndexes ? CHUNK_INDEX_BYTES : BLOCK_ADDRESS_BYTES;
  const chunkBytes = blockBytes * 2 ** (inode.union & CHUNK_BITS_MASK);
  const start = Math.ceil(inode.indexOffsetBytes / unit) * unit;
  const chunkCount = Math.ceil(sizeBytes / chunkBytes);
  if (start + chunkCount * unit > imageBytes)
    throw new DataMapError('its chunks are not in the image: it is cut off or damaged');
  for (let first = 0; first < chunkCount; first += CHUNKS_AT_ONCE) {
    const count = Math.min(CHUNKS_AT_ONCE, chunkCount - first);
    const addresses = Uint8Array.from(read(start + first * unit, count * unit));
    const view = new DataView(addresses.buffer);
    for (let chunk = 0; chunk < count; chunk++) {
      const position = (first + chunk) * chunkBytes;
      const length = Math.min(chunkBytes, sizeBytes - position);
      const block = view.getUint32(chunk * unit + unit - BLOCK_ADDRESS_BYTES, true);
      if (block === NULL_BLOCK) {
        yield { kind: 'hole', positionBytes: position, lengthBytes: length };
        continue;
      }
      if (hasIndexes && view.getUint16(chunk * unit + 2, true) !== 0) {
        throw new DataMapError('its content is on another device, which is not supported');
      }
      yield stored(position, length, block * blockBytes, imageBytes);
    }
  }
}

function* compressedRuns(inode: MappedInode, imageBytes: number, read: ReadImage): Generator<DataRun> {
  for (const extent of clusterExtents(inode, imageBytes, read)) {
    const { positionBytes, lengthBytes } = extent;
    yield { kind: 'compressed', positionBytes, lengthBytes, extent };
  }
}

/** Yields the parts of an inode's content, in order and without gaps. */
export function dataRuns(inode: MappedInode, imageBytes: number, read: ReadImage): Generator<DataRun> {
  switch (inode.layout) {
    case DATA_LAYOUT.plain:
    case DATA_LAYOUT.inline:
      return flatRuns(inode, imageBytes);
    case DATA_LAYOUT.chunks:
      return chunkRuns(inode, imageBytes, read);
    case DATA_LAYOUT.compressedFull:
    case DATA_LAYOUT.compressedCompact:
      return compressedRuns(inode, imageBytes, read);
    default:
      throw new DataMapError(`its layout ${inode.layout} is unknown`);
  }
}
