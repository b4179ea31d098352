/** Reads the bytes of a stage's files, which are in layers, in memory or in other files. */
import { readFileRange } from '../lib/formats/block/read-range.ts';
import type { FileEntry } from '../lib/formats/entry/entry.ts';
import { frameContent } from '../lib/formats/zstd/decompress.ts';
import type { FrameSpan } from '../lib/formats/zstd/frame.ts';
import { readContent } from '../lib/image/layer/content.ts';
import type { Inode } from '../lib/image/layer/file-tree.ts';
import type { ContentPlace } from '../lib/image/layer/merge.ts';

/** The place of a file's bytes. */
export type ContentSource =
  | { readonly kind: 'layer'; readonly place: ContentPlace }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly path: string; readonly offsetBytes: number };

export type StageInode = Inode<ContentSource>;

/**
 * The number of frames to keep. Files are read in the order of their paths, which is also the order
 * in the frames of a layer, so a few frames are enough.
 */
const FRAMES_MAX = 6;

const recentFrames = new Map<FrameSpan, Uint8Array>();

async function cachedFrame(place: ContentPlace, frame: FrameSpan): Promise<Uint8Array> {
  const { layer } = place;
  const bytes = recentFrames.get(frame) ?? (await frameContent(layer.source, frame, layer.name));
  recentFrames.delete(frame);
  recentFrames.set(frame, bytes);
  for (const oldest of recentFrames.keys()) {
    if (recentFrames.size <= FRAMES_MAX) break;
    recentFrames.delete(oldest);
  }
  return bytes;
}

/** Finds the first frame that ends after an offset of the uncompressed layer. */
function frameIndexAt(frames: readonly FrameSpan[], offsetBytes: number): number {
  let low = 0;
  for (let high = frames.length; low < high; ) {
    const middle = (low + high) >> 1;
    const frame = frames[middle] as FrameSpan;
    if (frame.contentOffsetBytes + frame.contentBytes <= offsetBytes) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function* fromLayer(place: ContentPlace, entry: FileEntry): AsyncGenerator<Uint8Array> {
  const end = place.offsetBytes + entry.sizeBytes;
  const { frames } = place.layer;
  if (frames === undefined) {
    yield* readContent({ entry, source: place });
    return;
  }
  for (let index = frameIndexAt(frames, place.offsetBytes); index < frames.length; index++) {
    const frame = frames[index] as FrameSpan;
    const start = frame.contentOffsetBytes;
    if (start >= end) return;
    const bytes = await cachedFrame(place, frame);
    yield bytes.subarray(Math.max(0, place.offsetBytes - start), Math.min(bytes.length, end - start));
  }
}

function contentOf(
  source: ContentSource,
  entry: FileEntry,
): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  switch (source.kind) {
    case 'layer':
      return fromLayer(source.place, entry);
    case 'bytes':
      return [source.bytes];
    case 'file':
      return readFileRange(source.path, source.offsetBytes, entry.sizeBytes);
  }
}

/** Yields the bytes of a file in pieces; nothing for an entry without content. */
export async function* readFileContent(inode: StageInode): AsyncGenerator<Uint8Array> {
  if (inode.entry.type !== 'file' || inode.source === undefined || inode.entry.sizeBytes === 0) return;
  yield* contentOf(inode.source, inode.entry);
}
