/** Finds the dm-verity tree after a partition's data. */
import { createHash } from 'node:crypto';
import { DEFAULT_BLOCK_BYTES, SUPERBLOCK, SUPERBLOCK_SIGNATURE } from '../../lib/formats/verity/format.ts';
import { planTree } from '../../lib/formats/verity/geometry.ts';
import {
  readVeritySuperblock,
  type VeritySuperblock,
  verifyVerity,
  verityDataBytes,
  verityHashBytes,
} from '../../lib/formats/verity/verity.ts';
import type { ImageSource } from '../bytes/source.ts';
import { type Check, type HashTree, peek } from '../content.ts';

/** A block of data and the superblock's block. */
const SMALLEST_BYTES = 2 * DEFAULT_BLOCK_BYTES;

function isSuperblock(source: ImageSource, offsetBytes: number): boolean {
  const { signature } = SUPERBLOCK.at;
  return SUPERBLOCK_SIGNATURE.equals(
    peek(source, offsetBytes + signature.offsetBytes, signature.lengthBytes),
  );
}

/** The root hash of a tree: the digest of its top block, or of the data if it is a single block. */
function topDigest(source: ImageSource, superblock: VeritySuperblock, hashOffsetBytes: number): string {
  const { levels } = planTree(superblock, superblock.dataBlockCount, { hashOffsetBytes });
  const top = levels.at(-1);
  const block =
    top === undefined
      ? source.read(0, superblock.dataBlockBytes)
      : source.read(top.offsetBytes, superblock.hashBlockBytes);
  return createHash(superblock.hashAlgorithm).update(superblock.salt).update(block).digest('hex');
}

/**
 * Looks for a tree in two places: directly after the file system, and where data and tree together
 * fill the partition.
 *
 * @param ownBytes the size of the file system, if there is one
 * @throws UserError if the tree's superblock is damaged
 */
export function findHashTree(
  source: ImageSource,
  ownBytes: number | undefined,
  name: string,
): HashTree | undefined {
  if (source.sizeBytes < SMALLEST_BYTES) return undefined;
  const offsets = new Set([ownBytes ?? 0, verityDataBytes(source.sizeBytes)]);
  for (const hashOffsetBytes of offsets) {
    if (hashOffsetBytes === 0 || !isSuperblock(source, hashOffsetBytes)) continue;
    const superblock = readVeritySuperblock(source, hashOffsetBytes, name);
    const dataBytes = superblock.dataBlockCount * superblock.dataBlockBytes;
    return {
      hashOffsetBytes,
      sizeBytes: verityHashBytes(dataBytes, superblock),
      dataBytes,
      salt: Buffer.from(superblock.salt).toString('hex'),
      uuid: superblock.uuid,
      rootHash: topDigest(source, superblock, hashOffsetBytes),
    };
  }
  return undefined;
}

/**
 * Makes the check of all data against the tree.
 *
 * @param expected a trusted root hash; if absent, the tree is only checked against itself
 */
export function hashTreeCheck(
  source: ImageSource,
  tree: HashTree,
  name: string,
  expected: string | undefined,
): Check {
  const rootHash = expected ?? tree.rootHash;
  const against = expected === undefined ? 'the tree itself' : `root hash ${expected}`;
  return {
    name: `verity: ${tree.dataBytes} bytes of data against ${against}`,
    run: () => {
      verifyVerity(source, { hashOffsetBytes: tree.hashOffsetBytes, rootHash, name });
    },
  };
}
