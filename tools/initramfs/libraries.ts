/**
 * Finds the libraries that a program loads, as the dynamic loader would inside the root file system
 * (ld.so(8)).
 */

import { type ElfFile, isElf, readElf } from '../lib/formats/elf/elf.ts';
import { baseName, normalizePath, parentPath } from '../lib/formats/entry/entry.ts';
import { resolvePath } from '../lib/formats/entry/symlinks.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import type { ArchiveTree } from './archive-tree.ts';
import type { RootTree } from './root-tree.ts';

/**
 * The directories in which Debian's loader searches without a cache: Debian's multiarch
 * directories, then glibc's SLIBDIR and LIBDIR.
 */
export const LOADER_DIRECTORIES = [
  'lib/x86_64-linux-gnu',
  'usr/lib/x86_64-linux-gnu',
  'lib',
  'usr/lib',
  'lib64',
  'usr/lib64',
];
const CONFIGURATION = 'etc/ld.so.conf';
/** The maximum depth of includes, because a file may include itself. */
const INCLUDES_MAX = 16;

function globPattern(glob: string): RegExp {
  const escaped = glob.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '[^/]*').replaceAll('?', '[^/]')}$`);
}

async function configuredDirectories(root: RootTree, path: string, depth = 0): Promise<string[]> {
  const { entry, path: file } = resolvePath(root, path);
  if (entry?.type !== 'file' || depth > INCLUDES_MAX) return [];
  const directories: string[] = [];
  for (const line of Buffer.from(await root.read(file))
    .toString('utf8')
    .split('\n')) {
    const text = line.replace(/#.*/, '').trim();
    const include = /^include\s+(.*)$/.exec(text)?.[1];
    if (include === undefined) {
      const directory = normalizePath(text.replace(/=.*/, ''));
      if (directory !== undefined && directory !== '') directories.push(directory);
      continue;
    }
    const absolute = include.startsWith('/') ? include.slice(1) : `${parentPath(file)}/${include}`;
    const folder = resolvePath(root, parentPath(absolute)).path;
    const pattern = globPattern(baseName(absolute));
    for (const name of root.names(folder)) {
      if (pattern.test(name))
        directories.push(...(await configuredDirectories(root, `${folder}/${name}`, depth + 1)));
    }
  }
  return directories;
}

/** Adds programs to an archive, together with the libraries that they load. */
export class LibraryCollector {
  readonly #root: RootTree;
  readonly #archive: ArchiveTree;
  readonly #configured: readonly string[];
  readonly #done = new Set<string>();

  private constructor(root: RootTree, archive: ArchiveTree, configured: readonly string[]) {
    this.#root = root;
    this.#archive = archive;
    this.#configured = configured;
  }

  static async create(root: RootTree, archive: ArchiveTree): Promise<LibraryCollector> {
    return new LibraryCollector(root, archive, await configuredDirectories(root, CONFIGURATION));
  }

  /** Copies the program or library at `path`, and recursively the libraries that it needs. */
  async add(path: string): Promise<void> {
    const { path: source, content } = await this.#archive.copyFile(path, 'binary');
    await this.addNeeded(source, content);
  }

  /**
   * Copies the libraries of a program that is already in the archive. A file that is not ELF needs
   * none.
   */
  async addNeeded(path: string, content: Uint8Array): Promise<void> {
    if (this.#done.has(path) || !isElf(content)) return;
    this.#done.add(path);
    const elf = readElf(content, path);
    if (elf.interpreter !== undefined) await this.add(elf.interpreter.replace(/^\/+/, ''));
    for (const name of elf.needed) {
      const library = this.#find(name, path, elf);
      await this.add(library.path);
      if (!library.isFoundByLoader)
        this.#archive.addSymlink(`${LOADER_DIRECTORIES[1]}/${name}`, `/${library.path}`);
    }
  }

  /** Finds a library's path, and whether the loader finds it without a cache. */
  #find(name: string, user: string, elf: ElfFile): { path: string; isFoundByLoader: boolean } {
    const own = (elf.runpath.length > 0 ? elf.runpath : elf.rpath).map((directory) =>
      directory.replaceAll(/\$ORIGIN|\$\{ORIGIN\}/g, `/${parentPath(user)}`).replace(/^\/+/, ''),
    );
    const candidates = name.includes('/')
      ? [{ path: name.replace(/^\/+/, ''), isFoundByLoader: true }]
      : [
          ...[...own, ...LOADER_DIRECTORIES].map((directory) => ({
            path: `${directory}/${name}`,
            isFoundByLoader: true,
          })),
          ...this.#configured.map((directory) => ({ path: `${directory}/${name}`, isFoundByLoader: false })),
        ];
    const found = candidates.find(({ path }) => resolvePath(this.#root, path).entry !== undefined);
    if (found === undefined) {
      throw new UserError(
        `${user}: needs the library ${name}, which is not in the root file system; add its package`,
      );
    }
    return found;
  }
}
