import { createHash } from 'node:crypto';
import { replaces } from '../lib/formats/deb/relation.ts';
import type { Entry } from '../lib/formats/entry/entry.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import type { LayerBuilder } from '../lib/image/layer/builder.ts';
import type { BinaryPackage } from './binary-package.ts';
import type { PathFilter } from './path-filter.ts';
import { resolveLinks } from './resolve-links.ts';

/** The result of unpacking one package. */
export interface UnpackedPackage {
  readonly binary: BinaryPackage;
  /**
   * dpkg's list of the package's files: every path of the archive, in the order of the archive,
   * without following links, including excluded paths.
   */
  readonly listedPaths: ReadonlySet<string>;
  /**
   * The real path of each unpacked entry, except directories and files that another package has
   * taken over.
   */
  readonly filePaths: ReadonlySet<string>;
  /** MD5 of each configuration file that was unpacked, by its path in `conffiles`. */
  readonly conffileDigests: ReadonlyMap<string, string>;
}

interface Owner {
  readonly binary: BinaryPackage;
  readonly filePaths: Set<string>;
  readonly listedPaths: Set<string>;
  /** The path in the package's archive. */
  readonly listedPath: string;
}

/** Unpacks packages into one tree, as dpkg does. */
export class Unpacker {
  readonly #builder: LayerBuilder;
  readonly #filter: PathFilter;
  readonly #owners = new Map<string, Owner>();
  readonly #directories = new Set<string>();

  constructor(builder: LayerBuilder, filter: PathFilter) {
    this.#builder = builder;
    this.#filter = filter;
  }

  async unpack(binary: BinaryPackage): Promise<UnpackedPackage> {
    const listedPaths = new Set<string>();
    const filePaths = new Set<string>();
    const conffileDigests = new Map<string, string>();
    const conffiles = new Set(
      binary.conffiles.filter((file) => !file.removeOnUpgrade).map(({ path }) => path),
    );
    for await (const { entry, content } of binary.deb.dataFiles()) {
      listedPaths.add(entry.path);
      if (this.#filter.excludes(entry.path)) continue;
      const resolved = this.#resolve(entry, binary);
      if (resolved.type === 'directory') {
        this.#addDirectory(resolved, binary);
        continue;
      }
      const owner = { binary, filePaths, listedPaths, listedPath: entry.path };
      if (!this.#claim(resolved, owner)) continue;
      const md5 = createHash('md5');
      const isConffile = conffiles.has(entry.path);
      await this.#builder.add(resolved, isConffile ? hashed(content(), md5) : content(), binary.deb.name);
      if (isConffile && resolved.type === 'file') conffileDigests.set(entry.path, md5.digest('hex'));
    }
    return { binary, listedPaths, filePaths, conffileDigests };
  }

  /** Returns the entry at its real path. Follows symbolic links to directories, as dpkg does. */
  #resolve(entry: Entry, binary: BinaryPackage): Entry {
    const follow = (path: string, last: boolean) =>
      resolveLinks(
        path,
        last,
        (at) => this.#builder.get(at)?.entry,
        `${binary.deb.name}: entry ${entry.path}`,
      );
    const path = follow(entry.path, entry.type === 'directory');
    if (entry.type !== 'hardlink') return { ...entry, path };
    if (this.#filter.excludes(entry.target)) {
      throw new UserError(
        `${binary.deb.name}: entry ${entry.path} is a hard link to ${entry.target}, which is excluded; exclude both or neither`,
      );
    }
    return { ...entry, path, target: follow(entry.target, false) };
  }

  /**
   * Adds a directory, unless it exists: the package that is unpacked first determines its mode and
   * owner.
   */
  #addDirectory(entry: Entry, binary: BinaryPackage): void {
    if (this.#directories.has(entry.path)) return;
    const owner = this.#owners.get(entry.path);
    if (owner !== undefined) this.#refuseOverlap(entry.path, binary, owner.binary);
    this.#directories.add(entry.path);
    this.#builder.addBytes(entry, new Uint8Array(), binary.deb.name);
  }

  /**
   * Decides whether an entry is unpacked. A path belongs to one package; another package can take
   * it over with its Replaces field.
   */
  #claim(entry: Entry, claimant: Owner): boolean {
    const { path } = entry;
    if (this.#directories.has(path)) {
      throw new UserError(
        `${claimant.binary.deb.name}: entry ${path} is not a directory, but other packages have a directory there`,
      );
    }
    const owner = this.#owners.get(path);
    if (owner !== undefined && owner.binary !== claimant.binary) {
      if (replaces(claimant.binary.paragraph, owner.binary.paragraph)) {
        owner.filePaths.delete(path);
        owner.listedPaths.delete(owner.listedPath);
      } else if (replaces(owner.binary.paragraph, claimant.binary.paragraph)) {
        claimant.listedPaths.delete(claimant.listedPath);
        return false;
      } else {
        this.#refuseOverlap(path, claimant.binary, owner.binary);
      }
    }
    this.#owners.set(path, claimant);
    claimant.filePaths.add(path);
    return true;
  }

  #refuseOverlap(path: string, one: BinaryPackage, other: BinaryPackage): never {
    throw new UserError(
      `the packages ${other.name} and ${one.name} both have /${path}, and neither replaces the other; remove one of them`,
    );
  }
}

async function* hashed(
  content: AsyncIterable<Uint8Array>,
  hash: { update(bytes: Uint8Array): unknown },
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of content) {
    hash.update(chunk);
    yield chunk;
  }
}
