import type { BlockSink, BlockSource } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import { VerityBuilder } from './builder.ts';
import { planTree } from './geometry.ts';
import {
  BLOCK_BYTES,
  DIGEST_BYTES,
  parseSuperblock,
  SUPERBLOCK_BYTES,
  type VeritySuperblock,
} from './superblock.ts';

/** Data is read so many bytes at once. */
const READ_BYTES = 1024 ** 2;

/** Reads the superblock at `hashOffsetBytes`; throws a {@link UserError} where there is none. */
export function readVeritySuperblock(
  image: BlockSource,
  hashOffsetBytes: number,
  name = 'image',
): VeritySuperblock {
  const where = `${name} at ${hashOffsetBytes}`;
  if (hashOffsetBytes + SUPERBLOCK_BYTES > image.sizeBytes)
    throw new UserError(`${where}: no verity superblock`);
  return parseSuperblock(image.read(hashOffsetBytes, SUPERBLOCK_BYTES), where);
}

/**
 * Computes the tree of an image again and compares every block of it, and the root hash.
 *
 * @param image data from byte 0 on, superblock and tree at `hashOffsetBytes`
 * @param name the image's name, for errors
 * @throws UserError that names the first damaged data block or hash block
 */
export function verifyVerity(
  image: BlockSource,
  hashOffsetBytes: number,
  rootHash: string,
  name = 'image',
): VeritySuperblock {
  const superblock = readVeritySuperblock(image, hashOffsetBytes, name);
  const dataBytes = superblock.dataBlockCount * BLOCK_BYTES;
  const { hashBlockCount } = planTree(superblock.dataBlockCount);
  const treeEndBytes = hashOffsetBytes + hashBlockCount * BLOCK_BYTES;
  // veritysetup writes no more than the superblock for a single data block.
  const neededBytes = hashBlockCount === 1 ? hashOffsetBytes + SUPERBLOCK_BYTES : treeEndBytes;
  if (dataBytes > hashOffsetBytes || neededBytes > image.sizeBytes) {
    throw new UserError(`${name}: ${dataBytes} bytes of data and their hash tree do not go into it`);
  }
  const sink = comparingSink(image, superblock.dataBlockCount, hashOffsetBytes, name);
  const builder = new VerityBuilder(sink, { ...superblock, dataBytes, hashOffsetBytes });
  for (let offset = 0; offset < dataBytes; offset += READ_BYTES) {
    builder.update(image.read(offset, Math.min(READ_BYTES, dataBytes - offset)));
  }
  const computed = builder.finish().rootHash;
  if (computed !== rootHash.toLowerCase()) {
    throw new UserError(`${name}: the verity root hash is ${computed}, expected ${rootHash}`);
  }
  return superblock;
}

/** A sink that writes nothing, and throws where the image differs from what would be written. */
function comparingSink(
  image: BlockSource,
  dataBlockCount: number,
  hashOffsetBytes: number,
  name: string,
): BlockSink {
  const { levels } = planTree(dataBlockCount);
  const leafOffsetBytes =
    levels[0] === undefined ? Number.POSITIVE_INFINITY : hashOffsetBytes + levels[0].startBlock * BLOCK_BYTES;
  return {
    write(offsetBytes, bytes) {
      const stored = Buffer.from(image.read(offsetBytes, bytes.length));
      if (stored.equals(bytes)) return;
      const difference = stored.findIndex((byte, index) => byte !== bytes[index]);
      const position = offsetBytes + difference;
      const dataBlock = Math.floor((position - leafOffsetBytes) / DIGEST_BYTES);
      if (dataBlock >= 0 && dataBlock < dataBlockCount) {
        throw new UserError(
          `${name}: data block ${dataBlock} (at byte ${dataBlock * BLOCK_BYTES}) does not have the digest of the hash ` +
            `tree (at byte ${position - (position % DIGEST_BYTES)}): one of the two was changed`,
        );
      }
      throw new UserError(`${name}: the verity superblock or hash tree is damaged at byte ${position}`);
    },
  };
}
