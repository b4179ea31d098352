/** Finds the content of an inode: flat, in chunks, or in compressed extents. */
import { type ClusterExtent, clusterExtents } from './cluster-map.ts';
import { BLOCK_MAP_ENTRY, CHUNK_FORMAT, CHUNK_INDEX, DATA_LAYOUT, NULL_BLOCK } from './format.ts';
import { DataMapError, type MappedInode, type ReadImage } from './mapped-inode.ts';

/** The number of chunk addresses that are read at once. */
const CHUNKS_AT_ONCE = 1024;

interface Run {
  /** Its offset in the content. */
  readonly positionBytes: number;
  readonly lengthBytes: number;
}

/** A part of the content of an inode. */
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
      `its content of ${lengthBytes} bytes at ${offsetBytes} is not in the image: the image is cut off or damaged`,
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
    throw new DataMapError('its inline content crosses the end of a block');
  yield stored(inBlocks, tailBytes, indexOffsetBytes, imageBytes);
}

function* chunkRuns(inode: MappedInode, imageBytes: number, read: ReadImage): Generator<DataRun> {
  const { sizeBytes, blockBytes } = inode;
  const hasIndexes = (inode.union & CHUNK_FORMAT.indexes) !== 0;
  if ((inode.union & 0xffff & ~(CHUNK_FORMAT.blockBitsMask | CHUNK_FORMAT.indexes)) !== 0)
    throw new DataMapError('its chunk format is unknown');
  const entry = hasIndexes ? CHUNK_INDEX : BLOCK_MAP_ENTRY;
  const unit = entry.sizeBytes;
  const chunkBytes = blockBytes * 2 ** (inode.union & CHUNK_FORMAT.blockBitsMask);
  const start = Math.ceil(inode.indexOffsetBytes / unit) * unit;
  const chunkCount = Math.ceil(sizeBytes / chunkBytes);
  if (start + chunkCount * unit > imageBytes)
    throw new DataMapError('its chunks are not in the image: the image is cut off or damaged');
  for (let first = 0; first < chunkCount; first += CHUNKS_AT_ONCE) {
    const count = Math.min(CHUNKS_AT_ONCE, chunkCount - first);
    const addresses = Uint8Array.from(read(start + first * unit, count * unit));
    const view = new DataView(addresses.buffer);
    for (let chunk = 0; chunk < count; chunk++) {
      const position = (first + chunk) * chunkBytes;
      const length = Math.min(chunkBytes, sizeBytes - position);
      const block = entry.at.blkaddr.get(view, chunk * unit);
      if (block === NULL_BLOCK) {
        yield { kind: 'hole', positionBytes: position, lengthBytes: length };
        continue;
      }
      if (hasIndexes && CHUNK_INDEX.at.device_id.get(view, chunk * unit) !== 0) {
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
