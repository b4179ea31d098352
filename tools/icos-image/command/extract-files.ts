/** Writes entries to a directory, and never outside it: every parent must be a real directory. */
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
  /** Whether existing files may be replaced. A directory is never replaced. */
  readonly overwrite: boolean;
  /**
   * Whether owners are set, which only root can do. If not, set-uid and set-gid are dropped, and
   * the umask applies.
   */
  readonly asRoot: boolean;
  readonly umask: number;
}

/** Runs of zeros of this size become holes. */
const BLOCK_BYTES = 65536;
const SET_ID_BITS = 0o6000;
/** The mode of a directory until all its entries exist. */
const WRITABLE_MODE = 0o700;
const SUFFIX = '.icos-image-part';

/** Converts the error of a system call to an error of one line that names the path. */
function refusal(shown: string, error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error && 'syscall' in error)) return error;
  return new UserError(`${shown}: cannot be created: ${error.code} (${error.syscall})`);
}

export class TargetFolder {
  readonly #root: Buffer;
  readonly #shownRoot: string;
  readonly #options: FolderOptions;
  /** Paths that are known to be real directories. */
  readonly #directories = new Set<string>(['']);
  /** Directories that this run created. They get mode and time last, after their entries. */
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
      throw new UserError(`${printableName(path)}: the path leaves the directory; not extracted`);
    return path === '' ? this.#root : Buffer.concat([this.#root, Buffer.from('/'), encodeName(path)]);
  }

  #status(path: string): Stats | undefined {
    return lstatSync(this.#nativePath(path), { throwIfNoEntry: false });
  }

  /** Ensures that every component of `path` is a real directory; creates missing ones. */
  #ensureDirectory(path: string): void {
    if (this.#directories.has(path)) return;
    this.#ensureDirectory(parentPath(path));
    const status = this.#status(path);
    if (status === undefined) mkdirSync(this.#nativePath(path));
    else if (status.isSymbolicLink()) {
      throw new UserError(
        `${this.#shown(path)}: it is a symbolic link; nothing is extracted through a symbolic link`,
      );
    } else if (!status.isDirectory()) {
      throw new UserError(`${this.#shown(path)}: it exists and is not a directory`);
    }
    this.#directories.add(path);
  }

  #refuseExisting(path: string): void {
    const status = this.#status(path);
    if (status === undefined) return;
    if (status.isDirectory()) {
      throw new UserError(`${this.#shown(path)}: a directory exists here; directories are not replaced`);
    }
    if (!this.#options.overwrite) {
      throw new UserError(`${this.#shown(path)}: it exists; move it away, or use --overwrite`);
    }
  }

  /** Creates a file under a temporary name and renames it when it is complete. */
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
          // Unlike rename, link fails if a file of this name has appeared in the meantime.
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

  /** Adds a name to a file that was extracted before. */
  hardLink(path: string, target: string): void {
    this.#place(path, (temporary) => linkSync(this.#nativePath(target), temporary));
  }

  symbolicLink(record: TreeRecord): void {
    const { entry, modificationTime } = record;
    if (entry.type !== 'symlink') throw new Error(`${entry.path} is not a symbolic link`);
    this.#place(entry.path, (temporary) => {
      symlinkSync(encodeName(entry.target), temporary);
      if (this.#options.asRoot) lchownSync(temporary, entry.uid, entry.gid);
      lutimesSync(temporary, modificationTime.seconds, modificationTime.seconds);
    });
  }

  /** Sets owners, modes and times of the directories that this run created, innermost first. */
  finish(): void {
    for (const { entry, modificationTime } of this.#made.reverse()) {
      const path = this.#nativePath(entry.path);
      if (this.#options.asRoot) chownSync(path, entry.uid, entry.gid);
      chmodSync(path, this.#mode(entry));
      utimesSync(path, modificationTime.seconds, modificationTime.seconds);
    }
  }
}
