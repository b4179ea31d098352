/** Gives every part of an image its place. */
import type { Entry } from '../entry/entry.ts';
import { nameBytes } from '../entry/name.ts';
import { UserError } from '../error/user-error.ts';
import { buildTree, type Tree } from './checked-tree.ts';
import { indexedInodeBytes } from './cluster-index.ts';
import { planMetadataDirectory } from './directory-plan.ts';
import { inodeBytes, needsExtended } from './inode.ts';
import { BLOCK_BYTES, DATA_LAYOUT, NULL_BLOCK } from './layout.ts';
import { type CheckedOptions, checkOptions, type ErofsOptions } from './options.ts';
import { SlotAllocator } from './slots.ts';
import { planXattrs, type XattrPlan } from './xattr-plan.ts';

/** By entry; hard links have what their target has. */
export interface Layout {
  /** i_format's layout. For files that may be compressed, {@link DATA_LAYOUT}.compressedFull, whatever comes of it. */
  readonly layouts: Uint8Array;
  readonly extended: Uint8Array;
  /** The place of the inode: its nid. */
  readonly slots: Uint32Array;
  /** Content's size: of files, directories and symbolic links. */
  readonly sizes: Float64Array;
  /** The first block of content, where there are whole blocks. */
  readonly firstBlocks: Uint32Array;
  /** The blocks that inodes, and then directories and links, begin and end with. */
  readonly inodeBlocks: { readonly start: number; readonly end: number };
  readonly directoryEnd: number;
  readonly xattrBlock: number;
  /** The first block of files' content. */
  readonly dataStart: number;
  /** The first block behind all that is planned; with compression, that is the start of content. */
  readonly end: number;
}

export interface PlannedTree {
  readonly tree: Tree;
  readonly xattrs: XattrPlan;
  readonly layout: Layout;
  readonly options: CheckedOptions;
}

/** Blocks of content that are not inline. */
export function blockCountOf(layout: number, sizeBytes: number): number {
  return layout === DATA_LAYOUT.inline
    ? Math.floor(sizeBytes / BLOCK_BYTES)
    : Math.ceil(sizeBytes / BLOCK_BYTES);
}

function contentBytes(tree: Tree, index: number): number {
  const entry = tree.entries[index] as Entry;
  if (entry.type === 'file') return entry.sizeBytes;
  if (entry.type === 'symlink') return nameBytes(entry.target);
  return entry.type === 'directory' ? planMetadataDirectory(tree, index).sizeBytes : 0;
}

/** Gives every inode its place and its layout. */
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
  const directoryEnd = next;
  next += Math.ceil(xattrs.sharedBytes / BLOCK_BYTES);
  const dataStart = next;
  placeContent(new Set(['file']));
  tree.owners.forEach((owner, index) => {
    firstBlocks[index] = firstBlocks[owner] as number;
  });
  if (next >= NULL_BLOCK)
    throw new UserError(`the tree needs ${next * BLOCK_BYTES} bytes, over the 16 TiB of EROFS`);
  return { ...inodes, firstBlocks, directoryEnd, xattrBlock: directoryEnd, dataStart, end: next };
}

/** Throws the error for an image that does not hold its tree. */
export function failTooSmall(options: CheckedOptions, neededBlocks: number, more?: string): never {
  const sizeBytes = (options.sizeBlocks ?? 0) * BLOCK_BYTES;
  const neededBytes = neededBlocks * BLOCK_BYTES;
  const label = Buffer.from(options.label).toString();
  throw new UserError(
    `the EROFS file system ${label === '' ? '' : `"${label}" `}of ${sizeBytes} bytes is ${neededBytes - sizeBytes} bytes too ` +
      `small; make it ${neededBytes}${more === undefined ? '' : ` ${more}`}, or put less into it`,
  );
}

/** Checks a tree and lays it out; what the writer needs for compression too. */
export function planTree(entries: readonly Entry[], options: ErofsOptions): PlannedTree {
  const checked = checkOptions(options);
  const tree = buildTree(entries);
  const xattrs = planXattrs(tree.entries);
  const layout = layOut(tree, xattrs, checked);
  if (checked.sizeBlocks !== undefined && layout.end > checked.sizeBlocks) failTooSmall(checked, layout.end);
  return { tree, xattrs, layout, options: checked };
}
