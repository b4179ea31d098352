/** Finds the dm-verity tree behind a partition's data. */
import { createHash } from 'node:crypto';
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

/** cryptsetup `lib/verity/verity.c`, VERITY_SIGNATURE. */
const SIGNATURE = 'verity\0\0';
const SMALLEST_BYTES = 8192;

function isSuperblock(source: ImageSource, offsetBytes: number): boolean {
  return peek(source, offsetBytes, SIGNATURE.length).toString('latin1') === SIGNATURE;
}

/** The digest that a tree ends in: that of its top block, or of the data where there is a single block. */
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
 * Looks for a tree where one can be: right behind the file system, or where data and tree fill the partition together.
 *
 * @param ownBytes how far the file system reaches, if there is one
 * @throws UserError where there is a superblock, and it is damaged
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
 * The check of all data against the tree.
 *
 * @param expected the root hash that somebody trusts; without one the tree is only held against itself
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
