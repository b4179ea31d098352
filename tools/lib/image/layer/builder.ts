import type { Entry } from '../../formats/entry/entry.ts';
import { FileTree, type Inode } from './file-tree.ts';
import type { DeletionItem } from './item.ts';
import type { Spool, SpooledContent } from './spool.ts';
import type { LayerItem } from './writer.ts';

/**
 * Collects a layer from entries in any order: members of archives, files of packages, changes made
 * by a step. A later entry replaces an earlier one, as in `tar x`. Contents are kept in a spool
 * until the layer is written in sorted order.
 */
export class LayerBuilder {
  readonly #tree = new FileTree<SpooledContent>();
  readonly #deletions = new Map<string, DeletionItem>();
  readonly #spool: Spool;

  constructor(spool: Spool) {
    this.#spool = spool;
  }

  /**
   * Adds an entry, and reads all of its content now.
   *
   * @param origin names the source of the entry in errors
   * @throws UserError if the path goes through a symbolic link of this layer, or if the target of a
   *   hard link is not in this layer
   */
  async add(
    entry: Entry,
    content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    origin: string,
  ): Promise<void> {
    if (entry.type !== 'file') {
      this.#tree.put(entry, undefined, origin);
      return;
    }
    const startBytes = this.#spool.sizeBytes;
    for await (const chunk of content) this.#spool.append(chunk);
    const lengthBytes = this.#spool.sizeBytes - startBytes;
    if (lengthBytes !== entry.sizeBytes) {
      throw new RangeError(
        `${entry.path} has ${entry.sizeBytes} bytes in its entry, and ${lengthBytes} in its content`,
      );
    }
    this.#tree.put(entry, { startBytes, lengthBytes }, origin);
  }

  /** Adds an entry whose content is in memory; see {@link add}. */
  addBytes(entry: Entry, content: Uint8Array, origin: string): void {
    if (entry.type === 'file' && entry.sizeBytes !== content.length) {
      throw new RangeError(
        `${entry.path} has ${entry.sizeBytes} bytes in its entry, and ${content.length} in its content`,
      );
    }
    const startBytes = this.#spool.sizeBytes;
    if (entry.type === 'file') this.#spool.append(content);
    this.#tree.put(entry, { startBytes, lengthBytes: content.length }, origin);
  }

  /** Deletes `path` from this layer and from the layers below. */
  remove(path: string, origin: string): void {
    this.#tree.remove(path, origin);
    this.#deletions.set(`whiteout ${path}`, { kind: 'whiteout', path });
  }

  /**
   * Deletes everything in the directory at `path`, from this layer and from the layers below, and
   * keeps the directory.
   */
  removeChildren(path: string, origin: string): void {
    this.#tree.removeChildren(path, origin);
    this.#deletions.set(`opaque ${path}`, { kind: 'opaque', path });
  }

  /** Returns the current inode at `path` of this layer. A symbolic link is not followed. */
  get(path: string): Inode<SpooledContent> | undefined {
    return this.#tree.get(path);
  }

  /** Lists the items for `writeLayer`. Directories that are only implied are not included. */
  items(): LayerItem[] {
    const present = this.#tree
      .entries()
      .filter(({ implied }) => !implied)
      .map(({ entry, inode }): LayerItem => {
        const place = inode.source;
        if (entry.type !== 'file' || place === undefined) return { kind: 'entry', entry };
        return { kind: 'entry', entry, content: () => this.#spool.read(place) };
      });
    return [...this.#deletions.values(), ...present];
  }
}
