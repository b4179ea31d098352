/** Reads single layers; merge.ts combines them. */

import { comparePaths, type Entry } from '../../formats/entry/entry.ts';
import { UserError } from '../../formats/error/user-error.ts';
import { BLOCK_BYTES, RawHeader } from '../../formats/tar/header.ts';
import { readTar } from '../../formats/tar/reader.ts';
import { type ScanSource, scanTar } from '../../formats/tar/scan.ts';
import { frameContents } from '../../formats/zstd/decompress.ts';
import { type FrameSpan, findFrames } from '../../formats/zstd/frame.ts';
import { type DeletionItem, layerItem, type PresentItem } from './item.ts';

/** A layer that is open for reading. */
export interface Layer {
  /** The name of its file, for errors. */
  readonly name: string;
  readonly source: ScanSource;
  /**
   * The frames of a compressed layer. `undefined` for an uncompressed archive, whose contents are
   * read in place.
   */
  readonly frames: readonly FrameSpan[] | undefined;
  /** The path of the file, if `source` is one, so that other threads can open it. */
  readonly path: string | undefined;
}

/**
 * Whether a file is an uncompressed archive: it begins with the header of a member, or with a block
 * of zeros, which ends an empty archive.
 */
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
 * @param path the path of the file, if `source` is one
 * @throws UserError if the file is neither an archive nor a sequence of zstd frames that record
 *   their size
 */
export function openLayer(source: ScanSource, name: string, path?: string): Layer {
  if (isArchive(source)) return { name, source, frames: undefined, path };
  const frames = findFrames(source, name);
  if (frames.length === 0)
    throw new UserError(`${name}: the layer is empty; even an empty archive has an end marker`);
  return { name, source, frames, path };
}

/** The ranges of a sparse file that its stored bytes belong to, in order: [offset, length]. */
export type Extents = readonly (readonly [offsetBytes: number, lengthBytes: number])[];

/** An item of a layer. For an entry, with the start of its content in the uncompressed layer. */
export type ScannedItem =
  | (PresentItem & { readonly dataOffsetBytes: number; readonly extents: Extents | undefined })
  | DeletionItem;

function checkOrder(previous: Entry | undefined, entry: Entry, name: string): void {
  if (previous === undefined || comparePaths(previous.path, entry.path) < 0) return;
  const rule = previous.path === entry.path ? 'its path occurs twice' : `it follows ${previous.path}`;
  throw new UserError(`${name}: entry ${entry.path}: ${rule}; a layer must be sorted by path`);
}

function scannedItem(
  { entry, dataOffsetBytes, extents }: { entry: Entry; dataOffsetBytes: number; extents?: Extents },
  layer: Layer,
): ScannedItem | undefined {
  const item = layerItem(entry, layer.name);
  return item?.kind === 'entry' ? { kind: 'entry', entry, dataOffsetBytes, extents } : item;
}

/** Receives the items of a layer, one after another. */
export type ItemVisitor = (item: ScannedItem) => void;

async function scanCompressed(layer: Layer, frames: readonly FrameSpan[], visit: ItemVisitor): Promise<void> {
  let previous: Entry | undefined;
  for await (const event of readTar(frameContents(layer.source, frames, layer.name), layer.name)) {
    if (event.kind === 'data') continue;
    checkOrder(previous, event.entry, layer.name);
    previous = event.entry;
    if (event.extents !== undefined) {
      throw new UserError(
        `${layer.name}: entry ${event.entry.path}: it is sparse, which a compressed layer must not contain`,
      );
    }
    const item = scannedItem(event, layer);
    if (item !== undefined) visit(item);
  }
}

function scanArchive(layer: Layer, visit: ItemVisitor): void {
  for (const member of scanTar(layer.source, layer.name)) {
    const item = scannedItem(member, layer);
    if (item !== undefined) visit(item);
  }
}

/**
 * Reads a layer once and passes each item to `visit`, in the order of the layer. Keeps none of
 * them: a layer may have hundreds of thousands.
 *
 * A compressed layer must follow layer.md: sorted by path, without sparse files. An uncompressed
 * archive may come from any tool: a later member replaces an earlier one of the same path, as in
 * `tar x`.
 *
 * @throws UserError if the layer is damaged, hostile or not sorted
 */
export async function scanLayer(layer: Layer, visit: ItemVisitor): Promise<void> {
  if (layer.frames === undefined) scanArchive(layer, visit);
  else await scanCompressed(layer, layer.frames, visit);
}

/** Lists the items of a layer; see {@link scanLayer}. */
export async function listLayer(layer: Layer): Promise<ScannedItem[]> {
  const items: ScannedItem[] = [];
  await scanLayer(layer, (item) => items.push(item));
  return items;
}
