/** Reads layers one by one; merge.ts puts them together. */

import type { BlockSource } from '../block/block.ts';
import { comparePaths, type Entry } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';
import { readTar } from '../tar/reader.ts';
import { frameContents } from '../zstd/decompress.ts';
import { type FrameSpan, findFrames } from '../zstd/frame.ts';
import { type DeletionItem, layerItem, type PresentItem } from './item.ts';

/** A layer that is open for reading. */
export interface Layer {
  /** Its file's name, for errors. */
  readonly name: string;
  readonly source: BlockSource;
  readonly frames: readonly FrameSpan[];
}

/** @throws UserError where the file is no concatenation of zstd frames that say their size */
export function openLayer(source: BlockSource, name: string): Layer {
  const frames = findFrames(source, name);
  if (frames.length === 0)
    throw new UserError(`${name}: the layer is empty; not even the end of an archive is in it`);
  return { name, source, frames };
}

/** What a layer says about a path, and for an entry where its content starts in the uncompressed layer. */
export type ScannedItem = (PresentItem & { readonly dataOffsetBytes: number }) | DeletionItem;

function checkOrder(previous: Entry | undefined, entry: Entry, name: string): void {
  if (previous === undefined || comparePaths(previous.path, entry.path) < 0) return;
  const rule = previous.path === entry.path ? 'it is there twice' : `it comes behind ${previous.path}`;
  throw new UserError(`${name}: entry ${entry.path}: ${rule}; a layer is sorted by path`);
}

/**
 * Lists a layer, in order.
 *
 * @throws UserError where the layer is damaged, hostile or not sorted
 */
export async function scanLayer(layer: Layer): Promise<ScannedItem[]> {
  const items: ScannedItem[] = [];
  let previous: Entry | undefined;
  for await (const event of readTar(frameContents(layer.source, layer.frames, layer.name), layer.name)) {
    if (event.kind === 'data') continue;
    checkOrder(previous, event.entry, layer.name);
    previous = event.entry;
    if (event.extents !== undefined) {
      throw new UserError(
        `${layer.name}: entry ${event.entry.path}: it is sparse, which a layer does not have`,
      );
    }
    const item = layerItem(event.entry, layer.name);
    if (item === undefined) continue;
    items.push(item.kind === 'entry' ? { ...item, dataOffsetBytes: event.dataOffsetBytes } : item);
  }
  return items;
}
