/** Reads the contents of a merged tree: all of them from front to back, or one file. */

import type { Entry, FileEntry } from '../../formats/entry/entry.ts';
import { mapInOrder } from '../../formats/pipeline/ordered.ts';
import type { ScanSource } from '../../formats/tar/scan.ts';
import { frameContent } from '../../formats/zstd/decompress.ts';
import type { FrameSpan } from '../../formats/zstd/frame.ts';
import type { ContentPlace, MergedEntry } from './merge.ts';
import type { Extents, Layer } from './reader.ts';

/** The content of a file, as a range of its uncompressed layer. */
export interface ContentRange {
  readonly entry: FileEntry;
  readonly startBytes: number;
  /** The ranges of a sparse file that the stored bytes belong to. */
  readonly extents: Extents | undefined;
}

/**
 * Groups the files with content by layer, in the order of the layer. Contents are visited in this
 * order.
 */
export function contentsByLayer(entries: Iterable<MergedEntry>): Map<Layer, ContentRange[]> {
  const byLayer = new Map<Layer, ContentRange[]>();
  for (const { entry, inode } of entries) {
    if (entry.type !== 'file' || entry.sizeBytes === 0 || inode.source === undefined) continue;
    const { layer, offsetBytes, extents } = inode.source;
    let ranges = byLayer.get(layer);
    if (ranges === undefined) {
      ranges = [];
      byLayer.set(layer, ranges);
    }
    ranges.push({ entry, startBytes: offsetBytes, extents });
  }
  for (const ranges of byLayer.values()) ranges.sort((left, right) => left.startBytes - right.startBytes);
  return byLayer;
}

/** Selects the frames that hold bytes of any of the ranges, which are sorted. */
function neededFrames(frames: readonly FrameSpan[], ranges: readonly ContentRange[]): FrameSpan[] {
  let index = 0;
  return frames.filter((frame) => {
    const frameEnd = frame.contentOffsetBytes + frame.contentBytes;
    for (; index < ranges.length; index++) {
      const range = ranges[index] as ContentRange;
      if (range.startBytes >= frameEnd) return false;
      if (range.startBytes + range.entry.sizeBytes > frame.contentOffsetBytes) return frame.contentBytes > 0;
    }
    return false;
  });
}

/** Uncompressed content is read in pieces of this size. */
const PIECE_BYTES = 1 << 20;
const ZEROS = new Uint8Array(PIECE_BYTES);

function* zeros(count: number): Generator<Uint8Array, void, undefined> {
  for (let left = count; left > 0; left -= PIECE_BYTES) yield ZEROS.subarray(0, Math.min(left, PIECE_BYTES));
}

/**
 * Reads the content of a file in an uncompressed archive, with zeros for its holes. Each piece is
 * valid until the next one is requested.
 */
function* plainContent(
  source: ScanSource,
  { entry, startBytes, extents = [[0, entry.sizeBytes]] }: ContentRange,
  buffer: Buffer,
): Generator<Uint8Array, void, undefined> {
  let position = 0;
  let stored = startBytes;
  for (const [offsetBytes, lengthBytes] of extents) {
    yield* zeros(offsetBytes - position);
    for (let done = 0; done < lengthBytes; done += PIECE_BYTES) {
      const count = Math.min(PIECE_BYTES, lengthBytes - done);
      const bytes =
        source.readInto === undefined ? source.read(stored + done, count) : buffer.subarray(0, count);
      source.readInto?.(stored + done, bytes);
      yield bytes;
    }
    stored += lengthBytes;
    position = offsetBytes + lengthBytes;
  }
  yield* zeros(entry.sizeBytes - position);
}

/**
 * Receives a piece of a file: its position in the file, and its bytes, which are valid until the
 * function returns.
 */
export type ContentVisitor = (entry: FileEntry, positionBytes: number, bytes: Uint8Array) => void;

function streamPlain(layer: Layer, ranges: readonly ContentRange[], visit: ContentVisitor): void {
  const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  for (const range of ranges) {
    let position = 0;
    for (const bytes of plainContent(layer.source, range, buffer)) {
      visit(range.entry, position, bytes);
      position += bytes.length;
    }
  }
}

async function streamCompressed(
  layer: Layer,
  frames: readonly FrameSpan[],
  ranges: readonly ContentRange[],
  visit: ContentVisitor,
): Promise<void> {
  let index = 0;
  const contents = mapInOrder(neededFrames(frames, ranges), async (frame) => ({
    startBytes: frame.contentOffsetBytes,
    bytes: await frameContent(layer.source, frame, layer.name),
  }));
  for await (const { startBytes, bytes } of contents) {
    const endBytes = startBytes + bytes.length;
    for (; index < ranges.length; index++) {
      const { entry, startBytes: fileStart } = ranges[index] as ContentRange;
      if (fileStart >= endBytes) break;
      const from = Math.max(fileStart, startBytes);
      const to = Math.min(fileStart + entry.sizeBytes, endBytes);
      if (to > from) visit(entry, from - fileStart, bytes.subarray(from - startBytes, to - startBytes));
      if (fileStart + entry.sizeBytes > endBytes) break;
    }
  }
}

/**
 * Reads the content of every file among the entries once, layer by layer from front to back. A
 * frame is not decompressed if later layers hide everything in it.
 *
 * The pieces of a file come in order, without pieces of other files between them. Files without
 * content are not visited.
 */
export async function streamContents(entries: Iterable<MergedEntry>, visit: ContentVisitor): Promise<void> {
  for (const [layer, ranges] of contentsByLayer(entries)) {
    if (layer.frames === undefined) streamPlain(layer, ranges, visit);
    else await streamCompressed(layer, layer.frames, ranges, visit);
  }
}

/**
 * Reads the content of one file, piece by piece.
 *
 * @param inode the inode of an entry of the tree
 */
export async function* readContent(inode: {
  readonly entry: Entry;
  readonly source: ContentPlace | undefined;
}): AsyncGenerator<Uint8Array, void, undefined> {
  const { entry, source } = inode;
  if (entry.type !== 'file' || entry.sizeBytes === 0 || source === undefined) return;
  const { layer, offsetBytes, extents } = source;
  const range = { entry, startBytes: offsetBytes, extents };
  if (layer.frames === undefined) {
    // A caller may keep a piece after it requests the next one.
    for (const bytes of plainContent(layer.source, range, Buffer.allocUnsafe(PIECE_BYTES)))
      yield Uint8Array.from(bytes);
    return;
  }
  const endBytes = offsetBytes + entry.sizeBytes;
  for (const frame of neededFrames(layer.frames, [range])) {
    const bytes = await frameContent(layer.source, frame, layer.name);
    const start = frame.contentOffsetBytes;
    yield bytes.subarray(Math.max(0, offsetBytes - start), Math.min(bytes.length, endBytes - start));
  }
}
