/** Puts entries into a folder, and never outside of it: every parent is looked at and must be a real directory. */
import {
  chmodSync,
  chownSync,
  closeSync,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  utimesSync,
} from 'node:fs';
import { writeFully } from '../../lib/formats/block/write.ts';
import { type Entry, parentPath } from '../../lib/formats/entry/entry.ts';
import { encodeName, printableName } from '../../lib/formats/entry/name.ts';
import type { TreeRecord } from '../../lib/formats/entry/tree-reader.ts';
import { UserError } from '../../lib/formats/error/user-error.ts';
import { isZero } from '../bytes/source.ts';

export interface FolderOptions {
  /** Whether what is there already may be replaced; a directory never is. */
  readonly overwrite: boolean;
  /** Whether owners are set, which only root can. Without, set-uid and set-gid are left out, and the umask applies. */
  readonly asRoot: boolean;
  readonly umask: number;
}

/** Zeros of this size become holes. */
const BLOCK_BYTES = 65536;
const SET_ID_BITS = 0o6000;
/** What a directory has until all that is in it is there. */
const WRITABLE_MODE = 0o700;
const SUFFIX = '.icos-image-part';

/** Node's message for a failed system call, as one line that names the path. */
function refusal(shown: string, error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error && 'syscall' in error)) return error;
  return new UserError(`${shown}: cannot be made: ${error.code} (${error.syscall})`);
}

export class TargetFolder {
  readonly #root: Buffer;
  readonly #shownRoot: string;
  readonly #options: FolderOptions;
  /** Paths that were seen to be real directories, or made as such. */
  readonly #directories = new Set<string>(['']);
  /** Those that were made here get their mode and time last, when nothing is put into them any more. */
  readonly #made: TreeRecord[] = [];

  constructor(root: string, options: FolderOptions) {
    this.#root = encodeName(root);
    this.#shownRoot = root;
    this.#options = options;
  }

  #shown(path: string): string {
    return `${this.#shownRoot}/${printableName(path)}`;
  }

  #nativePath(path: string): Buffer {
    const isUnsafe = path.split('/').some((name) => name === '' || name === '.' || name === '..');
    if (path !== '' && isUnsafe)
      throw new UserError(`${printableName(path)}: a path that leaves the folder; not extracted`);
    return path === '' ? this.#root : Buffer.concat([this.#root, Buffer.from('/'), encodeName(path)]);
  }

  #status(path: string): Stats | undefined {
    return lstatSync(this.#nativePath(path), { throwIfNoEntry: false });
  }

  /** Makes sure that all of `path` are real directories; makes those that are missing. */
  #ensureDirectory(path: string): void {
    if (this.#directories.has(path)) return;
    this.#ensureDirectory(parentPath(path));
    const status = this.#status(path);
    if (status === undefined) mkdirSync(this.#nativePath(path));
    else if (status.isSymbolicLink()) {
      throw new UserError(`${this.#shown(path)}: a symbolic link; nothing is extracted through one`);
    } else if (!status.isDirectory()) {
      throw new UserError(`${this.#shown(path)}: it is there already, and no directory`);
    }
    this.#directories.add(path);
  }

  #refuseExisting(path: string): void {
    const status = this.#status(path);
    if (status === undefined) return;
    if (status.isDirectory()) {
      throw new UserError(`${this.#shown(path)}: a directory is there already; it is not replaced`);
    }
    if (!this.#options.overwrite) {
      throw new UserError(`${this.#shown(path)}: it is there already; move it away, or give --overwrite`);
    }
  }

  /** Makes something under a temporary name and gives it its own when it is whole. */
  #place(path: string, make: (temporary: Buffer) => void): void {
    try {
      this.#ensureDirectory(parentPath(path));
      this.#refuseExisting(path);
      const final = this.#nativePath(path);
      const temporary = Buffer.concat([
        this.#nativePath(parentPath(path)),
        Buffer.from(`/${SUFFIX}.${process.pid}`),
      ]);
      rmSync(temporary, { force: true });
      try {
        make(temporary);
        if (this.#options.overwrite) renameSync(temporary, final);
        else {
          // Unlike a renaming, this fails where something has come into being meanwhile.
          linkSync(temporary, final);
          unlinkSync(temporary);
        }
      } catch (error) {
        rmSync(temporary, { force: true });
        throw error;
      }
    } catch (error) {
      throw refusal(this.#shown(path), error);
    }
  }

  #mode({ mode }: Entry): number {
    return this.#options.asRoot ? mode : mode & ~SET_ID_BITS & ~this.#options.umask;
  }

  directory(record: TreeRecord): void {
    const { path } = record.entry;
    try {
      this.#ensureDirectory(parentPath(path));
      const status = this.#status(path);
      if (status === undefined) {
        mkdirSync(this.#nativePath(path), { mode: WRITABLE_MODE });
        this.#directories.add(path);
        this.#made.push(record);
      } else this.#ensureDirectory(path);
    } catch (error) {
      throw refusal(this.#shown(path), error);
    }
  }

  file(record: TreeRecord, pieces: Iterable<Uint8Array>): void {
    const { entry, modificationTime } = record;
    this.#place(entry.path, (temporary) => {
      const descriptor = openSync(temporary, 'wx', 0o600);
      try {
        let position = 0;
        for (const piece of pieces) {
          for (let start = 0; start < piece.length; start += BLOCK_BYTES) {
            const block = piece.subarray(start, start + BLOCK_BYTES);
            if (!isZero(block)) writeFully(descriptor, this.#shown(entry.path), block, position + start);
          }
          position += piece.length;
        }
        ftruncateSync(descriptor, position);
        if (this.#options.asRoot) fchownSync(descriptor, entry.uid, entry.gid);
        fchmodSync(descriptor, this.#mode(entry));
        futimesSync(descriptor, modificationTime.seconds, modificationTime.seconds);
      } finally {
        closeSync(descriptor);
      }
    });
  }

  /** One more name for a file that was extracted before. */
  hardLink(path: string, target: string): void {
    this.#place(path, (temporary) => linkSync(this.#nativePath(target), temporary));
  }

  symbolicLink(record: TreeRecord): void {
    const { entry, modificationTime } = record;
    if (entry.type !== 'symlink') throw new Error(`${entry.path} is no symbolic link`);
    this.#place(entry.path, (temporary) => {
      symlinkSync(encodeName(entry.target), temporary);
      if (this.#options.asRoot) lchownSync(temporary, entry.uid, entry.gid);
      lutimesSync(temporary, modificationTime.seconds, modificationTime.seconds);
    });
  }

  /** Gives the directories that were made here their owners, modes and times, the innermost first. */
  finish(): void {
    for (const { entry, modificationTime } of this.#made.reverse()) {
      const path = this.#nativePath(entry.path);
      if (this.#options.asRoot) chownSync(path, entry.uid, entry.gid);
      chmodSync(path, this.#mode(entry));
      utimesSync(path, modificationTime.seconds, modificationTime.seconds);
    }
  }
}
