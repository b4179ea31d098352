import type { Entry } from './entry.ts';

/** A point in time, as file systems keep it. */
export interface Timestamp {
  /** Seconds since 1970-01-01 00:00:00 UTC. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** One name of a tree. */
export interface TreeRecord {
  /** A file's second and further names, in path order, are hard links to its first. */
  readonly entry: Entry;
  /** How many names the file, or the directory with its `.` and `..`, has. */
  readonly linkCount: number;
  /** When the content was changed last. */
  readonly modificationTime: Timestamp;
}

/** A file system, or an archive with a random access of its own, that was opened for reading. */
export interface TreeReader {
  /**
   * Yields every name sorted by path (`comparePaths`), the root directory first.
   *
   * @throws UserError where it is damaged
   */
  walk(): Iterable<TreeRecord>;
  /**
   * Yields the content of a regular file in pieces of at most 1 MiB, holes as zeros. The pieces must not be changed, and hold only
   * until the next one is asked for.
   *
   * @param path of a record whose entry is a file
   * @throws UserError where it is damaged
   */
  readFile(path: string): Iterable<Uint8Array>;
}
