/** Builds the tree of the archive from parts of the root file system and from additional files. */

import type { CpioMember } from '../lib/formats/cpio/newc.ts';
import { baseName, comparePaths, type Entry, NO_XATTRS, parentPath } from '../lib/formats/entry/entry.ts';
import { resolvePath } from '../lib/formats/entry/symlinks.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import type { RootTree } from './root-tree.ts';

const NO_CONTENT = new Uint8Array(0);
const ROOT_OWNER = { uid: 0, gid: 0, xattrs: NO_XATTRS };
export const DIRECTORY_MODE = 0o755;
const SYMLINK_MODE = 0o777;

export class ArchiveTree {
  readonly #root: RootTree;
  readonly #members = new Map<string, CpioMember>();

  constructor(root: RootTree) {
    this.#root = root;
  }

  get(path: string): Entry | undefined {
    return this.#members.get(path)?.entry;
  }

  has(path: string): boolean {
    return this.#members.has(path);
  }

  /**
   * Returns the real path of a path in the archive. The symbolic links of the root file system
   * (`bin` -> `usr/bin`) apply in the archive too, so those in the path are added.
   */
  #place(path: string): string {
    const view = { get: (part: string) => this.get(part) ?? this.#root.get(part) };
    const parent = resolvePath(view, parentPath(path));
    for (const link of parent.links) this.#put({ entry: link, content: NO_CONTENT });
    return parent.path === '' ? baseName(path) : `${parent.path}/${baseName(path)}`;
  }

  #put(member: CpioMember): void {
    const { path } = member.entry;
    for (let parent = parentPath(path); parent !== ''; parent = parentPath(parent)) {
      const entry = this.get(parent);
      if (entry === undefined) {
        const directory: Entry = { ...ROOT_OWNER, path: parent, mode: DIRECTORY_MODE, type: 'directory' };
        this.#members.set(parent, { entry: directory, content: NO_CONTENT });
      } else if (entry.type !== 'directory') {
        throw new UserError(`${path}: ${parent} is a ${entry.type} in the initramfs, not a directory`);
      }
    }
    this.#members.set(path, member);
  }

  /** Adds a file, or replaces an existing one. */
  addFile(path: string, content: Uint8Array, mode: number): void {
    const entry: Entry = {
      ...ROOT_OWNER,
      path: this.#place(path),
      mode,
      type: 'file',
      sizeBytes: content.length,
    };
    this.#put({ entry, content });
  }

  addDirectory(path: string, mode: number): void {
    this.#put({
      entry: { ...ROOT_OWNER, path: this.#place(path), mode, type: 'directory' },
      content: NO_CONTENT,
    });
  }

  addSymlink(path: string, target: string): void {
    const entry: Entry = {
      ...ROOT_OWNER,
      path: this.#place(path),
      mode: SYMLINK_MODE,
      type: 'symlink',
      target,
    };
    this.#put({ entry, content: NO_CONTENT });
  }

  /** Adds a symbolic link, unless the path exists. */
  addSymlinkUnlessPresent(path: string, target: string): void {
    if (!this.has(this.#place(path))) this.addSymlink(path, target);
  }

  addCharacterDevice(path: string, mode: number, major: number, minor: number): void {
    const entry: Entry = { ...ROOT_OWNER, path, mode, type: 'character-device', major, minor };
    this.#put({ entry, content: NO_CONTENT });
  }

  /** Copies the root file system's symbolic link at `path` (`bin`, `lib64`, ...), if it has one. */
  addLinkOfRoot(path: string): void {
    const entry = this.#root.get(path);
    if (entry?.type === 'symlink') this.#put({ entry, content: NO_CONTENT });
  }

  /**
   * Copies a file of the root file system, together with every symbolic link in its path.
   *
   * @returns the real path and the bytes of the file
   * @throws UserError if the root file system has no file there
   */
  async copyFile(path: string, what: string): Promise<{ path: string; content: Uint8Array }> {
    const { path: source, links, entry } = resolvePath(this.#root, path);
    if (entry === undefined) {
      const link = links.at(-1);
      const where = link === undefined ? '' : ` (${link.path} is a symbolic link to ${link.target})`;
      throw new UserError(
        `${what} ${path}: it is not in the root file system${where}; add its package, or correct the path`,
      );
    }
    const file = entry.type === 'hardlink' ? this.#root.get(entry.target) : entry;
    if (file?.type !== 'file')
      throw new UserError(`${what} ${path}: it is a ${entry.type} in the root file system, not a file`);
    for (const link of links) this.#put({ entry: link, content: NO_CONTENT });
    const present = this.#members.get(source);
    if (present !== undefined) return { path: source, content: present.content };
    const content = await this.#root.read(source);
    const { mode, uid, gid } = file;
    this.#put({
      entry: { path: source, mode, uid, gid, xattrs: NO_XATTRS, type: 'file', sizeBytes: content.length },
      content,
    });
    return { path: source, content };
  }

  /** Returns all members in the order of the archive. */
  members(): CpioMember[] {
    return [...this.#members.values()].sort((left, right) => comparePaths(left.entry.path, right.entry.path));
  }
}
