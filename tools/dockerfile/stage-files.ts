/** Holds the files of a stage, or of the context, while a Dockerfile is executed. */

import { baseName, type Entry, NO_XATTRS, parentPath } from '../lib/formats/entry/entry.ts';
import { type ResolvedPath, resolvePath } from '../lib/formats/entry/symlinks.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import { at, FileTree, type TreeEntry } from '../lib/image/layer/file-tree.ts';
import { applyLayer } from '../lib/image/layer/merge.ts';
import type { Layer } from '../lib/image/layer/reader.ts';
import { type ContentSource, readFileContent, type StageInode } from './file-content.ts';
import type { AccountFiles, Owner } from './language/accounts.ts';

export type StageEntry = TreeEntry<ContentSource>;

export const ROOT_OWNER: Owner = { uid: 0, gid: 0 };
export const DIRECTORY_MODE = 0o755;
const PASSWD = 'etc/passwd';
const GROUP = 'etc/group';

export class StageFiles {
  readonly #tree = new FileTree<ContentSource>();
  /** All entries in order; `undefined` after a change. */
  #entries: readonly StageEntry[] | undefined;
  #names: ReadonlyMap<string, readonly string[]> | undefined;

  #changed(): void {
    this.#entries = undefined;
    this.#names = undefined;
  }

  /** Returns the entry at `path`, without following a symbolic link there. */
  get(path: string): Entry | undefined {
    const inode = this.#tree.get(path);
    return inode && at(inode.entry, path);
  }

  inode(path: string): StageInode | undefined {
    return this.#tree.get(path);
  }

  resolve(path: string): ResolvedPath {
    return resolvePath(this, path);
  }

  entries(): readonly StageEntry[] {
    this.#entries ??= this.#tree.entries();
    return this.#entries;
  }

  /** Returns everything below a directory, sorted by path. */
  below(path: string): readonly StageEntry[] {
    const prefix = path === '' ? '' : `${path}/`;
    return this.entries().filter(({ entry }) => entry.path !== '' && entry.path.startsWith(prefix));
  }

  /** Returns the names in a directory, sorted. */
  names(path: string): readonly string[] {
    if (this.#names === undefined) {
      const names = new Map<string, string[]>();
      for (const { entry } of this.entries()) {
        if (entry.path === '') continue;
        const siblings = names.get(parentPath(entry.path)) ?? [];
        siblings.push(baseName(entry.path));
        names.set(parentPath(entry.path), siblings);
      }
      this.#names = names;
    }
    return this.#names.get(path) ?? [];
  }

  put(entry: Entry, source: ContentSource | undefined, origin: string): void {
    this.#changed();
    this.#tree.put(entry, source, origin);
  }

  remove(path: string, origin: string): void {
    this.#changed();
    this.#tree.remove(path, origin);
  }

  /** Applies a layer to the files. */
  async apply(layer: Layer): Promise<void> {
    this.#changed();
    await applyLayer<ContentSource>(this.#tree, layer, (place) => ({ kind: 'layer', place }));
  }

  /**
   * Creates a directory and its missing parents, as `mkdir -p` does. Follows symbolic links in the
   * path.
   *
   * @returns the real path of the directory
   * @throws UserError if a part of the path exists and is not a directory
   */
  makeDirectories(path: string, owner: Owner, where: string): string {
    const resolved = this.resolve(path).path;
    let current = '';
    for (const name of resolved === '' ? [] : resolved.split('/')) {
      current = current === '' ? name : `${current}/${name}`;
      const entry = this.get(current);
      if (entry === undefined) {
        const { uid, gid } = owner;
        const made: Entry = {
          type: 'directory',
          path: current,
          mode: DIRECTORY_MODE,
          uid,
          gid,
          xattrs: NO_XATTRS,
        };
        this.put(made, undefined, where);
      } else if (entry.type !== 'directory') {
        throw new UserError(`${where}: /${current} is a ${entry.type}, not a directory`);
      }
    }
    return resolved;
  }

  async #text(path: string): Promise<string | undefined> {
    const inode = this.inode(this.resolve(path).path);
    if (inode?.entry.type !== 'file') return undefined;
    const chunks: Uint8Array[] = [];
    for await (const chunk of readFileContent(inode)) chunks.push(Uint8Array.from(chunk));
    return Buffer.concat(chunks).toString('utf8');
  }

  async accounts(): Promise<AccountFiles> {
    return { passwd: await this.#text(PASSWD), group: await this.#text(GROUP) };
  }
}
