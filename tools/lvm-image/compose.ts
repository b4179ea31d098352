import { closeSync, openSync, rmSync } from 'node:fs';
import { type BlockSink, type BlockSource, MemoryImage, subSink } from '../lib/formats/block/block.ts';
import { FileImage } from '../lib/formats/block/file.ts';
import { writeFully, writeWholeFile } from '../lib/formats/block/write.ts';
import type { MetadataRange, VolumeRange } from '../lib/formats/lvm/lvm.ts';
import type { PackTarget } from '../lib/image/file-system/options.ts';
import { openPackedFiles, type PackedFiles, packImageFiles } from '../lib/image/packed/file.ts';
import {
  BLOCK_BYTES,
  type ByteRange,
  CHUNK_BYTES,
  type Compression,
  compressedBytes,
  formatIndex,
  hasCompression,
  PACKED_VERSION,
  type PackedChunk,
  type PackedIndex,
  type PartitionFacts,
} from '../lib/image/packed/index.ts';
import { digestImage, packImage } from '../lib/image/packed/pack.ts';
import { RecordingSink } from '../lib/image/packed/recording-sink.ts';
import { unpackImage } from '../lib/image/packed/unpack.ts';

/**
 * A packed partition in a logical volume, and the ranges of the logical volume on the physical
 * volume.
 */
export interface PlacedContent {
  readonly files: PackedFiles;
  readonly index: PackedIndex;
  readonly ranges: readonly VolumeRange[];
}

export interface PhysicalVolumeParts {
  readonly sizeBytes: number;
  readonly metadata: readonly MetadataRange[];
  readonly contents: readonly PlacedContent[];
}

function chunkStart(offsetBytes: number): number {
  return offsetBytes - (offsetBytes % CHUNK_BYTES);
}

/** Returns the starts of the chunks that contain metadata. */
function metadataChunks(metadata: readonly MetadataRange[]): Set<number> {
  const starts = new Set<number>();
  for (const { offsetBytes, bytes } of metadata) {
    const endBytes = offsetBytes + bytes.length;
    for (let start = chunkStart(offsetBytes); start < endBytes; start += CHUNK_BYTES) starts.add(start);
  }
  return starts;
}

/**
 * Returns the position of a chunk on the physical volume, or `undefined` if it is not contiguous
 * there or not aligned to a chunk.
 */
function placeChunk(chunk: PackedChunk, ranges: readonly VolumeRange[]): number | undefined {
  const last = chunk.extents.at(-1);
  const endBytes = last === undefined ? chunk.offsetBytes : last[0] + last[1];
  const range = ranges.find(
    ({ offsetBytes, lengthBytes }) =>
      offsetBytes <= chunk.offsetBytes && endBytes <= offsetBytes + lengthBytes,
  );
  if (range === undefined) return undefined;
  const placed = range.physicalOffsetBytes + chunk.offsetBytes - range.offsetBytes;
  return placed % CHUNK_BYTES === 0 ? placed : undefined;
}

interface PlacedChunk {
  readonly offsetBytes: number;
  readonly chunk: PackedChunk;
  readonly content: PlacedContent;
}

/**
 * Returns all chunks of all contents with their positions, or `undefined` if a chunk must be split,
 * if its position already has metadata or another chunk, or if a content lacks the requested
 * compression.
 */
function placeChunks(
  { metadata, contents }: PhysicalVolumeParts,
  wantsGzip: boolean,
): PlacedChunk[] | undefined {
  const taken = metadataChunks(metadata);
  const placed: PlacedChunk[] = [];
  for (const content of contents) {
    if (content.index.chunkBytes !== CHUNK_BYTES) return undefined;
    if (wantsGzip && !hasCompression(content.index, 'gz')) return undefined;
    for (const chunk of content.index.chunks) {
      const offsetBytes = placeChunk(chunk, content.ranges);
      if (offsetBytes === undefined || taken.has(offsetBytes)) return undefined;
      taken.add(offsetBytes);
      placed.push({ offsetBytes, chunk, content });
    }
  }
  return placed;
}

/**
 * A chunk of the result: its index entry without the positions of its frames, the frames, and a
 * source of its bytes.
 */
interface Piece {
  readonly offsetBytes: number;
  readonly extents: PackedChunk['extents'];
  readonly frames: { readonly zst: () => Uint8Array; readonly gz: (() => Uint8Array) | undefined };
  readonly source: BlockSource;
  /** The position of the chunk in its source. */
  readonly sourceOffsetBytes: number;
}

function shifted(extents: PackedChunk['extents'], byBytes: number): PackedChunk['extents'] {
  return extents.map(([offsetBytes, lengthBytes]) => [offsetBytes + byBytes, lengthBytes]);
}

/** Packs the metadata: a few chunks that contain nothing else. */
async function metadataPieces(parts: PhysicalVolumeParts, { files, settings }: PackTarget): Promise<Piece[]> {
  const wantsGzip = files.gz !== undefined;
  const pieces: Piece[] = [];
  for (const startBytes of metadataChunks(parts.metadata)) {
    const source = new MemoryImage(Math.min(CHUNK_BYTES, parts.sizeBytes - startBytes));
    for (const { offsetBytes, bytes } of parts.metadata) {
      const skip = Math.max(0, startBytes - offsetBytes);
      const end = Math.min(bytes.length, startBytes + source.sizeBytes - offsetBytes);
      if (skip < end) source.write(offsetBytes + skip - startBytes, bytes.subarray(skip, end));
    }
    const frames = { zst: [] as Uint8Array[], gz: [] as Uint8Array[] };
    const sinks = {
      zst: (bytes: Uint8Array) => frames.zst.push(bytes),
      gz: wantsGzip ? (bytes: Uint8Array) => frames.gz.push(bytes) : undefined,
    };
    const { chunks } = await packImage(source, sinks, settings);
    pieces.push({
      offsetBytes: startBytes,
      extents: shifted(chunks[0]?.extents ?? [], startBytes),
      frames: {
        zst: () => Buffer.concat(frames.zst),
        gz: wantsGzip ? () => Buffer.concat(frames.gz) : undefined,
      },
      source,
      sourceOffsetBytes: 0,
    });
  }
  return pieces.filter(({ extents }) => extents.length > 0);
}

function contentPieces(placed: readonly PlacedChunk[]): Piece[] {
  const opened = new Map<PlacedContent, { zst: FileImage; gz: FileImage | undefined; source: BlockSource }>();
  return placed.map(({ offsetBytes, chunk, content }) => {
    const files = opened.get(content) ?? {
      zst: FileImage.open(content.files.zst),
      gz: content.files.gz === undefined ? undefined : FileImage.open(content.files.gz),
      source: openPackedFiles(content.files),
    };
    opened.set(content, files);
    const { gz } = files;
    const range = chunk.gz;
    return {
      offsetBytes,
      extents: shifted(chunk.extents, offsetBytes - chunk.offsetBytes),
      frames: {
        zst: () => files.zst.read(...chunk.zst),
        gz: gz === undefined || range === undefined ? undefined : () => gz.read(...range),
      },
      source: files.source,
      sourceOffsetBytes: chunk.offsetBytes,
    };
  });
}

/** Returns a source of the pieces. Every extent is within one piece. */
function assembled(sizeBytes: number, pieces: readonly Piece[]): BlockSource {
  const byStart = new Map(pieces.map((piece) => [piece.offsetBytes, piece]));
  return {
    sizeBytes,
    read(offsetBytes, lengthBytes) {
      const piece = byStart.get(chunkStart(offsetBytes));
      if (piece === undefined) throw new RangeError(`no data at ${offsetBytes}`);
      return piece.source.read(piece.sourceOffsetBytes + offsetBytes - piece.offsetBytes, lengthBytes);
    },
  };
}

/** A compressed file that is being written. */
interface FrameOutput {
  readonly compression: Compression;
  readonly path: string;
  readonly descriptor: number;
  endBytes: number;
}

function openOutput(compression: Compression, path: string): FrameOutput {
  return { compression, path, descriptor: openSync(path, 'w'), endBytes: 0 };
}

/** Copies the frames of the contents unchanged, together with those of the metadata. */
async function copyFrames(
  parts: PhysicalVolumeParts,
  placed: readonly PlacedChunk[],
  target: PackTarget,
  facts: PartitionFacts,
): Promise<void> {
  const { files, settings } = target;
  const pieces = [...(await metadataPieces(parts, target)), ...contentPieces(placed)].sort(
    (left, right) => left.offsetBytes - right.offsetBytes,
  );
  const outputs = [
    openOutput('zst', files.zst),
    ...(files.gz === undefined ? [] : [openOutput('gz', files.gz)]),
  ];
  const chunks: PackedChunk[] = [];
  try {
    for (const { offsetBytes, extents, frames } of pieces) {
      const ranges: { zst: ByteRange; gz?: ByteRange } = { zst: [0, 0] };
      for (const output of outputs) {
        const frame = frames[output.compression]?.() ?? new Uint8Array(0);
        writeFully(output.descriptor, output.path, frame);
        ranges[output.compression] = [output.endBytes, frame.length];
        output.endBytes += frame.length;
      }
      chunks.push({ offsetBytes, extents, ...ranges });
    }
  } finally {
    for (const { descriptor } of outputs) closeSync(descriptor);
  }
  const written = pieces.flatMap(({ extents }) => extents);
  const sha256 =
    settings.digest === false ? undefined : await digestImage(assembled(parts.sizeBytes, pieces), written);
  writeWholeFile(
    files.index,
    formatIndex({
      version: PACKED_VERSION,
      sizeBytes: parts.sizeBytes,
      blockBytes: BLOCK_BYTES,
      chunkBytes: CHUNK_BYTES,
      ...(sha256 === undefined ? {} : { sha256 }),
      ...facts,
      chunks,
    }),
  );
}

/** Returns a sink that writes the bytes of a logical volume to its ranges. */
function volumeSink(sink: BlockSink, ranges: readonly VolumeRange[]): BlockSink {
  return {
    write(offsetBytes, bytes) {
      for (const range of ranges) {
        const from = Math.max(offsetBytes, range.offsetBytes);
        const to = Math.min(offsetBytes + bytes.length, range.offsetBytes + range.lengthBytes);
        if (from >= to) continue;
        const piece = bytes.subarray(from - offsetBytes, to - offsetBytes);
        subSink(sink, range.physicalOffsetBytes - range.offsetBytes).write(from, piece);
      }
    },
  };
}

/** Unpacks the contents into a scratch file and packs them again. */
async function repack(
  { sizeBytes, metadata, contents }: PhysicalVolumeParts,
  { files, settings }: PackTarget,
  facts: PartitionFacts,
  scratch: string,
): Promise<void> {
  const image = FileImage.create(scratch, sizeBytes);
  const sink = new RecordingSink(image);
  for (const { offsetBytes, bytes } of metadata) sink.write(offsetBytes, bytes);
  for (const content of contents) {
    const zst = FileImage.open(content.files.zst);
    await unpackImage(content.index, zst, content.files.zst, volumeSink(sink, content.ranges));
    zst.close();
  }
  await packImageFiles(image, files, { ...settings, written: sink.extents(), facts });
  image.close();
  rmSync(scratch);
}

/**
 * Packs a physical volume. If every chunk of the contents is also a chunk of the result, the
 * compressed frames are copied unchanged. Otherwise, everything is compressed again.
 *
 * @param scratch a file that is created for the raw image if it is needed, and deleted afterwards
 * @returns whether the frames were copied
 */
export async function packPhysicalVolume(
  parts: PhysicalVolumeParts,
  target: PackTarget,
  facts: PartitionFacts,
  scratch: string,
): Promise<boolean> {
  const placed = placeChunks(parts, target.files.gz !== undefined);
  if (placed === undefined) await repack(parts, target, facts, scratch);
  else await copyFrames(parts, placed, target, facts);
  return placed !== undefined;
}

/**
 * Returns the problem of the first compressed file whose size differs from the one in the index.
 */
export function checkFiles({ files, index }: Pick<PlacedContent, 'files' | 'index'>): string | undefined {
  for (const compression of ['zst', 'gz'] as const) {
    const path = files[compression];
    if (path === undefined) continue;
    const image = FileImage.open(path);
    const { sizeBytes } = image;
    image.close();
    const expected = compressedBytes(index, compression);
    if (sizeBytes !== expected) return `${path}: ${sizeBytes} bytes, but its index says ${expected}`;
  }
  return undefined;
}
