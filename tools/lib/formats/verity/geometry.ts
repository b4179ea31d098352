import { UserError } from '../error/user-error.ts';
import { digestsPerBlock, type VerityFormat, type VerityFormatOptions, verityFormat } from './format.ts';
import { SUPERBLOCK_BYTES } from './superblock.ts';

/** One level of a hash tree. */
export interface TreeLevel {
  /** From the start of the hash image, in bytes. */
  readonly offsetBytes: number;
  readonly blockCount: number;
}

/** The place of a hash tree in its image. */
export interface TreeGeometry {
  readonly dataBlockCount: number;
  /** Level 0 holds the digests of the data blocks; the last one is a single block, the top. None for a single data block. */
  readonly levels: readonly TreeLevel[];
  /** Where the tree ends, from the start of the hash image, in bytes. */
  readonly endBytes: number;
}

/** Where a hash tree is to be. */
export interface TreePlace {
  /** `--hash-offset` of veritysetup: where the superblock lies, or the tree itself where there is none. */
  readonly hashOffsetBytes: number;
  /** `false` for `--no-superblock`. */
  readonly superblock?: boolean;
}

/** `hash_area_offset` is checked with `MISALIGNED_512` in cryptsetup's `lib/setup.c`. */
const OFFSET_ALIGNMENT_BYTES = 512;

/**
 * Where the levels of a tree lie: in the first whole hash block behind the superblock the top level, then down to level 0
 * (`VERITY_hash_offset_block` and `hash_levels` of cryptsetup's `lib/verity/`). A single data block has no level: its digest is the root hash.
 *
 * @throws UserError for an offset that no tree can have, and for more data than there are numbers for
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
  // Without a superblock veritysetup rounds down, so that a tree could begin before its offset: whole blocks only.
  const alignmentBytes = superblock ? OFFSET_ALIGNMENT_BYTES : hashBlockBytes;
  if (
    !Number.isSafeInteger(hashOffsetBytes) ||
    hashOffsetBytes < 0 ||
    hashOffsetBytes % alignmentBytes !== 0
  ) {
    throw new UserError(`verity: the hash offset ${hashOffsetBytes} is not a multiple of ${alignmentBytes}`);
  }
  return superblock
    ? Math.ceil((hashOffsetBytes + SUPERBLOCK_BYTES) / hashBlockBytes) * hashBlockBytes
    : hashOffsetBytes;
}

/** The number of data blocks; throws a {@link UserError} where `dataBytes` are not whole blocks. */
export function countDataBlocks({ dataBlockBytes }: VerityFormat, dataBytes: number): number {
  if (!Number.isSafeInteger(dataBytes) || dataBytes < dataBlockBytes || dataBytes % dataBlockBytes !== 0) {
    throw new UserError(
      `verity: ${dataBytes} bytes of data: use a multiple of ${dataBlockBytes}, at least one`,
    );
  }
  return dataBytes / dataBlockBytes;
}

const DEFAULT_FORMAT: VerityFormatOptions = { salt: new Uint8Array() };

/** The bytes of superblock and tree for so many bytes of data, where the tree begins at a whole hash block. */
export function verityHashBytes(dataBytes: number, options: VerityFormatOptions = DEFAULT_FORMAT): number {
  const format = verityFormat(options);
  return planTree(format, countDataBlocks(format, dataBytes), { hashOffsetBytes: 0 }).endBytes;
}

/**
 * The most data that goes into `totalBytes` together with its superblock and tree, so that a file system can be made to fit.
 *
 * @throws UserError where there is no room for a single block
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
