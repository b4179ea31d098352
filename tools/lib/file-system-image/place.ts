/** Copies the contents of a tree in parallel where all of them lie in uncompressed archives. */

import { contentsByLayer } from '../layer/content.ts';
import type { Layer } from '../layer/reader.ts';
import { type BlockRun, CopyList, type CopyPool, copyInParallel } from './copy.ts';
import type { SelectedTree } from './tree.ts';

/** A file system that says where blocks go, and is told which of them hold data. */
export interface Placement {
  readonly freeRuns: readonly BlockRun[];
  /** See `Ext4Writer.placeFile`. */
  placeFile(path: string, runs: readonly number[], dataBits: Uint8Array, firstBit: number): number;
  full(): never;
}

/** Whether the contents of layers can be copied from where they lie. */
export function areArchives(layers: readonly Layer[]): boolean {
  return layers.every(({ frames, path }) => frames === undefined && path !== undefined);
}

/** The files of a tree, and where the blocks of each are in the list's sequence. */
interface PlannedContents {
  readonly list: CopyList;
  readonly paths: string[];
  /** Of each file, the runs of its blocks. */
  readonly runs: (readonly number[])[];
}

function planContents(tree: SelectedTree): PlannedContents {
  const list = new CopyList();
  const paths: string[] = [];
  const runs: (readonly number[])[] = [];
  for (const [layer, ranges] of contentsByLayer(tree.entries)) {
    if (layer.path === undefined) throw new Error(`${layer.name} is not in a file`);
    for (const { entry, startBytes, extents } of ranges) {
      paths.push(entry.path);
      runs.push(list.add(layer.path, startBytes, entry.sizeBytes, extents));
    }
  }
  return { list, paths, runs };
}

/** The first `count` blocks of `runs`. */
export function firstBlocks(runs: readonly BlockRun[], count: number): BlockRun[] {
  const first: BlockRun[] = [];
  let left = count;
  for (const run of runs) {
    if (left === 0) break;
    first.push({ start: run.start, count: Math.min(run.count, left) });
    left -= Math.min(run.count, left);
  }
  return first;
}

function countBits(bits: Uint8Array): number {
  let count = 0;
  for (let byte of bits) for (; byte !== 0; byte &= byte - 1) count++;
  return count;
}

/**
 * Copies the contents of all files to the file of a file system that is being written.
 *
 * @param meanwhile what is done on this thread while the others copy
 * @returns the blocks that were written
 */
export async function placeContents(
  pool: CopyPool,
  tree: SelectedTree,
  target: Placement,
  targetPath: string,
  meanwhile: () => void,
): Promise<readonly BlockRun[]> {
  const { list, paths, runs } = planContents(tree);
  const free = target.freeRuns;
  const copying = copyInParallel(pool, list, targetPath, free);
  // Its error is thrown below; until then it must not count as unhandled.
  copying.catch(() => {});
  meanwhile();
  const dataBits = await copying;
  if (dataBits === undefined) target.full();
  let bit = 0;
  paths.forEach((path, index) => {
    bit += target.placeFile(path, runs[index] as readonly number[], dataBits, bit);
  });
  return firstBlocks(free, countBits(dataBits));
}
