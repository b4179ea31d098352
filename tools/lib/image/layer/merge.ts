/** An ordered list of layers as one tree. */

import { FileTree, type TreeEntry } from './file-tree.ts';
import { type Extents, type Layer, type ScannedItem, scanLayer } from './reader.ts';

/** Where the content of a file lies: in which layer, and at which offset of the uncompressed layer. */
export interface ContentPlace {
  readonly layer: Layer;
  readonly offsetBytes: number;
  /** Of a sparse file, where its stored bytes belong. */
  readonly extents?: Extents;
}

export type MergedEntry = TreeEntry<ContentPlace>;
export type MergedTree = FileTree<ContentPlace>;

/** A deletion is about the layers below, wherever in the layer it stands. */
function applyDeletions(tree: MergedTree, layer: Layer, items: readonly ScannedItem[]): void {
  for (const item of items) {
    if (item.kind === 'whiteout') tree.remove(item.path, layer.name);
    if (item.kind === 'opaque') tree.removeChildren(item.path, layer.name);
  }
}

function applyEntries(tree: MergedTree, layer: Layer, items: Iterable<ScannedItem>): void {
  for (const item of items) {
    if (item.kind !== 'entry') continue;
    const { entry, dataOffsetBytes: offsetBytes, extents } = item;
    const place = extents === undefined ? { layer, offsetBytes } : { layer, offsetBytes, extents };
    tree.put(entry, entry.type === 'file' ? place : undefined, layer.name);
  }
}

/**
 * Merges layers, the lowest first: a later layer's entries hide those of earlier ones, its deletions take them away.
 *
 * Reads every layer once. `entries()` of the result is the list of everything, sorted by path; contents come from
 * {@link streamContents}.
 */
export async function mergeLayers(layers: readonly Layer[]): Promise<MergedTree> {
  const tree: MergedTree = new FileTree();
  for (const [index, layer] of layers.entries()) {
    const items = await scanLayer(layer);
    // Below the first layer there is nothing to delete.
    if (index === 0) {
      applyEntries(tree, layer, items);
      continue;
    }
    const all = Array.from(items);
    applyDeletions(tree, layer, all);
    applyEntries(tree, layer, all);
  }
  return tree;
}
