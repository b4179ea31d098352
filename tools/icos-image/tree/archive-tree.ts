/** Makes a tree of an archive's members: each path once, with all parents, hard links joined. */
import { comparePaths, type Entry, NO_XATTRS, parentPath } from '../../lib/formats/entry/entry.ts';
import type { Timestamp, TreeReader, TreeRecord } from '../../lib/formats/entry/tree-reader.ts';
import { UserError } from '../../lib/formats/error/user-error.ts';
import { type ImageSource, pieces } from '../bytes/source.ts';

const EPOCH: Timestamp = { seconds: 0, nanoseconds: 0 };
const PIECE_BYTES = 1 << 20;
const ZEROS = new Uint8Array(PIECE_BYTES);

export interface ArchiveMember {
  readonly entry: Entry;
  readonly modificationTime?: Timestamp;
}

/**
 * The tree of an archive, as far as the archive alone defines it: a layer may have hard links to
 * files of lower layers, and an entry of any type at a path where a lower layer has a directory. If
 * two members have the same path, the last one counts, as when the archive is unpacked.
 */
export class ArchiveTree<Member extends ArchiveMember> implements TreeReader {
  readonly #name: string;
  readonly #members = new Map<string, Member | ArchiveMember>();
  readonly #contentOf: (member: Member) => ImageSource;
  readonly #paths: readonly string[];
  /** From a hard link's path to the path of the member with the content. */
  readonly #contentPaths = new Map<string, string>();
  /** All names of a file that has several, by the path of the member with the content. */
  readonly #names = new Map<string, string[]>();

  /** The number of subdirectories of a directory that has any. */
  readonly #subdirectories = new Map<string, number>();

  /** @param contentOf returns the bytes of a member that is a file */
  constructor(members: Iterable<Member>, name: string, contentOf: (member: Member) => ImageSource) {
    this.#name = name;
    this.#contentOf = contentOf;
    for (const member of members) this.#members.set(member.entry.path, member);
    this.#addParents();
    this.#paths = [...this.#members.keys()].sort(comparePaths);
    this.#joinNames();
  }

  #addParents(): void {
    for (const path of [...this.#members.keys(), '']) {
      for (let parent = path; ; parent = parentPath(parent)) {
        if (!this.#members.has(parent)) {
          const entry: Entry = {
            type: 'directory',
            path: parent,
            mode: 0o755,
            uid: 0,
            gid: 0,
            xattrs: NO_XATTRS,
          };
          this.#members.set(parent, { entry });
        }
        if (parent === '') break;
      }
    }
  }

  #fail(path: string, problem: string): never {
    throw new UserError(`${this.#name}: ${path}: ${problem}`);
  }

  #joinNames(): void {
    for (const path of this.#paths) {
      if (path !== '' && this.#members.get(path)?.entry.type === 'directory') {
        const parent = parentPath(path);
        this.#subdirectories.set(parent, (this.#subdirectories.get(parent) ?? 0) + 1);
      }
      const seen = new Set<string>();
      let at = path;
      for (let entry = this.#members.get(at)?.entry; entry?.type === 'hardlink'; ) {
        if (seen.has(at)) this.#fail(path, 'its hard links form a circle');
        seen.add(at);
        at = entry.target;
        entry = this.#members.get(at)?.entry;
      }
      if (at === path || !this.#members.has(at)) continue;
      this.#contentPaths.set(path, at);
      const names = this.#names.get(at);
      if (names === undefined) this.#names.set(at, [at, path]);
      else names.push(path);
    }
    for (const names of this.#names.values()) names.sort(comparePaths);
  }

  /** The member that holds the content of a file under any of its names. */
  #member(path: string): Member | ArchiveMember | undefined {
    return this.#members.get(this.#contentPaths.get(path) ?? path);
  }

  *walk(): Generator<TreeRecord> {
    for (const path of this.#paths) {
      const member = this.#member(path) as ArchiveMember;
      const names = this.#names.get(member.entry.path);
      const first = names?.[0] ?? path;
      const { entry } = member;
      const { mode, uid, gid, xattrs } = entry;
      yield {
        entry:
          first === path
            ? { ...entry, path }
            : { type: 'hardlink', target: first, path, mode, uid, gid, xattrs },
        linkCount:
          entry.type === 'directory' ? 2 + (this.#subdirectories.get(path) ?? 0) : (names?.length ?? 1),
        modificationTime: member.modificationTime ?? EPOCH,
      };
    }
  }

  *readFile(path: string): Generator<Uint8Array> {
    const member = this.#member(path);
    if (member?.entry.type !== 'file') this.#fail(path, 'not a file of the archive');
    for (const { lengthBytes, bytes } of pieces(this.#contentOf(member as Member))) {
      if (bytes !== undefined) yield bytes;
      else for (let left = lengthBytes; left > 0; left -= PIECE_BYTES) yield ZEROS.subarray(0, left);
    }
  }
}
