/** Packed partitions: compressed once, read at any position (docs/formats/packed-partition.md). */
export { openPackedFiles, type PackedFiles, packImageFiles, readIndexFile } from './file.ts';
export {
  type ByteRange,
  type Compression,
  compressedBytes,
  dataExtents,
  formatIndex,
  type PackedChunk,
  type PackedIndex,
  type PartitionFacts,
  parseIndex,
} from './index.ts';
export { type PackOptions, type PackSinks, packImage } from './pack.ts';
export { PackedSource, unpackImage } from './unpack.ts';
