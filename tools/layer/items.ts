/**
 * Turns the entries of the manifest into the items of a layer, and reads the files of the build.
 */

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readFileRange } from '../lib/formats/block/read-range.ts';
import type { Entry } from '../lib/formats/entry/entry.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import { FileTree } from '../lib/image/layer/file-tree.ts';
import type { LayerItem } from '../lib/image/layer/writer.ts';
import type { ManifestEntry } from './manifest.ts';

/** Collects the entries, each path once. The source of an entry is the file with its content. */
class Collection {
  readonly #manifest: string;
  readonly #tree = new FileTree<string>();
  readonly #paths = new Set<string>();

  constructor(manifest: string) {
    this.#manifest = manifest;
  }

  #put(entry: Entry, source: string | undefined): void {
    if (this.#paths.has(entry.path)) {
      throw new UserError(
        `${this.#manifest}: entry ${entry.path}: its path occurs twice; give each path one source`,
      );
    }
    this.#paths.add(entry.path);
    this.#tree.put(entry, source, this.#manifest);
  }

  add(item: ManifestEntry): void {
    const { path, mode, uid, gid, xattrs } = item;
    const metadata = { path, mode, uid, gid, xattrs };
    switch (item.type) {
      case 'directory':
        this.#put({ ...metadata, type: 'directory' }, undefined);
        break;
      case 'symlink':
        this.#put({ ...metadata, type: 'symlink', target: item.target }, undefined);
        break;
      case 'tree':
        this.#addTree(item);
        break;
      case 'file': {
        // Inputs of Bazel may be symbolic links, which are followed.
        const status = statSync(item.source);
        if (!status.isFile()) {
          throw new UserError(
            `${this.#manifest}: entry ${path}: its source ${item.source} is not a file; ` +
              'in `files` of the rootfs target, name a file, or a target whose output is a declared directory',
          );
        }
        this.#put({ ...metadata, type: 'file', sizeBytes: status.size }, item.source);
      }
    }
  }

  #addTree(item: ManifestEntry): void {
    const { path, source, uid, gid, xattrs } = item;
    if (!statSync(source).isDirectory()) {
      throw new UserError(
        `${this.#manifest}: entry ${path}: its source ${source} is not a directory; ` +
          'the rule that builds it must make a directory, or declare a file',
      );
    }
    if (path !== '')
      this.#put(
        { type: 'directory', path, mode: item.directoryMode, uid, gid, xattrs: new Map() },
        undefined,
      );
    for (const name of readdirSync(source).sort()) {
      const child = { ...item, path: path === '' ? name : `${path}/${name}`, source: join(source, name) };
      // Links are followed: in a sandbox every file is a link, so links of the tree itself cannot
      // be recognized.
      const status = statSync(child.source, { throwIfNoEntry: false });
      if (status === undefined) {
        throw new UserError(
          `${this.#manifest}: entry ${child.path}: its source ${child.source} is a symbolic link to nothing; ` +
            'remove it from the tree, and name the link in `symlinks` of the rootfs target',
        );
      }
      if (status.isDirectory()) {
        this.#addTree(child);
      } else {
        this.add({ ...child, type: 'file', xattrs });
      }
    }
  }

  items(): LayerItem[] {
    return this.#tree
      .entries()
      .filter(({ implied }) => !implied)
      .map(({ entry, inode: { source } }): LayerItem => {
        if (source === undefined || entry.type !== 'file') return { kind: 'entry', entry };
        return { kind: 'entry', entry, content: () => readFileRange(source, 0, entry.sizeBytes) };
      });
  }
}

/**
 * Makes the items of the layer. Directories that no entry names are not written, because a layer
 * below may have them with other metadata.
 *
 * @throws UserError if a path occurs twice, is below something that is not a directory, or has a
 *   source of another type than its entry
 */
export function layerItems(entries: readonly ManifestEntry[], manifest: string): LayerItem[] {
  const collection = new Collection(manifest);
  for (const entry of entries) collection.add(entry);
  return collection.items();
}
