/**
 * Finds kernel modules and their dependencies, in the files that depmod wrote (modules.dep(5),
 * modprobe.d(5)).
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { baseName } from '../lib/formats/entry/entry.ts';
import { resolvePath } from '../lib/formats/entry/symlinks.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import { xzContent } from '../lib/formats/xz/xz.ts';
import type { ArchiveTree } from './archive-tree.ts';
import type { RootTree } from './root-tree.ts';

const MODULES_DIRECTORY = 'lib/modules';
/**
 * The file with the names of the archive's modules in load order, one per line, for an init that
 * calls modprobe for each.
 */
export const LOAD_LIST = 'etc/modules-load';
const MODULE_MODE = 0o644;
const COMPRESSED = /\.(xz|zst|gz)$/;

/** Returns the name of a module: hyphens of the file name become underscores, as in modprobe(8). */
function moduleName(path: string): string {
  return baseName(path).replace(COMPRESSED, '').replace(/\.ko$/, '').replaceAll('-', '_');
}

async function decompress(content: Uint8Array, path: string): Promise<Uint8Array> {
  try {
    switch (COMPRESSED.exec(path)?.[1]) {
      case 'xz':
        return await xzContent(content, path);
      case 'zst':
        return zstdDecompressSync(content);
      case 'gz':
        return gunzipSync(content);
      default:
        return content;
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `${path}: the kernel module does not decompress: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/** Finds the only kernel version that has modules in the root file system. */
function kernelVersion(root: RootTree): string {
  const { path } = resolvePath(root, MODULES_DIRECTORY);
  const versions = root.names(path).filter((name) => root.get(`${path}/${name}`)?.type === 'directory');
  const [version] = versions;
  if (version === undefined) {
    throw new UserError(
      `/${MODULES_DIRECTORY}: no kernel is in the root file system, but modules are requested; add a kernel package`,
    );
  }
  if (versions.length > 1) {
    throw new UserError(
      `/${MODULES_DIRECTORY}: ${versions.length} kernels (${versions.join(', ')}); an image has exactly one`,
    );
  }
  return version;
}

/** The modules of one kernel, as depmod describes them. */
export class ModuleIndex {
  readonly version: string;
  /** `lib/modules/VERSION` without symbolic links. */
  readonly #directory: string;
  readonly #root: RootTree;
  /** By module name: its file, followed by its dependencies; the last one must be loaded first. */
  readonly #files = new Map<string, string[]>();
  readonly #builtIn = new Set<string>();
  /** By module name: the names or aliases of modules to load before and after it, if they exist. */
  readonly #soft = new Map<string, string[]>();

  private constructor(root: RootTree, version: string) {
    this.#root = root;
    this.version = version;
    this.#directory = resolvePath(root, `${MODULES_DIRECTORY}/${version}`).path;
  }

  /**
   * Reads the files of depmod. @throws UserError unless there is exactly one kernel, and depmod ran
   * for it
   */
  static async read(root: RootTree): Promise<ModuleIndex> {
    const index = new ModuleIndex(root, kernelVersion(root));
    for (const line of await index.#lines('modules.dep', true)) {
      const [file = '', dependencies = ''] = line.split(':');
      index.#files.set(moduleName(file), [file, ...dependencies.split(' ').filter((name) => name !== '')]);
    }
    for (const line of await index.#lines('modules.builtin', false)) index.#builtIn.add(moduleName(line));
    for (const line of await index.#lines('modules.softdep', false)) {
      const [keyword, name, ...words] = line.trim().split(/\s+/);
      if (keyword !== 'softdep' || name === undefined) continue;
      const others = words.filter((word) => !word.endsWith(':')).map((word) => word.replaceAll('-', '_'));
      index.#soft.set(name, [...(index.#soft.get(name) ?? []), ...others]);
    }
    return index;
  }

  async #lines(name: string, isNeeded: boolean): Promise<string[]> {
    const path = `${this.#directory}/${name}`;
    if (this.#root.get(path) === undefined) {
      if (isNeeded)
        throw new UserError(
          `${path}: it is not in the root file system; configure the kernel package, which runs depmod`,
        );
      return [];
    }
    const text = Buffer.from(await this.#root.read(path)).toString('utf8');
    return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  }

  /**
   * Returns the files to load for the named modules, in load order, each once. A built-in module
   * needs none.
   *
   * @throws UserError for a module that this kernel does not have
   */
  loadOrder(names: readonly string[]): string[] {
    const ordered: string[] = [];
    const add = (name: string, isSoft: boolean): void => {
      const key = name.replaceAll('-', '_');
      const files = this.#files.get(key);
      if (files === undefined) {
        if (isSoft || this.#builtIn.has(key)) return;
        throw new UserError(
          `module ${name}: kernel ${this.version} has no such module, neither as a file nor built in`,
        );
      }
      const [own, ...dependencies] = files as [string, ...string[]];
      if (ordered.includes(own)) return;
      for (const dependency of dependencies.reverse())
        if (!ordered.includes(dependency)) ordered.push(dependency);
      for (const other of this.#soft.get(key) ?? []) add(other, true);
      if (!ordered.includes(own)) ordered.push(own);
    };
    for (const name of names) add(name, false);
    return ordered;
  }

  /**
   * Adds the modules to an archive, decompressed, with their own modules.dep for modprobe, and with
   * {@link LOAD_LIST}.
   */
  async install(names: readonly string[], archive: ArchiveTree): Promise<void> {
    const files = this.loadOrder(names);
    const plain = (file: string) => file.replace(COMPRESSED, '');
    const dependencyLines: string[] = [];
    for (const file of files) {
      const path = `${this.#directory}/${file}`;
      if (this.#root.get(path) === undefined) {
        throw new UserError(`${path}: modules.dep names it, but it is not in the root file system`);
      }
      const content = await decompress(await this.#root.read(path), path);
      archive.addFile(`${MODULES_DIRECTORY}/${this.version}/${plain(file)}`, content, MODULE_MODE);
      const dependencies = this.#files.get(moduleName(file))?.slice(1) ?? [];
      dependencyLines.push(`${[`${plain(file)}:`, ...dependencies.map(plain)].join(' ')}\n`);
    }
    const text = (lines: readonly string[]) => Buffer.from(lines.join(''));
    archive.addFile(
      `${MODULES_DIRECTORY}/${this.version}/modules.dep`,
      text(dependencyLines.sort()),
      MODULE_MODE,
    );
    const loadLines = files.map((file) => `${moduleName(file)}\n`);
    archive.addFile(LOAD_LIST, text(loadLines), MODULE_MODE);
  }
}
