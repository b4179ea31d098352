/** Implements COPY: copies files and directories into a stage, as Docker's own builder does. */

import { baseName, type Entry, normalizePath } from '../lib/formats/entry/entry.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import { at, hardLink } from '../lib/image/layer/file-tree.ts';
import type { StageInode } from './file-content.ts';
import type { Owner } from './language/accounts.ts';
import { globRegExp, hasWildcard } from './language/glob.ts';
import type { ModeChange } from './language/mode.ts';
import { ROOT_OWNER, type StageFiles } from './stage-files.ts';

const NAMES_SHOWN = 6;

/**
 * A source that exists: the given path, whose last component names the copy, and the path to which
 * it resolves.
 */
export interface FoundSource {
  readonly path: string;
  readonly realPath: string;
}

function missing(files: StageFiles, path: string, source: string, where: string, place: string): never {
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
  const names = files.names(files.resolve(folder).path);
  const shown = names.slice(0, NAMES_SHOWN).join(', ') + (names.length > NAMES_SHOWN ? ', ...' : '');
  const hint = names.length === 0 ? '' : `; ${folder === '' ? 'it' : folder} has ${shown}`;
  throw new UserError(`${where}: ${source} is not in ${place}${hint}`);
}

function matches(files: StageFiles, pattern: string, where: string): string[] {
  let found = [''];
  for (const component of pattern.split('/')) {
    const regExp = globRegExp(component, where);
    found = found.flatMap((folder) =>
      files
        .names(files.resolve(folder).path)
        .filter((name) => (hasWildcard(component) ? regExp.test(name) : name === component))
        .map((name) => (folder === '' ? name : `${folder}/${name}`)),
    );
  }
  return found;
}

/**
 * Finds a source by its path or pattern.
 *
 * @param place the name of the source in error messages, such as `the context`
 * @throws UserError if nothing is found, or the path leaves the source
 */
export function findSources(files: StageFiles, source: string, where: string, place: string): FoundSource[] {
  const path = normalizePath(source);
  if (path === undefined) throw new UserError(`${where}: ${source} leaves ${place}; .. is not followed`);
  const paths = hasWildcard(path) ? matches(files, path, where) : [path];
  if (paths.length === 0) missing(files, path, source, where, place);
  return paths.map((found) => {
    const { path: realPath, entry } = files.resolve(found);
    if (entry === undefined) missing(files, path, source, where, place);
    return { path: found, realPath };
  });
}

export interface CopyOptions {
  readonly from: StageFiles;
  readonly to: StageFiles;
  /** An absolute path. With a slash at its end, it is always a directory. */
  readonly destination: string;
  readonly owner: Owner | undefined;
  readonly mode: ModeChange | undefined;
  readonly where: string;
}

class Copier {
  readonly #options: CopyOptions;
  /** The first destination of each file that has several names. */
  readonly #copied = new Map<StageInode, string>();

  constructor(options: CopyOptions) {
    this.#options = options;
  }

  #fail(rule: string): never {
    throw new UserError(`${this.#options.where}: ${rule}`);
  }

  /** Returns the entry with the owner and the mode of the instruction. */
  #changed(entry: Entry): Entry {
    const { owner, mode } = this.#options;
    const changedMode =
      mode === undefined || entry.type === 'symlink'
        ? entry.mode
        : mode(entry.mode, entry.type === 'directory');
    return { ...entry, ...owner, mode: changedMode };
  }

  copy({ path, realPath }: FoundSource): void {
    const { from, to, destination, owner = ROOT_OWNER, where } = this.#options;
    const isDirectory = from.get(realPath)?.type === 'directory';
    const target = to.resolve(destination);
    const isInto = !isDirectory && (destination.endsWith('/') || target.entry?.type === 'directory');
    const folder = isInto ? target.path : target.path.slice(0, Math.max(0, target.path.lastIndexOf('/')));
    const realFolder = to.makeDirectories(folder, owner, where);
    if (isDirectory) {
      this.#copyContents(realPath, target.path);
      return;
    }
    const name = isInto ? baseName(path) : baseName(target.path);
    this.#copyOne(realPath, realFolder === '' ? name : `${realFolder}/${name}`);
  }

  /** Copies the contents of a directory into the destination, without the directory's own name. */
  #copyContents(source: string, target: string): void {
    const { from, to, where } = this.#options;
    const present = to.get(target);
    if (present !== undefined && present.type !== 'directory')
      this.#fail(`/${target} is a ${present.type}, not a directory`);
    // An existing directory keeps its mode and owner.
    if (present === undefined) to.put(this.#changed(at(from.get(source) as Entry, target)), undefined, where);
    for (const { entry } of from.below(source)) {
      const relative = source === '' ? entry.path : entry.path.slice(source.length + 1);
      this.#copyOne(entry.path, target === '' ? relative : `${target}/${relative}`);
    }
  }

  #copyOne(source: string, target: string): void {
    const { from, to, where } = this.#options;
    const inode = from.inode(source) as StageInode;
    const present = to.get(target);
    if (inode.entry.type === 'directory') {
      if (present !== undefined && present.type !== 'directory') {
        const advice = present.type === 'symlink' ? ` (to ${present.target}); copy to its target` : '';
        this.#fail(`the directory /${target} cannot replace a ${present.type}${advice}`);
      }
      to.put(this.#changed(at(inode.entry, target)), undefined, where);
      return;
    }
    if (present?.type === 'directory') this.#fail(`the file /${target} cannot replace a directory`);
    const first = this.#copied.get(inode);
    if (first !== undefined && first !== target) {
      to.put(hardLink(inode.entry, target, first), undefined, where);
      return;
    }
    this.#copied.set(inode, target);
    to.put(this.#changed(at(inode.entry, target)), inode.source, where);
  }
}

/**
 * Copies sources to the destination, in their order.
 *
 * @throws UserError if an existing entry cannot be replaced
 */
export function copyInto(sources: readonly FoundSource[], options: CopyOptions): void {
  const { destination, to, where } = options;
  if (
    sources.length > 1 &&
    !destination.endsWith('/') &&
    to.resolve(destination).entry?.type !== 'directory'
  ) {
    const directories = sources.every(({ realPath }) => options.from.get(realPath)?.type === 'directory');
    if (!directories) {
      throw new UserError(
        `${where}: ${sources.length} files match, but ${destination} is not a directory; write ${destination}/`,
      );
    }
  }
  const copier = new Copier(options);
  for (const source of sources) copier.copy(source);
}
