/** Copies the contents of a tree in parallel, if all of them are in uncompressed archives. */

import { contentsByLayer } from '../layer/content.ts';
import type { Layer } from '../layer/reader.ts';
import { type BlockRun, CopyList, type CopyPool, startCopy, startFixedCopy } from './copy.ts';
import { BLOCK_BYTES } from './copy-job.ts';
import type { SelectedTree } from './selection.ts';

/** A file system that assigns blocks to files when it knows which of their blocks hold data. */
export interface Placement {
  readonly freeRuns: readonly BlockRun[];
  /** See `Ext4Writer.placeFile`. */
  placeFile(path: string, runs: readonly number[], dataBits: Uint8Array, firstBit: number): number;
  full(): never;
}

/** Whether the contents of all layers can be copied directly from their files. */
export function areArchives(layers: readonly Layer[]): boolean {
  return layers.every(({ frames, path }) => frames === undefined && path !== undefined);
}

/** The files of a tree, and the blocks of each in the sequence of the list. */
interface PlannedContents {
  readonly list: CopyList;
  readonly paths: string[];
  /** The runs of blocks of each file. */
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

/** Returns the first `count` blocks of `runs`. */
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
 * Copies the contents of all files into the image of a file system that is being written.
 *
 * @param meanwhile the work of this thread while the others copy
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
  const copy = startCopy(pool, list, targetPath, free);
  meanwhile();
  const { dataBits } = copy;
  let bit = 0;
  let known = 0;
  for (const [index, path] of paths.entries()) {
    const fileRuns = runs[index] as readonly number[];
    const end = bit + countBlocks(fileRuns);
    if (end > known) known = await copy.known(end);
    // The copy ended early; `copy.done` reports why.
    if (end > known) break;
    bit += target.placeFile(path, fileRuns, dataBits, bit);
  }
  await copy.done;
  if (copy.isFull) target.full();
  return firstBlocks(free, countBits(dataBits));
}

/** A file system that has a place for each content before any content is written. */
export interface FixedPlacement {
  /** The start of the blocks of content. The metadata before it contains the tails of files. */
  readonly dataOffsetBytes: number;
  /** The place of the content of a file: a run of blocks, and a tail; see `ErofsPlan.placeOf`. */
  placeOf(path: string): {
    readonly offsetBytes: number;
    readonly lengthBytes: number;
    readonly tailOffsetBytes: number;
    readonly tailBytes: number;
  };
}

/**
 * Adds the part of a stored extent that is in the range `[start, end)` of its file. The range is
 * copied to `target`.
 */
function addRange(
  list: CopyList,
  path: string,
  extent: { readonly offset: number; readonly length: number; readonly stored: number },
  range: { readonly start: number; readonly end: number; readonly target: number },
): void {
  const from = Math.max(extent.offset, range.start);
  const to = Math.min(extent.offset + extent.length, range.end);
  if (to > from)
    list.addAt(path, extent.stored + from - extent.offset, to - from, range.target + from - range.start);
}

/**
 * Copies the contents of all files to their places in the image of a file system that is being
 * written.
 *
 * @param meanwhile writes all metadata, on this thread while the others copy
 */
export async function copyToPlaces(
  pool: CopyPool,
  tree: SelectedTree,
  target: FixedPlacement,
  targetPath: string,
  meanwhile: () => void,
): Promise<void> {
  const blocks = new CopyList();
  const tails = new CopyList();
  for (const [layer, ranges] of contentsByLayer(tree.entries)) {
    if (layer.path === undefined) throw new Error(`${layer.name} is not in a file`);
    for (const { entry, startBytes, extents = [[0, entry.sizeBytes]] } of ranges) {
      const place = target.placeOf(entry.path);
      const blockRange = {
        start: 0,
        end: place.lengthBytes,
        target: place.offsetBytes - target.dataOffsetBytes,
      };
      const tailRange = { start: place.lengthBytes, end: entry.sizeBytes, target: place.tailOffsetBytes };
      let stored = startBytes;
      for (const [offset, length] of extents) {
        addRange(blocks, layer.path, { offset, length, stored }, blockRange);
        if (place.tailBytes > 0) addRange(tails, layer.path, { offset, length, stored }, tailRange);
        stored += length;
      }
    }
  }
  const firstBlock = target.dataOffsetBytes / BLOCK_BYTES;
  const blockCopy = startFixedCopy(pool, blocks, targetPath, { firstBlock, keepsTarget: false });
  meanwhile();
  // The tails of files are inside the metadata that was just written.
  const tailCopy = startFixedCopy(pool, tails, targetPath, { firstBlock: 0, keepsTarget: true });
  await Promise.all([blockCopy.done, tailCopy.done]);
}

/** Counts the blocks of `runs`, which are pairs of logical block and count. */
function countBlocks(runs: readonly number[]): number {
  let count = 0;
  for (let index = 1; index < runs.length; index += 2) count += runs[index] as number;
  return count;
}
