/** Opens a root file system that consists of layer files. */
import { FileImage } from '../lib/formats/block/file.ts';
import { baseName, type Entry, parentPath } from '../lib/formats/entry/entry.ts';
import { readContent } from '../lib/image/layer/content.ts';
import { at } from '../lib/image/layer/file-tree.ts';
import { type MergedTree, mergeLayers } from '../lib/image/layer/merge.ts';
import { openLayer } from '../lib/image/layer/reader.ts';
import type { RootTree } from './root-tree.ts';

class LayeredRoot implements RootTree {
  readonly #tree: MergedTree;
  readonly #names = new Map<string, string[]>();

  constructor(tree: MergedTree) {
    this.#tree = tree;
    for (const { entry } of tree.entries()) {
      if (entry.path === '') continue;
      const siblings = this.#names.get(parentPath(entry.path)) ?? [];
      siblings.push(baseName(entry.path));
      this.#names.set(parentPath(entry.path), siblings);
    }
  }

  get(path: string): Entry | undefined {
    const inode = this.#tree.get(path);
    return inode && at(inode.entry, path);
  }

  names(path: string): readonly string[] {
    return this.#names.get(path) ?? [];
  }

  async read(path: string): Promise<Uint8Array> {
    const inode = this.#tree.get(path);
    const chunks: Uint8Array[] = [];
    if (inode !== undefined)
      for await (const chunk of readContent(inode)) chunks.push(Uint8Array.from(chunk));
    return Buffer.concat(chunks);
  }
}

/** Opens layer files, from the lowest to the highest, and merges them. */
export async function openRoot(layerPaths: readonly string[]): Promise<RootTree> {
  return new LayeredRoot(await mergeLayers(layerPaths.map((path) => openLayer(FileImage.open(path), path))));
}
