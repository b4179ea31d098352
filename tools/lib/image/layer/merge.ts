/** Applies layers to a tree: one by one, or an ordered list of them. */

import { FileTree, type TreeEntry } from './file-tree.ts';
import { type Extents, type Layer, listLayer, type ScannedItem, scanLayer } from './reader.ts';

/** The place of a file's content: a layer, and an offset in the uncompressed layer. */
export interface ContentPlace {
  readonly layer: Layer;
  readonly offsetBytes: number;
  /** The ranges of a sparse file that the stored bytes belong to. */
  readonly extents?: Extents;
}

export type MergedEntry = TreeEntry<ContentPlace>;
export type MergedTree = FileTree<ContentPlace>;

/**
 * Applies a layer to a tree: its deletions first, then its entries. A deletion applies to the
 * layers below, at any position in the layer.
 *
 * @param sourceOf converts the place of a file's content to the value that the tree stores for it
 * @throws UserError if the layer is damaged, hostile or not sorted, or if an entry goes through a
 *   symbolic link
 */
export async function applyLayer<Source>(
  tree: FileTree<Source>,
  layer: Layer,
  sourceOf: (place: ContentPlace) => Source,
): Promise<void> {
  const put = (item: ScannedItem): void => {
    if (item.kind !== 'entry') return;
    const { entry, dataOffsetBytes: offsetBytes, extents } = item;
    const place = extents === undefined ? { layer, offsetBytes } : { layer, offsetBytes, extents };
    tree.put(entry, entry.type === 'file' ? sourceOf(place) : undefined, layer.name);
  };
  if (tree.isEmpty) {
    // There is nothing to delete, so the items need not be kept.
    await scanLayer(layer, put);
    return;
  }
  const items = await listLayer(layer);
  for (const item of items) {
    if (item.kind === 'whiteout') tree.remove(item.path, layer.name);
    if (item.kind === 'opaque') tree.removeChildren(item.path, layer.name);
  }
  items.forEach(put);
}

/**
 * Merges layers, the lowest first: the entries of a later layer hide those of earlier ones, and its
 * deletions remove them.
 *
 * Reads every layer once. `entries()` of the result lists everything, sorted by path;
 * `streamContents` reads the contents.
 */
export async function mergeLayers(layers: readonly Layer[]): Promise<MergedTree> {
  const tree: MergedTree = new FileTree();
  for (const layer of layers) await applyLayer(tree, layer, (place) => place);
  return tree;
}
