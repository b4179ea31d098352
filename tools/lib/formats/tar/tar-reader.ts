/** Reads an uncompressed archive as the tree that `tar x` would create. */

import { comparePaths, type Entry, type FileEntry, NO_XATTRS, parentPath } from '../entry/entry.ts';
import { printableName } from '../entry/name.ts';
import type { Timestamp, TreeReader, TreeRecord } from '../entry/tree-reader.ts';
import { UserError } from '../error/user-error.ts';
import type { TarMember } from './parser.ts';
import { type ScanSource, scanTar } from './scan.ts';
import { zeros } from './zeros.ts';

/** A file, which all of its names share. A directory has one name. */
interface Node {
  readonly entry: Entry;
  readonly modificationTime: Timestamp;
  readonly member: TarMember | undefined;
  /**
   * For a file: its names. For a directory: its name, its `.`, and the `..` of each directory in
   * it.
   */
  linkCount: number;
  /** The first name in path order, once the tree is complete. */
  firstPath: string | undefined;
}

const EPOCH: Timestamp = { seconds: 0, nanoseconds: 0 };
const IMPLIED_MODE = 0o755;
const PIECE_BYTES = 1 << 20;

/**
 * Beyond this character, the order of UTF-16 code units differs from the order of the bytes of
 * names.
 */
const BEYOND_BYTE_ORDER = /[\ud800-\uffff]/;

/** Sorts in the order of `comparePaths`. Faster if the order of strings is the same. */
function sortedPaths(paths: string[]): string[] {
  return paths.some((path) => BEYOND_BYTE_ORDER.test(path)) ? paths.sort(comparePaths) : paths.sort();
}

function newNode(entry: Entry, member?: TarMember): Node {
  const modificationTime = member?.modificationTime ?? EPOCH;
  return { entry, member, modificationTime, linkCount: 0, firstPath: undefined };
}

/**
 * Reads the tree of an archive. A member replaces an earlier member at its path, as with `tar x`:
 * the last one counts, a directory keeps its contents, and a hard link shares the file that its
 * target is at that point of the archive. A directory that no member names is implied, with mode
 * 0755 and owner 0:0.
 *
 * The reader refuses members that only some versions of tar extract: a member below a symbolic
 * link, a file in place of a directory that is not empty, a hard link to a directory or to a
 * missing file. Whiteouts are ordinary files here.
 */
export class TarReader implements TreeReader {
  readonly #source: ScanSource;
  readonly #name: string;
  readonly #nodes = new Map<string, Node>();
  /** The directories that are not empty. */
  readonly #occupied = new Set<string>();
  readonly #paths: readonly string[];

  /**
   * @param name the archive's name, for errors
   * @throws UserError if the archive is damaged or hostile
   */
  constructor(source: ScanSource, name: string) {
    this.#source = source;
    this.#name = name;
    this.#nodes.set('', this.#impliedDirectory(''));
    for (const member of scanTar(source, name)) this.#put(member);
    this.#paths = sortedPaths([...this.#nodes.keys()]);
    this.#countLinks();
  }

  #fail(path: string, rule: string): never {
    throw new UserError(`${this.#name}: entry ${printableName(path)}: ${rule}`);
  }

  #impliedDirectory(path: string): Node {
    return newNode({ type: 'directory', path, mode: IMPLIED_MODE, uid: 0, gid: 0, xattrs: NO_XATTRS });
  }

  #makeParents(path: string): void {
    for (let at = path; at !== ''; ) {
      at = parentPath(at);
      const node = this.#nodes.get(at);
      if (node === undefined) {
        this.#nodes.set(at, this.#impliedDirectory(at));
      } else if (node.entry.type !== 'directory') {
        this.#fail(path, `${printableName(at)} is not a directory but a ${node.entry.type}`);
      }
      if (this.#occupied.has(at)) return;
      this.#occupied.add(at);
    }
  }

  #put(member: TarMember): void {
    const { entry } = member;
    const { path } = entry;
    this.#makeParents(path);
    if (entry.type !== 'directory' && this.#occupied.has(path)) {
      this.#fail(path, `a ${entry.type} in place of a directory that is not empty`);
    }
    this.#nodes.set(
      path,
      entry.type === 'hardlink' ? this.#linked(path, entry.target) : newNode(entry, member),
    );
  }

  #linked(path: string, target: string): Node {
    const node = this.#nodes.get(target);
    if (node === undefined || node.entry.type === 'directory') {
      const what = node === undefined ? 'does not exist' : 'is a directory';
      this.#fail(path, `it is a hard link to ${printableName(target)}, which ${what}`);
    }
    return node;
  }

  #countLinks(): void {
    for (const path of this.#paths) {
      const node = this.#nodes.get(path) as Node;
      node.firstPath ??= path;
      if (node.entry.type !== 'directory') {
        node.linkCount++;
        continue;
      }
      node.linkCount += 2;
      if (path !== '') (this.#nodes.get(parentPath(path)) as Node).linkCount++;
    }
  }

  *walk(): Generator<TreeRecord, void, undefined> {
    for (const path of this.#paths) {
      const { entry, firstPath = path, linkCount, modificationTime } = this.#nodes.get(path) as Node;
      const { mode, uid, gid, xattrs } = entry;
      const record: Entry =
        firstPath === path
          ? { ...entry, path }
          : { type: 'hardlink', path, target: firstPath, mode, uid, gid, xattrs };
      yield { entry: record, linkCount, modificationTime };
    }
  }

  *#stored(offsetBytes: number, lengthBytes: number): Generator<Uint8Array, void, undefined> {
    for (let done = 0; done < lengthBytes; done += PIECE_BYTES) {
      yield this.#source.read(offsetBytes + done, Math.min(PIECE_BYTES, lengthBytes - done));
    }
  }

  *readFile(path: string): Generator<Uint8Array, void, undefined> {
    const { entry, member } = this.#nodes.get(path) ?? {};
    if (entry?.type !== 'file' || member === undefined) {
      throw new RangeError(`${this.#name}: ${printableName(path)} is not a file`);
    }
    const { sizeBytes } = entry satisfies FileEntry;
    let storedBytes = member.dataOffsetBytes;
    let position = 0;
    for (const [offsetBytes, lengthBytes] of member.extents ?? [[0, sizeBytes]]) {
      yield* zeros(offsetBytes - position);
      yield* this.#stored(storedBytes, lengthBytes);
      storedBytes += lengthBytes;
      position = offsetBytes + lengthBytes;
    }
    yield* zeros(sizeBytes - position);
  }
}
