import type { BlockSink } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import { parseUuid, type Uuid } from '../uuid/uuid.ts';
import { type VerityFormat, type VerityFormatOptions, verityFormat } from './format.ts';
import { countDataBlocks, planTree, type TreeGeometry, type TreePlace } from './geometry.ts';
import { isZeroBlock, SaltedHasher } from './hasher.ts';
import { type DigestReceiver, Level, Root } from './level.ts';
import { encodeSuperblock } from './superblock.ts';

/** The parameters of a tree, and its position in the sink, which can be a separate image. */
export interface VerityOptions extends VerityFormatOptions, TreePlace {
  /** The size of the data, which is whole data blocks. */
  readonly dataBytes: number;
  /** The UUID in the superblock. */
  readonly uuid: Uuid;
}

export interface VerityResult {
  /** Hexadecimal. */
  readonly rootHash: string;
  /** From the hash offset to the end of the tree. */
  readonly hashSizeBytes: number;
}

/**
 * Computes a dm-verity hash tree from data that arrives in order, and writes the levels and the
 * superblock.
 *
 * The memory use does not depend on the size of the data. Zeros cost almost nothing: the digest of
 * a zero block is computed once, and so is the digest of each hash block with only zeros below it.
 * The sink must contain zeros between the superblock and the tree, as a new image does.
 */
export class VerityBuilder {
  readonly #options: VerityOptions;
  readonly #format: VerityFormat;
  readonly #geometry: TreeGeometry;
  readonly #sink: BlockSink;
  readonly #hasher: SaltedHasher;
  readonly #levels: Level[] = [];
  readonly #root: Root;
  /** Receives the digests of the data blocks. */
  readonly #bottom: DigestReceiver;
  readonly #zeros: Buffer;
  readonly #partialBlock: Buffer;
  #receivedBytes = 0;

  /**
   * @throws UserError for sizes and offsets that are not whole blocks, a salt that is too long, and
   * a bad UUID
   */
  constructor(sink: BlockSink, options: VerityOptions) {
    this.#format = verityFormat(options);
    this.#geometry = planTree(this.#format, countDataBlocks(this.#format, options.dataBytes), options);
    parseUuid(options.uuid, 'verity: UUID');
    this.#options = options;
    this.#sink = sink;
    this.#hasher = new SaltedHasher(this.#format);
    this.#zeros = Buffer.alloc(this.#format.dataBlockBytes);
    this.#partialBlock = Buffer.alloc(this.#format.dataBlockBytes);
    const { levels } = this.#geometry;
    this.#root = new Root(this.#format, this.#hasher, levels.length);
    for (const [index, { offsetBytes }] of [...levels.entries()].reverse()) {
      const above = this.#levels[index + 1] ?? this.#root;
      this.#levels[index] = new Level(index, sink, offsetBytes, this.#format, this.#hasher, above);
    }
    this.#bottom = this.#levels[0] ?? this.#root;
  }

  /** Takes the next bytes of the data, in pieces of any length. */
  update(bytes: Uint8Array): void {
    this.#checkRoom(bytes.length);
    const blockBytes = this.#format.dataBlockBytes;
    let done = 0;
    const filled = this.#receivedBytes % blockBytes;
    this.#receivedBytes += bytes.length;
    if (filled > 0) {
      done = Math.min(blockBytes - filled, bytes.length);
      this.#partialBlock.set(bytes.subarray(0, done), filled);
      if (filled + done < blockBytes) return;
      this.#pushBlock(this.#partialBlock);
    }
    for (; done + blockBytes <= bytes.length; done += blockBytes) {
      this.#pushBlock(bytes.subarray(done, done + blockBytes));
    }
    this.#partialBlock.set(bytes.subarray(done));
  }

  /** Takes the next `lengthBytes` bytes of the data as zeros: a hole. */
  updateZeros(lengthBytes: number): void {
    this.#checkRoom(lengthBytes);
    const blockBytes = this.#format.dataBlockBytes;
    let restBytes = lengthBytes;
    const filled = this.#receivedBytes % blockBytes;
    if (filled > 0) {
      const headBytes = Math.min(blockBytes - filled, restBytes);
      this.update(this.#zeros.subarray(0, headBytes));
      restBytes -= headBytes;
    }
    const blockCount = Math.floor(restBytes / blockBytes);
    if (blockCount > 0) this.#bottom.pushZeroSubtrees(blockCount);
    this.#receivedBytes += blockCount * blockBytes;
    if (restBytes % blockBytes > 0) this.update(this.#zeros.subarray(0, restBytes % blockBytes));
  }

  /**
   * Takes the digests of the next whole data blocks, which were computed elsewhere. As in a hash
   * block, each digest is padded with zeros to a power of two.
   */
  updateDigests(slots: Uint8Array): void {
    const lengthBytes = (slots.length / this.#hasher.slotBytes) * this.#format.dataBlockBytes;
    if (this.#receivedBytes % this.#format.dataBlockBytes !== 0 || !Number.isInteger(lengthBytes)) {
      throw new RangeError('digests must be of whole data blocks, and begin at a data block');
    }
    this.#checkRoom(lengthBytes);
    this.#receivedBytes += lengthBytes;
    if (slots.length > 0) this.#bottom.pushSlots(slots);
  }

  /**
   * Writes the remaining blocks, and the superblock last. Throws a {@link UserError} if data is
   * missing.
   */
  finish(): VerityResult {
    const { dataBytes, hashOffsetBytes, uuid, superblock = true } = this.#options;
    if (this.#receivedBytes !== dataBytes) {
      throw new UserError(
        `verity: received ${this.#receivedBytes} bytes of data, ${dataBytes} were announced`,
      );
    }
    for (const level of this.#levels) level.finish();
    const { dataBlockCount, endBytes } = this.#geometry;
    if (superblock) {
      this.#sink.write(hashOffsetBytes, encodeSuperblock({ ...this.#format, uuid, dataBlockCount }));
    }
    return { rootHash: this.#root.hash, hashSizeBytes: endBytes - hashOffsetBytes };
  }

  #pushBlock(block: Uint8Array): void {
    if (isZeroBlock(block, this.#zeros)) this.#bottom.pushZeroSubtrees(1);
    else this.#bottom.push(this.#hasher.digest(block));
  }

  #checkRoom(lengthBytes: number): void {
    const { dataBytes } = this.#options;
    if (this.#receivedBytes + lengthBytes > dataBytes) {
      throw new UserError(`verity: received more data than the ${dataBytes} bytes that were announced`);
    }
  }
}
