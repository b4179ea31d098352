/**
 * Assigns every part of an image its place, before any content arrives. Block 0 has the superblock.
 * Then follow inodes with their inline content, blocks of directories and of long symbolic links,
 * shared extended attributes, and the content of files in path order.
 */
import type { Entry } from '../entry/entry.ts';
import { nameBytes } from '../entry/name.ts';
import { UserError } from '../error/user-error.ts';
import { buildTree, type Tree } from './checked-tree.ts';
import { indexedInodeBytes } from './cluster-index.ts';
import { planDirectory } from './directory-plan.ts';
import { BLOCK_BYTES, DATA_LAYOUT, NULL_BLOCK, SLOT_BYTES } from './format.ts';
import { inodeBytes, needsExtended } from './inode.ts';
import { type CheckedOptions, checkOptions, type ErofsOptions } from './options.ts';
import { SlotAllocator } from './slots.ts';
import { planXattrs, type XattrPlan } from './xattr-plan.ts';

/** The arrays are indexed by entry. A hard link has the values of its target. */
export interface Layout {
  /**
   * The layout in i_format. {@link DATA_LAYOUT}.compressedFull for files that may turn out to be
   * incompressible.
   */
  readonly layouts: Uint8Array;
  readonly extended: Uint8Array;
  /** The slot of the inode, which is its number (nid). */
  readonly slots: Uint32Array;
  /** The size of the content of files, directories and symbolic links. */
  readonly sizes: Float64Array;
  /** The first block of each content; 0 if the content has no blocks. */
  readonly firstBlocks: Uint32Array;
  /** The blocks of inodes. */
  readonly inodeBlocks: { readonly start: number; readonly end: number };
  /** The first block of shared extended attributes. */
  readonly xattrBlock: number;
  /** The first block of the content of files. */
  readonly dataStart: number;
  /** The first block after the planned ones. With compression, compressed content begins there. */
  readonly end: number;
}

/** A tree that was checked, and the places of its parts. */
export interface PlannedTree {
  readonly tree: Tree;
  readonly xattrs: XattrPlan;
  readonly layout: Layout;
  readonly options: CheckedOptions;
}

/** Counts the blocks of content that is not inline. */
function blockCountOf(layout: number, sizeBytes: number): number {
  return layout === DATA_LAYOUT.inline
    ? Math.floor(sizeBytes / BLOCK_BYTES)
    : Math.ceil(sizeBytes / BLOCK_BYTES);
}

function contentBytes(tree: Tree, index: number): number {
  const entry = tree.entries[index] as Entry;
  if (entry.type === 'file') return entry.sizeBytes;
  if (entry.type === 'symlink') return nameBytes(entry.target);
  return entry.type === 'directory' ? planDirectory(tree, index).sizeBytes : 0;
}

/** Assigns every inode its slot and its layout. */
function placeInodes(
  tree: Tree,
  xattrs: XattrPlan,
  { compression, inlineTails }: CheckedOptions,
): Pick<Layout, 'layouts' | 'extended' | 'slots' | 'sizes' | 'inodeBlocks'> {
  const count = tree.entries.length;
  const layouts = new Uint8Array(count);
  const extended = new Uint8Array(count);
  const slots = new Uint32Array(count);
  const sizes = new Float64Array(count);
  const start = 1;
  const allocator = new SlotAllocator(start);
  tree.entries.forEach((entry, index) => {
    if (entry.type === 'hardlink') return;
    const size = contentBytes(tree, index);
    const isExtended = needsExtended(size, tree.linkCounts[index] as number, entry.uid, entry.gid);
    const headBytes = inodeBytes(isExtended) + (xattrs.bodies[index]?.sizeBytes ?? 0);
    const tailBytes = size % BLOCK_BYTES;
    let needed = headBytes;
    if (compression !== undefined && entry.type === 'file' && size > BLOCK_BYTES) {
      layouts[index] = DATA_LAYOUT.compressedFull;
      needed = indexedInodeBytes(headBytes, size);
    } else if (
      tailBytes > 0 &&
      (inlineTails || entry.type !== 'file') &&
      headBytes + tailBytes <= BLOCK_BYTES
    ) {
      layouts[index] = DATA_LAYOUT.inline;
      needed += tailBytes;
    }
    slots[index] = allocator.allocate(needed);
    extended[index] = isExtended ? 1 : 0;
    sizes[index] = size;
  });
  tree.owners.forEach((owner, index) => {
    if (owner === index) return;
    layouts[index] = layouts[owner] as number;
    extended[index] = extended[owner] as number;
    slots[index] = slots[owner] as number;
    sizes[index] = sizes[owner] as number;
  });
  return { layouts, extended, slots, sizes, inodeBlocks: { start, end: allocator.endBlock } };
}

function layOut(tree: Tree, xattrs: XattrPlan, options: CheckedOptions): Layout {
  const inodes = placeInodes(tree, xattrs, options);
  const { layouts, sizes } = inodes;
  const firstBlocks = new Uint32Array(tree.entries.length);
  let next = inodes.inodeBlocks.end;
  const placeContent = (types: ReadonlySet<Entry['type']>): void => {
    tree.entries.forEach((entry, index) => {
      if (!types.has(entry.type) || layouts[index] === DATA_LAYOUT.compressedFull) return;
      const blocks = blockCountOf(layouts[index] as number, sizes[index] as number);
      if (blocks > 0) firstBlocks[index] = next;
      next += blocks;
    });
  };
  placeContent(new Set(['directory', 'symlink']));
  const xattrBlock = next;
  next += Math.ceil(xattrs.sharedBytes / BLOCK_BYTES);
  const dataStart = next;
  placeContent(new Set(['file']));
  tree.owners.forEach((owner, index) => {
    firstBlocks[index] = firstBlocks[owner] as number;
  });
  if (next >= NULL_BLOCK)
    throw new UserError(`the tree needs ${next * BLOCK_BYTES} bytes, over the 16 TiB of EROFS`);
  return { ...inodes, firstBlocks, xattrBlock, dataStart, end: next };
}

/** Throws the error for an image that is too small for its tree. */
export function failTooSmall(options: CheckedOptions, neededBlocks: number, more?: string): never {
  const sizeBytes = (options.sizeBlocks ?? 0) * BLOCK_BYTES;
  const neededBytes = neededBlocks * BLOCK_BYTES;
  const label = Buffer.from(options.label).toString();
  throw new UserError(
    `the EROFS file system ${label === '' ? '' : `"${label}" `}of ${sizeBytes} bytes is ${neededBytes - sizeBytes} bytes too ` +
      `small; make it ${neededBytes}${more === undefined ? '' : ` ${more}`}, or put less into it`,
  );
}

/**
 * Checks a tree and its options, and lays the tree out.
 *
 * @throws UserError if EROFS, or the given size, cannot hold the tree
 */
export function planTree(entries: readonly Entry[], options: ErofsOptions): PlannedTree {
  const checked = checkOptions(options);
  const tree = buildTree(entries);
  const xattrs = planXattrs(tree.entries);
  const layout = layOut(tree, xattrs, checked);
  if (checked.sizeBlocks !== undefined && layout.end > checked.sizeBlocks) failTooSmall(checked, layout.end);
  return { tree, xattrs, layout, options: checked };
}

/**
 * The places of the content of a file: whole blocks in one run, and the other bytes after the
 * inode.
 */
export interface ContentPlace {
  /** The start of the run of blocks; 0 if there is no run. */
  readonly offsetBytes: number;
  /** Bytes of content in the run, which may end within a block. */
  readonly lengthBytes: number;
  /** The start of the other bytes, which never cross the end of a block; 0 if there are none. */
  readonly tailOffsetBytes: number;
  readonly tailBytes: number;
}

/**
 * Finds the places of the content of the file at position `index`, which must not be compressed.
 */
export function contentPlace({ tree, layout, xattrs }: PlannedTree, index: number): ContentPlace {
  const sizeBytes = layout.sizes[index] as number;
  const isInline = layout.layouts[index] === DATA_LAYOUT.inline;
  const tailBytes = isInline ? sizeBytes % BLOCK_BYTES : 0;
  const owner = tree.owners[index] as number;
  const headBytes = inodeBytes(layout.extended[index] === 1) + (xattrs.bodies[owner]?.sizeBytes ?? 0);
  return {
    offsetBytes: (layout.firstBlocks[index] as number) * BLOCK_BYTES,
    lengthBytes: sizeBytes - tailBytes,
    tailOffsetBytes: isInline ? (layout.slots[index] as number) * SLOT_BYTES + headBytes : 0,
    tailBytes,
  };
}
