/** Plans the order of the names of a directory, including `.` and `..`. */
import type { Entry } from '../entry/entry.ts';
import type { Tree } from './checked-tree.ts';
import { directoryBytes } from './directory.ts';

/** The positions that represent the names `.` and `..`, which are not entries of the tree. */
export const SELF = -1;
export const PARENT = -2;

const DOT = 0x2e;

export interface DirectoryPlan {
  /**
   * Entries in the order of their names, with {@link SELF} and {@link PARENT} at the positions of
   * `.` and `..`.
   */
  readonly order: Int32Array;
  readonly sizeBytes: number;
}

/**
 * Reports whether the name that starts at `start` of the path sorts before `dots` dots. Every code
 * unit beyond ASCII sorts after a dot.
 */
function sortsBefore(path: string, start: number, dots: number): boolean {
  for (let position = 0; position < dots; position++) {
    const unit = start + position < path.length ? path.charCodeAt(start + position) : -1;
    if (unit !== DOT) return unit < DOT;
  }
  return false;
}

/** Plans the directory at position `index` of the tree. */
export function planDirectory(tree: Tree, index: number): DirectoryPlan {
  const children = tree.children(index);
  const path = (tree.entries[index] as Entry).path;
  const nameStart = path === '' ? 0 : path.length + 1;
  const order = new Int32Array(children.length + 2);
  let position = 0;
  let pending = 2;
  for (const child of children) {
    const childPath = (tree.entries[child] as Entry).path;
    while (pending > 0 && !sortsBefore(childPath, nameStart, 3 - pending))
      order[position++] = pending-- === 2 ? SELF : PARENT;
    order[position++] = child;
  }
  while (pending > 0) order[position++] = pending-- === 2 ? SELF : PARENT;
  return { order, sizeBytes: directoryBytes(nameLengths(tree, order)) };
}

function* nameLengths(tree: Tree, order: Int32Array): Generator<number> {
  for (const child of order) yield child < 0 ? -child : (tree.nameLengths[child] as number);
}
