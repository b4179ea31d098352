import type { Entry } from '../../formats/entry/entry.ts';
import { FileTree, type Inode } from './file-tree.ts';
import type { DeletionItem } from './item.ts';
import type { Spool, SpooledContent } from './spool.ts';
import type { LayerItem } from './writer.ts';

/**
 * Collects a layer from entries in any order: those of archives, of packages, of what a step changed. What is added later replaces
 * what was there, as `tar x` would; contents go to a spool until the layer is written sorted.
 */
export class LayerBuilder {
  readonly #tree = new FileTree<SpooledContent>();
  readonly #deletions = new Map<string, DeletionItem>();
  readonly #spool: Spool;

  constructor(spool: Spool) {
    this.#spool = spool;
  }

  /**
   * Adds an entry; reads all of its content now.
   *
   * @param origin what the entry comes from, for errors
   * @throws UserError where the path goes through a symbolic link of this layer, or a hard link's target is not in it
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
        `${entry.path} has ${entry.sizeBytes} bytes by its entry, and ${lengthBytes} by its content`,
      );
    }
    this.#tree.put(entry, { startBytes, lengthBytes }, origin);
  }

  /** {@link add} for content that is at hand. */
  addBytes(entry: Entry, content: Uint8Array, origin: string): void {
    if (entry.type === 'file' && entry.sizeBytes !== content.length) {
      throw new RangeError(
        `${entry.path} has ${entry.sizeBytes} bytes by its entry, and ${content.length} by its content`,
      );
    }
    const startBytes = this.#spool.sizeBytes;
    if (entry.type === 'file') this.#spool.append(content);
    this.#tree.put(entry, { startBytes, lengthBytes: content.length }, origin);
  }

  /** Deletes what this layer and the layers below have at `path`. */
  remove(path: string, origin: string): void {
    this.#tree.remove(path, origin);
    this.#deletions.set(`whiteout ${path}`, { kind: 'whiteout', path });
  }

  /** Deletes what this layer and the layers below have in the directory at `path`, and keeps the directory. */
  removeChildren(path: string, origin: string): void {
    this.#tree.removeChildren(path, origin);
    this.#deletions.set(`opaque ${path}`, { kind: 'opaque', path });
  }

  /** What this layer has at `path` so far (a symbolic link is not followed). */
  get(path: string): Inode<SpooledContent> | undefined {
    return this.#tree.get(path);
  }

  /** The layer's items for `writeLayer`. Directories that were only implied are not among them. */
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
