import type { BlockSource } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import { digestBytes, SUPERBLOCK, type VerityFormat, verityFormat } from './format.ts';
import { planTree, type TreeGeometry, type TreePlace } from './geometry.ts';
import { isZeroBlock, SaltedHasher } from './hasher.ts';
import { parseSuperblock, type VeritySuperblock } from './superblock.ts';

/** Data and hash blocks are read in pieces of this size, or one by one if they are larger. */
const READ_BYTES = 1024 ** 2;

/** The parameters of a tree, which a superblock stores. */
export interface VerityParameters extends VerityFormat {
  readonly dataBlockCount: number;
}

export interface VerifyOptions {
  /** The offset of the superblock, or of the tree without one, in the hash image. */
  readonly hashOffsetBytes: number;
  /** Hexadecimal. */
  readonly rootHash: string;
  /** The image with the tree. By default the image with the data. */
  readonly hashImage?: BlockSource;
  /** The parameters of a tree that has no superblock (`veritysetup --no-superblock`). */
  readonly parameters?: VerityParameters;
  /** The image's name, for errors. */
  readonly name?: string;
}

/** Reads the superblock at `hashOffsetBytes`. Throws a {@link UserError} if it is absent. */
export function readVeritySuperblock(
  image: BlockSource,
  hashOffsetBytes: number,
  name = 'image',
): VeritySuperblock {
  const where = `${name} at ${hashOffsetBytes}`;
  if (hashOffsetBytes + SUPERBLOCK.sizeBytes > image.sizeBytes)
    throw new UserError(`${where}: no verity superblock`);
  return parseSuperblock(image.read(hashOffsetBytes, SUPERBLOCK.sizeBytes), where);
}

/**
 * Verifies an image as the kernel does, from the root hash down: the tree level by level, then
 * every data block.
 *
 * @param data an image with the data at byte 0, and with the tree if `hashImage` is absent
 * @returns the parameters of the tree
 * @throws UserError that names the first block with a wrong digest, in the highest level with such
 *   a block
 */
export function verifyVerity(data: BlockSource, options: VerifyOptions): VerityParameters {
  const tree = openTree(data, options);
  tree.verifyLevels();
  const hasher = new SaltedHasher(tree.parameters);
  const { dataBlockBytes, dataBlockCount } = tree.parameters;
  const zeros = Buffer.alloc(dataBlockBytes);
  const stepBlocks = Math.max(1, READ_BYTES / dataBlockBytes);
  for (let first = 0; first < dataBlockCount; first += stepBlocks) {
    const blockCount = Math.min(stepBlocks, dataBlockCount - first);
    const bytes = data.read(first * dataBlockBytes, blockCount * dataBlockBytes);
    const slots = Buffer.alloc(blockCount * hasher.slotBytes);
    for (let index = 0; index < blockCount; index += 1) {
      const block = bytes.subarray(index * dataBlockBytes, (index + 1) * dataBlockBytes);
      const digest = isZeroBlock(block, zeros) ? hasher.zeroDigest(0) : hasher.digest(block);
      slots.write(digest, index * hasher.slotBytes, 'latin1');
    }
    tree.compareData(first, slots);
  }
  return tree.parameters;
}

/**
 * Opens a tree for verification. `data` gives the size of the data, and holds the tree if
 * `hashImage` is absent.
 */
export function openTree(data: BlockSource, options: VerifyOptions): OpenTree {
  const { hashOffsetBytes, hashImage = data, rootHash, name = 'image' } = options;
  const superblock = options.parameters === undefined;
  const parameters =
    options.parameters === undefined
      ? readVeritySuperblock(hashImage, hashOffsetBytes, name)
      : { ...options.parameters, ...verityFormat(options.parameters, name) };
  const place: TreePlace = { hashOffsetBytes, superblock };
  const geometry = planTree(parameters, parameters.dataBlockCount, place);
  const dataBytes = parameters.dataBlockCount * parameters.dataBlockBytes;
  const dataLimitBytes = hashImage === data ? hashOffsetBytes : data.sizeBytes;
  // For a single data block, veritysetup writes only the superblock.
  const neededBytes = geometry.levels.length === 0 ? hashOffsetBytes : geometry.endBytes;
  if (dataBytes > dataLimitBytes || neededBytes > hashImage.sizeBytes) {
    throw new UserError(`${name}: ${dataBytes} bytes of data and their hash tree do not fit into it`);
  }
  const hashBytes = digestBytes(parameters.hashAlgorithm);
  if (!/^[0-9a-f]*$/i.test(rootHash) || rootHash.length !== 2 * hashBytes) {
    throw new UserError(
      `${name}: "${rootHash}" is not a ${parameters.hashAlgorithm} root hash: write ${2 * hashBytes} hexadecimal digits`,
    );
  }
  return new OpenTree(hashImage, parameters, geometry, rootHash.toLowerCase(), name);
}

/** A tree that is being verified. */
export class OpenTree {
  readonly parameters: VerityParameters;
  readonly #image: BlockSource;
  readonly #geometry: TreeGeometry;
  readonly #rootHash: string;
  readonly #name: string;
  readonly #hasher: SaltedHasher;

  constructor(
    image: BlockSource,
    parameters: VerityParameters,
    geometry: TreeGeometry,
    rootHash: string,
    name: string,
  ) {
    this.parameters = parameters;
    this.#image = image;
    this.#geometry = geometry;
    this.#rootHash = rootHash;
    this.#name = name;
    this.#hasher = new SaltedHasher(parameters);
  }

  /** Verifies the hash blocks of all levels, from the top down. */
  verifyLevels(): void {
    const { levels } = this.#geometry;
    const { hashBlockBytes } = this.parameters;
    const stepBlocks = Math.max(1, READ_BYTES / hashBlockBytes);
    for (const [level, { offsetBytes, blockCount }] of [...levels.entries()].reverse()) {
      for (let first = 0; first < blockCount; first += stepBlocks) {
        const count = Math.min(stepBlocks, blockCount - first);
        const bytes = this.#image.read(offsetBytes + first * hashBlockBytes, count * hashBlockBytes);
        const expected = this.#expectedSlots(level + 1, first, count);
        for (let index = 0; index < count; index += 1) {
          const block = bytes.subarray(index * hashBlockBytes, (index + 1) * hashBlockBytes);
          const digest = Buffer.from(this.#hasher.digest(block), 'latin1');
          if (!this.#isExpected(digest, expected, index)) this.#failHashBlock(level, first + index);
        }
      }
    }
  }

  /**
   * Compares digests of data blocks with the verified tree.
   *
   * @param slots the digests of the blocks from `firstBlock` on, padded as in a hash block
   */
  compareData(firstBlock: number, slots: Buffer): void {
    const { slotBytes } = this.#hasher;
    const count = slots.length / slotBytes;
    const expected = this.#expectedSlots(0, firstBlock, count);
    if (slots.equals(expected)) return;
    const hashBytes = digestBytes(this.parameters.hashAlgorithm);
    for (let index = 0; index < count; index += 1) {
      const digest = slots.subarray(index * slotBytes, index * slotBytes + hashBytes);
      if (!this.#isExpected(digest, expected, index)) this.#failDataBlock(firstBlock + index);
    }
  }

  /** Returns `count` digests of `level` from number `first` on; above the top, the root hash. */
  #expectedSlots(level: number, first: number, count: number): Buffer {
    const { slotBytes } = this.#hasher;
    const place = this.#geometry.levels[level];
    if (place === undefined) {
      const root = Buffer.alloc(slotBytes);
      root.write(this.#rootHash, 'hex');
      return root;
    }
    const bytes = this.#image.read(place.offsetBytes + first * slotBytes, count * slotBytes);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  #isExpected(digest: Buffer, expected: Buffer, index: number): boolean {
    const offset = index * this.#hasher.slotBytes;
    return expected.compare(digest, 0, digest.length, offset, offset + digest.length) === 0;
  }

  #failHashBlock(level: number, block: number): never {
    const { levels } = this.#geometry;
    const offsetBytes = (levels[level]?.offsetBytes ?? 0) + block * this.parameters.hashBlockBytes;
    const where = `${this.#name}: hash block ${block} of level ${level} of the verity tree (at byte ${offsetBytes})`;
    if (level + 1 === levels.length) {
      throw new UserError(
        `${where}, the top, does not have the root hash ${this.#rootHash}: ` +
          'the block was changed, or the root hash or the salt belongs to another image',
      );
    }
    throw new UserError(`${where} does not have the digest stored in level ${level + 1}: it was changed`);
  }

  #failDataBlock(block: number): never {
    const offsetBytes = block * this.parameters.dataBlockBytes;
    const expected =
      this.#geometry.levels.length === 0 ? `root hash ${this.#rootHash}` : 'digest stored in the hash tree';
    throw new UserError(
      `${this.#name}: data block ${block} (at byte ${offsetBytes}) does not have the ${expected}: it was changed`,
    );
  }
}
