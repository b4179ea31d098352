import type { Entry } from './entry.ts';

/** A point in time, as file systems store it. */
export interface Timestamp {
  /** Seconds since 1970-01-01 00:00:00 UTC. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** One name in a tree. */
export interface TreeRecord {
  /**
   * The first name of a file, in path order, is the entry of the file. The other names are hard
   * links to the first one.
   */
  readonly entry: Entry;
  /**
   * The number of names of the file. The names of a directory include its `.` and the `..` of its
   * sub-directories.
   */
  readonly linkCount: number;
  /** The time of the last change of the content. */
  readonly modificationTime: Timestamp;
}

/** A file system, or an archive with random access, that is open for reading. */
export interface TreeReader {
  /**
   * Yields every name sorted by path (`comparePaths`), the root directory first.
   *
   * @throws UserError if it is damaged
   */
  walk(): Iterable<TreeRecord>;
  /**
   * Yields the content of a regular file in pieces of at most 1 MiB, with zeros for holes. The
   * caller must not change a piece. A piece is valid until the next one is requested.
   *
   * @param path of a record whose entry is a file
   * @throws UserError if it is damaged
   */
  readFile(path: string): Iterable<Uint8Array>;
}
