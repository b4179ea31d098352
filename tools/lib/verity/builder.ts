import { hash } from 'node:crypto';
import type { BlockSink } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import { parseUuid, type Uuid } from '../uuid/uuid.ts';
import { countDataBlocks, planTree } from './geometry.ts';
import {
  BLOCK_BYTES,
  DIGEST_BYTES,
  DIGESTS_PER_BLOCK,
  encodeSuperblock,
  SALT_LIMIT_BYTES,
} from './superblock.ts';

export interface VerityOptions {
  /** The size of the data: a multiple of 4096. */
  readonly dataBytes: number;
  /** Where superblock and tree begin in the sink: a multiple of 4096, `--hash-offset` of veritysetup. */
  readonly hashOffsetBytes: number;
  /** 0 to 256 bytes. */
  readonly salt: Uint8Array;
  readonly uuid: Uuid;
}

export interface VerityResult {
  /** Hexadecimal. */
  readonly rootHash: string;
  /** Superblock and tree. */
  readonly hashSizeBytes: number;
}

/** Blocks of a level are written so many at once. */
const WRITE_BLOCKS = 32;

const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);

/**
 * Computes a dm-verity hash tree from data that comes in order, and writes superblock and levels as it goes.
 *
 * Memory stays the same whatever the data's size. Zeros cost next to nothing: the digest of a zero block is computed
 * once, and so is that of each hash block that has nothing but zeros below it.
 */
export class VerityBuilder {
  readonly #options: VerityOptions;
  readonly #sink: BlockSink;
  readonly #hashBlockCount: number;
  readonly #hasher: SaltedHasher;
  readonly #levels: Level[] = [];
  /** Receives the digests of the data blocks. */
  readonly #bottom: DigestReceiver;
  /** Receives the one digest of the top. */
  #rootDigest: Uint8Array | undefined;
  readonly #partialBlock = Buffer.alloc(BLOCK_BYTES);
  #receivedBytes = 0;

  /** @throws UserError for sizes and offsets that are not whole blocks, for a salt too long, and for a bad UUID */
  constructor(sink: BlockSink, options: VerityOptions) {
    const dataBlockCount = countDataBlocks(options.dataBytes);
    checkOptions(options);
    this.#options = options;
    this.#sink = sink;
    this.#hasher = new SaltedHasher(options.salt);
    const { levels, hashBlockCount } = planTree(dataBlockCount);
    this.#hashBlockCount = hashBlockCount;
    const top: DigestReceiver = {
      push: (digest) => {
        this.#rootDigest = Uint8Array.from(digest);
      },
      pushZeroSubtrees: () => {
        this.#rootDigest = this.#hasher.zeroDigest(levels.length);
      },
    };
    for (const [index, { startBlock }] of [...levels.entries()].reverse()) {
      const offsetBytes = options.hashOffsetBytes + startBlock * BLOCK_BYTES;
      this.#levels[index] = new Level(index, sink, offsetBytes, this.#hasher, this.#levels[index + 1] ?? top);
    }
    this.#bottom = this.#levels[0] ?? top;
  }

  /** Takes the next bytes of the data, any number of them. */
  update(bytes: Uint8Array): void {
    this.#checkRoom(bytes.length);
    let done = 0;
    const filled = this.#receivedBytes % BLOCK_BYTES;
    this.#receivedBytes += bytes.length;
    if (filled > 0) {
      done = Math.min(BLOCK_BYTES - filled, bytes.length);
      this.#partialBlock.set(bytes.subarray(0, done), filled);
      if (filled + done < BLOCK_BYTES) return;
      this.#pushBlock(this.#partialBlock);
    }
    for (; done + BLOCK_BYTES <= bytes.length; done += BLOCK_BYTES) {
      this.#pushBlock(bytes.subarray(done, done + BLOCK_BYTES));
    }
    this.#partialBlock.set(bytes.subarray(done));
  }

  /** Takes the next `lengthBytes` bytes of the data as zeros: a hole. */
  updateZeros(lengthBytes: number): void {
    this.#checkRoom(lengthBytes);
    let restBytes = lengthBytes;
    const filled = this.#receivedBytes % BLOCK_BYTES;
    if (filled > 0) {
      const headBytes = Math.min(BLOCK_BYTES - filled, restBytes);
      this.update(ZERO_BLOCK.subarray(0, headBytes));
      restBytes -= headBytes;
    }
    const blockCount = Math.floor(restBytes / BLOCK_BYTES);
    if (blockCount > 0) this.#bottom.pushZeroSubtrees(blockCount);
    this.#receivedBytes += blockCount * BLOCK_BYTES;
    if (restBytes % BLOCK_BYTES > 0) this.update(ZERO_BLOCK.subarray(0, restBytes % BLOCK_BYTES));
  }

  /** Writes what is left, the superblock last; throws a {@link UserError} where data is missing. */
  finish(): VerityResult {
    const { dataBytes, hashOffsetBytes, uuid, salt } = this.#options;
    if (this.#receivedBytes !== dataBytes) {
      throw new UserError(`verity: ${this.#receivedBytes} bytes of data came, ${dataBytes} were announced`);
    }
    for (const level of this.#levels) level.finish();
    if (this.#rootDigest === undefined) throw new Error('the tree has no root');
    const superblock = encodeSuperblock({ uuid, salt, dataBlockCount: dataBytes / BLOCK_BYTES });
    this.#sink.write(hashOffsetBytes, superblock);
    return {
      rootHash: Buffer.from(this.#rootDigest).toString('hex'),
      hashSizeBytes: this.#hashBlockCount * BLOCK_BYTES,
    };
  }

  #pushBlock(block: Uint8Array): void {
    if (ZERO_BLOCK.equals(block)) this.#bottom.pushZeroSubtrees(1);
    else this.#bottom.push(this.#hasher.digest(block));
  }

  #checkRoom(lengthBytes: number): void {
    const { dataBytes } = this.#options;
    if (this.#receivedBytes + lengthBytes > dataBytes) {
      throw new UserError(`verity: more data came than the ${dataBytes} bytes that were announced`);
    }
  }
}

function checkOptions({ hashOffsetBytes, salt, uuid }: VerityOptions): void {
  if (!Number.isSafeInteger(hashOffsetBytes) || hashOffsetBytes < 0 || hashOffsetBytes % BLOCK_BYTES !== 0) {
    throw new UserError(`verity: the hash offset ${hashOffsetBytes} is not a multiple of ${BLOCK_BYTES}`);
  }
  if (salt.length > SALT_LIMIT_BYTES) {
    throw new UserError(`verity: a salt of ${salt.length} bytes: use ${SALT_LIMIT_BYTES} at most`);
  }
  parseUuid(uuid, 'verity: UUID');
}

/** What takes the digests of one level's blocks: the level above, or the root. */
interface DigestReceiver {
  push(digest: Uint8Array): void;
  /** Takes the digest of a block with nothing but zeros below it, `count` times. */
  pushZeroSubtrees(count: number): void;
}

/** Gathers digests into hash blocks, writes those, and gives their digests to the level above. */
class Level implements DigestReceiver {
  readonly #level: number;
  readonly #sink: BlockSink;
  readonly #hasher: SaltedHasher;
  readonly #above: DigestReceiver;
  readonly #buffer = Buffer.alloc(WRITE_BLOCKS * BLOCK_BYTES);
  #filledBytes = 0;
  #offsetBytes: number;

  constructor(
    level: number,
    sink: BlockSink,
    offsetBytes: number,
    hasher: SaltedHasher,
    above: DigestReceiver,
  ) {
    this.#level = level;
    this.#sink = sink;
    this.#offsetBytes = offsetBytes;
    this.#hasher = hasher;
    this.#above = above;
  }

  push(digest: Uint8Array): void {
    this.#buffer.set(digest, this.#filledBytes);
    this.#filledBytes += DIGEST_BYTES;
    if (this.#filledBytes % BLOCK_BYTES !== 0) return;
    this.#above.push(
      this.#hasher.digest(this.#buffer.subarray(this.#filledBytes - BLOCK_BYTES, this.#filledBytes)),
    );
    this.#writeIfFull();
  }

  pushZeroSubtrees(count: number): void {
    let rest = count;
    while (rest > 0) {
      if (this.#filledBytes % BLOCK_BYTES === 0 && rest >= DIGESTS_PER_BLOCK) {
        this.#buffer.set(this.#hasher.zeroSubtreeBlock(this.#level), this.#filledBytes);
        this.#filledBytes += BLOCK_BYTES;
        this.#above.pushZeroSubtrees(1);
        this.#writeIfFull();
        rest -= DIGESTS_PER_BLOCK;
      } else {
        this.push(this.#hasher.zeroDigest(this.#level));
        rest -= 1;
      }
    }
  }

  /** Fills the last block up with zeros. */
  finish(): void {
    const endBytes = Math.ceil(this.#filledBytes / BLOCK_BYTES) * BLOCK_BYTES;
    if (this.#filledBytes < endBytes) {
      this.#buffer.fill(0, this.#filledBytes, endBytes);
      this.#filledBytes = endBytes;
      this.#above.push(this.#hasher.digest(this.#buffer.subarray(endBytes - BLOCK_BYTES, endBytes)));
    }
    this.#write();
  }

  #writeIfFull(): void {
    if (this.#filledBytes === this.#buffer.length) this.#write();
  }

  #write(): void {
    if (this.#filledBytes === 0) return;
    this.#sink.write(this.#offsetBytes, this.#buffer.subarray(0, this.#filledBytes));
    this.#offsetBytes += this.#filledBytes;
    this.#filledBytes = 0;
  }
}

/** SHA-256 of the salt and a block, in one call: several times as fast as a hash object for each block. */
class SaltedHasher {
  readonly #saltBytes: number;
  readonly #input: Buffer;
  /** By level: the digest of a data block of zeros, of a hash block of such digests, and so on. */
  readonly #zeroDigests: Uint8Array[] = [];
  readonly #zeroSubtreeBlocks: Uint8Array[] = [];

  constructor(salt: Uint8Array) {
    this.#saltBytes = salt.length;
    this.#input = Buffer.alloc(salt.length + BLOCK_BYTES);
    this.#input.set(salt);
  }

  digest(block: Uint8Array): Uint8Array {
    this.#input.set(block, this.#saltBytes);
    return hash('sha256', this.#input, 'buffer');
  }

  zeroDigest(level: number): Uint8Array {
    let digest = this.#zeroDigests[level];
    if (digest === undefined) {
      digest = this.digest(level === 0 ? ZERO_BLOCK : this.zeroSubtreeBlock(level - 1));
      this.#zeroDigests[level] = digest;
    }
    return digest;
  }

  /** A hash block of `level` that is full of digests of zeros. */
  zeroSubtreeBlock(level: number): Uint8Array {
    let block = this.#zeroSubtreeBlocks[level];
    if (block === undefined) {
      block = Buffer.alloc(BLOCK_BYTES, this.zeroDigest(level));
      this.#zeroSubtreeBlocks[level] = block;
    }
    return block;
  }
}
