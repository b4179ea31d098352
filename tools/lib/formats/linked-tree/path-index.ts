/** Finds entries by path in a list that is sorted by path, without a table of all paths. */
import { comparePaths, type Entry } from '../entry/entry.ts';

/**
 * The number of entries that are compared, starting at the last one that was found, before a binary
 * search. Most callers look up paths in order.
 */
const NEAR = 4;

export class PathIndex {
  readonly #entries: readonly Entry[];
  #last = 0;

  /** @param entries sorted by path, each path once */
  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  /** Returns the position of the entry at `path`. */
  get(path: string): number | undefined {
    const entries = this.#entries;
    const nearEnd = Math.min(this.#last + NEAR, entries.length);
    for (let index = this.#last; index < nearEnd; index++) {
      if ((entries[index] as Entry).path === path) {
        this.#last = index;
        return index;
      }
    }
    const found = this.#search(path);
    if (found !== undefined) this.#last = found;
    return found;
  }

  #search(path: string): number | undefined {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = comparePaths((this.#entries[middle] as Entry).path, path);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return undefined;
  }
}
