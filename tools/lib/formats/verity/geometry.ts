import { UserError } from '../error/user-error.ts';
import {
  digestsPerBlock,
  SUPERBLOCK,
  type VerityFormat,
  type VerityFormatOptions,
  verityFormat,
} from './format.ts';

/** One level of a hash tree. */
export interface TreeLevel {
  /** From the start of the hash image. */
  readonly offsetBytes: number;
  readonly blockCount: number;
}

/** The positions of a hash tree's levels in its image. */
export interface TreeGeometry {
  readonly dataBlockCount: number;
  /**
   * Level 0 holds the digests of the data blocks. The last level is a single block, the top. Empty
   * for a single data block.
   */
  readonly levels: readonly TreeLevel[];
  /** The end of the tree, from the start of the hash image. */
  readonly endBytes: number;
}

/** The position of a hash tree in its image. */
export interface TreePlace {
  /**
   * `--hash-offset` of veritysetup: the position of the superblock, or of the tree if it has none.
   */
  readonly hashOffsetBytes: number;
  /** `false` for `--no-superblock`. */
  readonly superblock?: boolean;
}

/** cryptsetup's `lib/setup.c` checks `hash_area_offset` with `MISALIGNED_512`. */
const OFFSET_ALIGNMENT_BYTES = 512;

/**
 * Plans the levels of a tree. The top level starts at the first whole hash block after the
 * superblock, and the levels down to level 0 follow (`VERITY_hash_offset_block` and `hash_levels`
 * of cryptsetup's `lib/verity/`). A single data block has no level: its digest is the root hash.
 *
 * @throws UserError for an offset that no tree can have
 */
export function planTree(format: VerityFormat, dataBlockCount: number, place: TreePlace): TreeGeometry {
  const { hashBlockBytes } = format;
  const blockCounts: number[] = [];
  for (let count = dataBlockCount; count > 1; ) {
    count = Math.ceil(count / digestsPerBlock(format));
    blockCounts.push(count);
  }
  let offsetBytes = treeStart(format, place);
  const fromTheTop = blockCounts.toReversed().map((blockCount) => {
    const level = { offsetBytes, blockCount };
    offsetBytes += blockCount * hashBlockBytes;
    return level;
  });
  return { dataBlockCount, levels: fromTheTop.toReversed(), endBytes: offsetBytes };
}

function treeStart(
  { hashBlockBytes }: VerityFormat,
  { hashOffsetBytes, superblock = true }: TreePlace,
): number {
  // Without a superblock veritysetup rounds the offset down, so the tree could begin before it.
  // Only whole blocks are allowed here.
  const alignmentBytes = superblock ? OFFSET_ALIGNMENT_BYTES : hashBlockBytes;
  if (
    !Number.isSafeInteger(hashOffsetBytes) ||
    hashOffsetBytes < 0 ||
    hashOffsetBytes % alignmentBytes !== 0
  ) {
    throw new UserError(`verity: the hash offset ${hashOffsetBytes} is not a multiple of ${alignmentBytes}`);
  }
  return superblock
    ? Math.ceil((hashOffsetBytes + SUPERBLOCK.sizeBytes) / hashBlockBytes) * hashBlockBytes
    : hashOffsetBytes;
}

/**
 * Returns the number of data blocks. Throws a {@link UserError} if `dataBytes` is not whole blocks.
 */
export function countDataBlocks({ dataBlockBytes }: VerityFormat, dataBytes: number): number {
  if (!Number.isSafeInteger(dataBytes) || dataBytes < dataBlockBytes || dataBytes % dataBlockBytes !== 0) {
    throw new UserError(
      `verity: ${dataBytes} bytes of data: use a multiple of ${dataBlockBytes}, at least one`,
    );
  }
  return dataBytes / dataBlockBytes;
}

const DEFAULT_FORMAT: VerityFormatOptions = { salt: new Uint8Array() };

/** Returns the size of superblock and tree for `dataBytes`, if they begin at a whole hash block. */
export function verityHashBytes(dataBytes: number, options: VerityFormatOptions = DEFAULT_FORMAT): number {
  const format = verityFormat(options);
  return planTree(format, countDataBlocks(format, dataBytes), { hashOffsetBytes: 0 }).endBytes;
}

/**
 * Returns the size of the most data that fits into `totalBytes` together with its superblock and
 * tree. A file system of this size fits into the partition.
 *
 * @throws UserError if not even a single block fits
 */
export function verityDataBytes(totalBytes: number, options: VerityFormatOptions = DEFAULT_FORMAT): number {
  const format = verityFormat(options);
  const { dataBlockBytes } = format;
  let lower = 0;
  let upper = Math.floor(totalBytes / dataBlockBytes);
  while (lower < upper) {
    const middle = Math.ceil((lower + upper) / 2);
    const { endBytes } = planTree(format, middle, { hashOffsetBytes: middle * dataBlockBytes });
    if (endBytes <= totalBytes) lower = middle;
    else upper = middle - 1;
  }
  if (lower === 0) throw new UserError(`verity: ${totalBytes} bytes have no room for data and its hash tree`);
  return lower * dataBlockBytes;
}
