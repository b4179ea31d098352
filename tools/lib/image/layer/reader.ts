/** Reads layers one by one; merge.ts puts them together. */

import { comparePaths, type Entry } from '../../formats/entry/entry.ts';
import { UserError } from '../../formats/error/user-error.ts';
import { BLOCK_BYTES } from '../../formats/tar/format.ts';
import { RawHeader } from '../../formats/tar/header.ts';
import { readTar } from '../../formats/tar/reader.ts';
import { type ScanSource, scanTar } from '../../formats/tar/scan.ts';
import { frameContents } from '../../formats/zstd/decompress.ts';
import { type FrameSpan, findFrames } from '../../formats/zstd/frame.ts';
import { type DeletionItem, layerItem, type PresentItem } from './item.ts';

/** A layer that is open for reading. */
export interface Layer {
  /** Its file's name, for errors. */
  readonly name: string;
  readonly source: ScanSource;
  /** The frames of a compressed layer; `undefined` for an archive as it is, whose contents are read where they lie. */
  readonly frames: readonly FrameSpan[] | undefined;
  /** The file that `source` is, where it is one, for other threads to open. */
  readonly path: string | undefined;
}

/** Whether a file is an archive as it is: it begins with a member's header, or with a block of the zeros that end one. */
function isArchive(source: ScanSource): boolean {
  if (source.sizeBytes < BLOCK_BYTES) return false;
  const block = source.read(0, BLOCK_BYTES);
  if (block.every((byte) => byte === 0)) return true;
  try {
    return new RawHeader(block).typeFlag !== undefined;
  } catch {
    return false;
  }
}

/**
 * Opens a layer: zstd frames, or an uncompressed archive.
 *
 * @param path the file that `source` is, where it is one
 * @throws UserError where the file is neither an archive nor a concatenation of zstd frames that say their size
 */
export function openLayer(source: ScanSource, name: string, path?: string): Layer {
  if (isArchive(source)) return { name, source, frames: undefined, path };
  const frames = findFrames(source, name);
  if (frames.length === 0)
    throw new UserError(`${name}: the layer is empty; not even the end of an archive is in it`);
  return { name, source, frames, path };
}

/** Where the stored bytes of a sparse file belong: [offset, length] of each run, one after the other. */
export type Extents = readonly (readonly [offsetBytes: number, lengthBytes: number])[];

/** What a layer says about a path, and for an entry where its content starts in the uncompressed layer. */
export type ScannedItem =
  | (PresentItem & { readonly dataOffsetBytes: number; readonly extents: Extents | undefined })
  | DeletionItem;

function checkOrder(previous: Entry | undefined, entry: Entry, name: string): void {
  if (previous === undefined || comparePaths(previous.path, entry.path) < 0) return;
  const rule = previous.path === entry.path ? 'it is there twice' : `it comes behind ${previous.path}`;
  throw new UserError(`${name}: entry ${entry.path}: ${rule}; a layer is sorted by path`);
}

function scannedItem(
  { entry, dataOffsetBytes, extents }: { entry: Entry; dataOffsetBytes: number; extents?: Extents },
  layer: Layer,
): ScannedItem | undefined {
  const item = layerItem(entry, layer.name);
  return item?.kind === 'entry' ? { kind: 'entry', entry, dataOffsetBytes, extents } : item;
}

async function scanCompressed(layer: Layer, frames: readonly FrameSpan[]): Promise<ScannedItem[]> {
  const items: ScannedItem[] = [];
  let previous: Entry | undefined;
  for await (const event of readTar(frameContents(layer.source, frames, layer.name), layer.name)) {
    if (event.kind === 'data') continue;
    checkOrder(previous, event.entry, layer.name);
    previous = event.entry;
    if (event.extents !== undefined) {
      throw new UserError(
        `${layer.name}: entry ${event.entry.path}: it is sparse, which a layer does not have`,
      );
    }
    const item = scannedItem(event, layer);
    if (item !== undefined) items.push(item);
  }
  return items;
}

/**
 * Lists a layer, in order.
 *
 * A compressed layer is one of ours and has to be as layer.md says: sorted, without sparse files. An archive as it is may come from
 * anywhere: what comes later replaces what was there, as `tar x` would.
 *
 * @throws UserError where the layer is damaged, hostile or not sorted
 */
export async function scanLayer(layer: Layer): Promise<Iterable<ScannedItem>> {
  return layer.frames === undefined ? scanArchive(layer) : await scanCompressed(layer, layer.frames);
}

/** Does not keep what it lists: there is nothing to wait for here, and it may be much. */
function* scanArchive(layer: Layer): Generator<ScannedItem, void, undefined> {
  for (const member of scanTar(layer.source, layer.name)) {
    const item = scannedItem(member, layer);
    if (item !== undefined) yield item;
  }
}
