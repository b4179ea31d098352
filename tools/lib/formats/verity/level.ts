import type { BlockSink } from '../block/block.ts';
import { digestBytes, digestsPerBlock, type VerityFormat } from './format.ts';
import type { SaltedHasher } from './hasher.ts';

/** Receives the digests of one level's blocks: the level above, or the root. */
export interface DigestReceiver {
  /** @param digest one character per byte */
  push(digest: string): void;
  /** Takes digests that are padded as in a hash block. */
  pushSlots(slots: Uint8Array): void;
  /** Takes the digest of a block with only zeros below it, `count` times. */
  pushZeroSubtrees(count: number): void;
}

/** The blocks of a level are written in pieces of this size, or one by one if they are larger. */
const WRITE_BYTES = 128 * 1024;

/**
 * Collects digests in hash blocks, writes the blocks, and passes their digests to the level above.
 */
export class Level implements DigestReceiver {
  readonly #level: number;
  readonly #sink: BlockSink;
  readonly #hasher: SaltedHasher;
  readonly #above: DigestReceiver;
  readonly #blockBytes: number;
  readonly #digestBytes: number;
  readonly #digestsPerBlock: number;
  readonly #buffer: Buffer;
  #filledBytes = 0;
  #offsetBytes: number;

  constructor(
    level: number,
    sink: BlockSink,
    offsetBytes: number,
    format: VerityFormat,
    hasher: SaltedHasher,
    above: DigestReceiver,
  ) {
    this.#level = level;
    this.#sink = sink;
    this.#offsetBytes = offsetBytes;
    this.#hasher = hasher;
    this.#above = above;
    this.#blockBytes = format.hashBlockBytes;
    this.#digestBytes = digestBytes(format.hashAlgorithm);
    this.#digestsPerBlock = digestsPerBlock(format);
    this.#buffer = Buffer.alloc(Math.max(WRITE_BYTES, format.hashBlockBytes));
  }

  push(digest: string): void {
    const { slotBytes } = this.#hasher;
    this.#buffer.write(digest, this.#filledBytes, 'latin1');
    if (slotBytes > this.#digestBytes) {
      this.#buffer.fill(0, this.#filledBytes + this.#digestBytes, this.#filledBytes + slotBytes);
    }
    this.#filledBytes += slotBytes;
    if (this.#filledBytes % this.#blockBytes === 0) this.#finishBlock();
  }

  pushSlots(slots: Uint8Array): void {
    for (let done = 0; done < slots.length; ) {
      const room = this.#blockBytes - (this.#filledBytes % this.#blockBytes);
      const piece = slots.subarray(done, done + room);
      this.#buffer.set(piece, this.#filledBytes);
      this.#filledBytes += piece.length;
      done += piece.length;
      if (this.#filledBytes % this.#blockBytes === 0) this.#finishBlock();
    }
  }

  pushZeroSubtrees(count: number): void {
    let rest = count;
    while (rest > 0) {
      if (this.#filledBytes % this.#blockBytes === 0 && rest >= this.#digestsPerBlock) {
        this.#buffer.set(this.#hasher.zeroSubtreeBlock(this.#level), this.#filledBytes);
        this.#filledBytes += this.#blockBytes;
        this.#above.pushZeroSubtrees(1);
        this.#writeIfFull();
        rest -= this.#digestsPerBlock;
      } else {
        this.push(this.#hasher.zeroDigest(this.#level));
        rest -= 1;
      }
    }
  }

  /** Pads the last block with zeros, and writes the remaining blocks. */
  finish(): void {
    const endBytes = Math.ceil(this.#filledBytes / this.#blockBytes) * this.#blockBytes;
    if (this.#filledBytes < endBytes) {
      this.#buffer.fill(0, this.#filledBytes, endBytes);
      this.#filledBytes = endBytes;
      this.#finishBlock();
    }
    this.#write();
  }

  #finishBlock(): void {
    const block = this.#buffer.subarray(this.#filledBytes - this.#blockBytes, this.#filledBytes);
    this.#above.push(this.#hasher.digest(block));
    this.#writeIfFull();
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

/** Takes the digest of the top level, which is the root hash. */
export class Root implements DigestReceiver {
  readonly #hasher: SaltedHasher;
  readonly #digestBytes: number;
  readonly #levelCount: number;
  #digest: string | undefined;

  constructor(format: VerityFormat, hasher: SaltedHasher, levelCount: number) {
    this.#hasher = hasher;
    this.#digestBytes = digestBytes(format.hashAlgorithm);
    this.#levelCount = levelCount;
  }

  push(digest: string): void {
    this.#digest = digest;
  }

  pushSlots(slots: Uint8Array): void {
    this.#digest = Buffer.from(slots.subarray(0, this.#digestBytes)).toString('latin1');
  }

  pushZeroSubtrees(): void {
    this.#digest = this.#hasher.zeroDigest(this.#levelCount);
  }

  /** Hexadecimal. */
  get hash(): string {
    if (this.#digest === undefined) throw new Error('the tree has no root');
    return Buffer.from(this.#digest, 'latin1').toString('hex');
  }
}
