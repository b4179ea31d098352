/** Encodes the blocks of a tree's directories. */

import type { Entry } from '../entry/entry.ts';
import { typeOf } from '../entry/linux-types.ts';
import type { DirectoryEntry } from './directory.ts';
import { encodeLeaf } from './directory.ts';
import type { ExtentList } from './extents.ts';
import { BLOCK_BYTES } from './geometry.ts';
import { encodeDirectory } from './htree.ts';
import { hashStart } from './htree-hash.ts';
import { inodeChecksumSeed } from './inode.ts';
import type { Tree } from './numbered-tree.ts';
import { planTreeDirectory, type TreeDirectoryPlan } from './plan.ts';

/** Returns the entry that owns the inode: the entry itself, or the target of a hard link. */
function inodeEntry({ entries, indexes }: Tree, index: number): Entry {
  let entry = entries[index] as Entry;
  while (entry.type === 'hardlink') entry = entries[indexes.get(entry.target) as number] as Entry;
  return entry;
}

/**
 * Yields the blocks of a directory in order.
 *
 * @param plan the plan of the directory, if it was kept
 * @param seed the checksum seed of the file system
 */
export function* directoryContent(
  tree: Tree,
  index: number,
  plan: TreeDirectoryPlan | undefined,
  hashSeed: Uint8Array,
  seed: number,
): Generator<Uint8Array> {
  const { children, names, spareBlocks, ...planned } =
    plan ?? planTreeDirectory(tree, index, hashStart(hashSeed));
  const inode = tree.inodes[index] as number;
  const entries = Array.from(
    children,
    (child, position): DirectoryEntry => ({
      inode: tree.inodes[child] as number,
      fileType: typeOf(inodeEntry(tree, child)).fileType,
      name: names[position] as Uint8Array,
    }),
  );
  const identity = { inode, parentInode: tree.inodes[tree.parents[index] as number] as number };
  const inodeSeed = inodeChecksumSeed(seed, inode);
  yield* encodeDirectory(planned, identity, entries, BLOCK_BYTES, inodeSeed);
  for (let spare = 0; spare < spareBlocks; spare++) yield encodeLeaf([], BLOCK_BYTES, inodeSeed);
}

/** Yields the block numbers of extents in order. */
export function* blockNumbers(extents: ExtentList): Generator<number> {
  for (let index = 0; index < extents.length; index++) {
    const start = extents.physicalBlock(index);
    for (let block = start; block < start + extents.blockCount(index); block++) yield block;
  }
}
