/** The contents of a merged tree: all of them front to back, or one file. */

import type { Entry, FileEntry } from '../entry/entry.ts';
import { frameContent } from '../zstd/decompress.ts';
import type { FrameSpan } from '../zstd/frame.ts';
import { mapInOrder } from '../zstd/ordered.ts';
import type { ContentPlace, MergedEntry } from './merge.ts';
import type { Layer } from './reader.ts';

/** A file's content as a range of its uncompressed layer. */
interface Range {
  readonly entry: FileEntry;
  readonly startBytes: number;
}

/** The files that have content, by layer, in the order of the layer. */
function rangesByLayer(entries: Iterable<MergedEntry>): Map<Layer, Range[]> {
  const byLayer = new Map<Layer, Range[]>();
  for (const { entry, inode } of entries) {
    if (entry.type !== 'file' || entry.sizeBytes === 0 || inode.source === undefined) continue;
    const { layer, offsetBytes } = inode.source;
    const ranges = byLayer.get(layer) ?? [];
    byLayer.set(layer, ranges);
    ranges.push({ entry, startBytes: offsetBytes });
  }
  for (const ranges of byLayer.values()) ranges.sort((left, right) => left.startBytes - right.startBytes);
  return byLayer;
}

/** The frames that hold bytes of any of the (sorted) ranges. */
function neededFrames(frames: readonly FrameSpan[], ranges: readonly Range[]): FrameSpan[] {
  let index = 0;
  return frames.filter((frame) => {
    const frameEnd = frame.contentOffsetBytes + frame.contentBytes;
    for (; index < ranges.length; index++) {
      const range = ranges[index] as Range;
      if (range.startBytes >= frameEnd) return false;
      if (range.startBytes + range.entry.sizeBytes > frame.contentOffsetBytes) return frame.contentBytes > 0;
    }
    return false;
  });
}

/** Takes a piece of a file: where in the file it goes, and its bytes, which are valid until the function returns. */
export type ContentVisitor = (entry: FileEntry, positionBytes: number, bytes: Uint8Array) => void;

/**
 * Reads the content of every file among the entries once, layer by layer from front to back; what later layers hide is not
 * decompressed where whole frames of it are hidden.
 *
 * A file's pieces come in order and without other files between them. Files without content are not visited.
 */
export async function streamContents(entries: Iterable<MergedEntry>, visit: ContentVisitor): Promise<void> {
  for (const [layer, ranges] of rangesByLayer(entries)) {
    let index = 0;
    const contents = mapInOrder(neededFrames(layer.frames, ranges), async (frame) => ({
      startBytes: frame.contentOffsetBytes,
      bytes: await frameContent(layer.source, frame, layer.name),
    }));
    for await (const { startBytes, bytes } of contents) {
      const endBytes = startBytes + bytes.length;
      for (; index < ranges.length; index++) {
        const { entry, startBytes: fileStart } = ranges[index] as Range;
        if (fileStart >= endBytes) break;
        const from = Math.max(fileStart, startBytes);
        const to = Math.min(fileStart + entry.sizeBytes, endBytes);
        if (to > from) visit(entry, from - fileStart, bytes.subarray(from - startBytes, to - startBytes));
        if (fileStart + entry.sizeBytes > endBytes) break;
      }
    }
  }
}

/** Reads the content of one file (`inode` of a tree's entry), piece by piece. */
export async function* readContent(inode: {
  readonly entry: Entry;
  readonly source: ContentPlace | undefined;
}): AsyncGenerator<Uint8Array, void, undefined> {
  const { entry, source } = inode;
  if (entry.type !== 'file' || entry.sizeBytes === 0 || source === undefined) return;
  const { layer, offsetBytes } = source;
  const endBytes = offsetBytes + entry.sizeBytes;
  for (const frame of neededFrames(layer.frames, [{ entry, startBytes: offsetBytes }])) {
    const bytes = await frameContent(layer.source, frame, layer.name);
    const start = frame.contentOffsetBytes;
    yield bytes.subarray(Math.max(0, offsetBytes - start), Math.min(bytes.length, endBytes - start));
  }
}
