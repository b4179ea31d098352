/** Plans the metadata blocks that a tree needs, before any content is written. */
import { createHash } from 'node:crypto';
import { baseName, type Entry } from '../entry/entry.ts';
import { encodeName, nameBytes, printableName } from '../entry/name.ts';
import { UserError } from '../error/user-error.ts';
import { entryBytes, leafBytes } from './directory.ts';
import { BLOCK_BYTES } from './geometry.ts';
import { type DirectoryPlan, LINEAR_START_BYTES, planDirectory } from './htree.ts';
import { BLOCK_MAP_BYTES } from './inode.ts';
import { LOST_AND_FOUND, type Tree } from './numbered-tree.ts';
import {
  encodeXattrBlock,
  MAXIMUM_REFERENCES,
  placeXattrs,
  XattrError,
  type XattrPlacement,
} from './xattr.ts';

/**
 * An empty lost+found has spare blocks, as with mke2fs, so that e2fsck does not have to allocate
 * blocks.
 */
const LOST_AND_FOUND_BLOCKS = 4;

export interface TreeDirectoryPlan extends DirectoryPlan {
  /** The number of empty blocks after those of the plan. */
  readonly spareBlocks: number;
  /** The entries of the directory and their names, in path order. */
  readonly children: Uint32Array;
  readonly names: readonly Uint8Array[];
}

/** Reports whether the names of a directory fit in one block, without an index. */
function isOneBlock(tree: Tree, index: number): boolean {
  let bytes = LINEAR_START_BYTES;
  for (const child of tree.children(index)) {
    bytes += entryBytes(nameBytes(baseName((tree.entries[child] as Entry).path)));
  }
  return bytes <= leafBytes(BLOCK_BYTES);
}

/** The blocks of a directory. */
export interface DirectoryBlocks {
  readonly count: number;
  /** Set only for indexed directories and lost+found: expensive to compute. */
  readonly plan: TreeDirectoryPlan | undefined;
}

/** Counts the blocks of a directory. */
export function countDirectoryBlocks(tree: Tree, index: number, hashStart: Int32Array): DirectoryBlocks {
  if (isOneBlock(tree, index) && (tree.entries[index] as Entry).path !== LOST_AND_FOUND) {
    return { count: 1, plan: undefined };
  }
  const plan = planTreeDirectory(tree, index, hashStart);
  return { count: plan.blockCount + plan.spareBlocks, plan };
}

export function planTreeDirectory(tree: Tree, index: number, hashStart: Int32Array): TreeDirectoryPlan {
  const children = tree.children(index);
  const names = Array.from(children, (child) => encodeName(baseName((tree.entries[child] as Entry).path)));
  const plan = planDirectory(names, BLOCK_BYTES, hashStart);
  const path = (tree.entries[index] as Entry).path;
  if (plan === undefined) {
    throw new UserError(
      `/${printableName(path)}: ${names.length} names are more than the index of a directory can hold; split it`,
    );
  }
  const spareBlocks =
    path === LOST_AND_FOUND && names.length === 0 ? LOST_AND_FOUND_BLOCKS - plan.blockCount : 0;
  return { ...plan, spareBlocks, children, names };
}

/** Reports whether the target of a symbolic link needs a block. */
export function isBlockSymlink(entry: Entry): boolean {
  return entry.type === 'symlink' && nameBytes(entry.target) >= BLOCK_MAP_BYTES;
}

/** Places the attributes of an entry. Errors name the entry. */
export function placeEntryXattrs(entry: Entry): XattrPlacement {
  try {
    return placeXattrs(entry.xattrs, BLOCK_BYTES);
  } catch (error) {
    if (error instanceof XattrError) throw new UserError(`/${printableName(entry.path)}: ${error.message}`);
    throw error;
  }
}

/** A block of attributes. Several inodes may share it. */
export interface SharedXattrBlock {
  /** An entry that has these attributes. */
  readonly owner: number;
  references: number;
}

export interface SharedXattrBlocks {
  readonly blocks: readonly SharedXattrBlock[];
  /** By entry with a block: the position of the block. */
  readonly blockOf: ReadonlyMap<number, number>;
}

/** Finds the blocks of attributes that the tree needs. Equal blocks are shared. */
export function shareXattrBlocks(tree: Tree): SharedXattrBlocks {
  const blocks: SharedXattrBlock[] = [];
  const blockOf = new Map<number, number>();
  const positions = new Map<string, number>();
  tree.entries.forEach((entry, index) => {
    if (entry.type === 'hardlink' || entry.xattrs.size === 0) return;
    const { block } = placeEntryXattrs(entry);
    if (block.length === 0) return;
    const digest = createHash('sha256')
      .update(encodeXattrBlock(block, BLOCK_BYTES, 0, 0, 0))
      .digest('base64');
    let position = positions.get(digest);
    if (position === undefined || (blocks[position] as SharedXattrBlock).references === MAXIMUM_REFERENCES) {
      position = blocks.length;
      blocks.push({ owner: index, references: 0 });
      positions.set(digest, position);
    }
    (blocks[position] as SharedXattrBlock).references++;
    blockOf.set(index, position);
  });
  return { blocks, blockOf };
}
