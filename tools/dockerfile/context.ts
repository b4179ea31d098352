/** Reads the files that COPY and ADD can see: only those that the command line names. */
import {
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';
import { basename, isAbsolute, join, normalize } from 'node:path';
import { type Entry, NO_XATTRS, normalizePath } from '../lib/formats/entry/entry.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import { DIRECTORY_MODE, ROOT_OWNER, StageFiles } from './stage-files.ts';

const PROGRAM_MODE = 0o755;
const FILE_MODE = 0o644;
const SYMLINK_MODE = 0o777;
const MAGICS = [Buffer.from('#!'), Buffer.from('\x7fELF', 'latin1')];
const MAGIC_BYTES = 4;

/**
 * Returns the mode of a file for which the command line has none. It depends on the content,
 * because the mode on disk differs between a working copy, a sandbox and a remote machine.
 */
function defaultMode(path: string): number {
  const descriptor = openSync(path, 'r');
  try {
    const head = Buffer.alloc(MAGIC_BYTES);
    const count = readSync(descriptor, head, 0, MAGIC_BYTES, 0);
    const isProgram = MAGICS.some((magic) => magic.equals(head.subarray(0, Math.min(count, magic.length))));
    return isProgram ? PROGRAM_MODE : FILE_MODE;
  } finally {
    closeSync(descriptor);
  }
}

/** The value of one option `--context=DESTINATION=SOURCE[:MODE]`. */
export interface ContextFile {
  readonly destination: string;
  readonly source: string;
  readonly mode: number | undefined;
}

export function parseContextOption(option: string): ContextFile {
  const equals = option.indexOf('=');
  const destination = normalizePath(option.slice(0, Math.max(equals, 0)));
  if (equals < 1 || destination === undefined) {
    throw new UserError(`--context=${option}: write --context=PATH=FILE with a path inside the context`);
  }
  const [, source = option.slice(equals + 1), mode] =
    /^(.*):([0-7]{3,4})$/.exec(option.slice(equals + 1)) ?? [];
  return { destination, source, mode: mode === undefined ? undefined : Number.parseInt(mode, 8) };
}

class ContextReader {
  readonly files = new StageFiles();

  #put(entry: Entry, source: string): void {
    const present = this.files.get(entry.path);
    if (present !== undefined && !(present.type === 'directory' && entry.type === 'directory')) {
      throw new UserError(`context: ${entry.path} occurs twice; the second one is from ${source}`);
    }
    const content = { kind: 'file', path: source, offsetBytes: 0 } as const;
    this.files.put(entry, entry.type === 'file' ? content : undefined, 'context');
  }

  /**
   * Adds the file or directory at `source` as `path` of the context. Follows a symbolic link at
   * `source`.
   */
  add(path: string, source: string, mode: number | undefined): void {
    const stats = statSync(source);
    if (stats.isDirectory()) this.#addDirectory(path, source, mode);
    else if (stats.isFile()) this.#addFile(path, source, stats, mode);
    else throw new UserError(`context: ${source} is neither a file nor a directory`);
  }

  #addFile(path: string, source: string, stats: Stats, mode: number | undefined): void {
    const metadata = { path, mode: mode ?? defaultMode(source), ...ROOT_OWNER, xattrs: NO_XATTRS };
    this.#put({ ...metadata, type: 'file', sizeBytes: stats.size }, source);
  }

  #addDirectory(path: string, source: string, mode: number | undefined): void {
    this.#put({ path, mode: DIRECTORY_MODE, ...ROOT_OWNER, xattrs: NO_XATTRS, type: 'directory' }, source);
    const walk = (relative: string): void => {
      for (const name of readdirSync(join(source, relative)).sort()) {
        const inside = relative === '' ? name : `${relative}/${name}`;
        const target = path === '' ? inside : `${path}/${inside}`;
        const stats = lstatSync(join(source, inside));
        if (stats.isSymbolicLink()) this.#addLink(target, source, inside, mode);
        else if (stats.isDirectory()) {
          this.#put(
            { path: target, mode: DIRECTORY_MODE, ...ROOT_OWNER, xattrs: NO_XATTRS, type: 'directory' },
            source,
          );
          walk(inside);
        } else this.add(target, join(source, inside), mode);
      }
    };
    walk('');
  }

  /**
   * Adds a symbolic link of a directory. Keeps a link that stays inside the directory. Follows a
   * link to the same path in another directory of the same name, because a sandbox has such links
   * in place of files. Refuses every other link, because its target is a file that the build does
   * not name.
   */
  #addLink(path: string, directory: string, relative: string, mode: number | undefined): void {
    const link = join(directory, relative);
    const target = readlinkSync(link);
    const lands = normalize(join(relative, '..', target));
    if (!isAbsolute(target) && lands !== '..' && !lands.startsWith('../')) {
      this.#put(
        { path, mode: SYMLINK_MODE, ...ROOT_OWNER, xattrs: NO_XATTRS, type: 'symlink', target },
        link,
      );
    } else if (isAbsolute(target) && target.endsWith(`/${basename(directory)}/${relative}`)) {
      this.add(path, target, mode);
    } else {
      throw new UserError(
        `context: ${link} is a symbolic link to ${target}, outside of ${directory}; name that file in the context`,
      );
    }
  }
}

/**
 * Reads the context. Owners are 0:0. Directories are 0755. Files have their mode from the command
 * line, else 0755 if they begin like a program (`#!` or ELF), else 0644. Owners and modes on the
 * disk have no effect.
 *
 * @throws UserError for a path that occurs twice, and for a link that leaves its directory
 */
export function readContext(options: readonly ContextFile[]): StageFiles {
  const reader = new ContextReader();
  for (const { destination, source, mode } of options) reader.add(destination, source, mode);
  return reader.files;
}
