import { hash } from 'node:crypto';
import { digestSlotBytes, type VerityFormat } from './format.ts';

/**
 * Computes digests of the salt followed by a block, each in one call.
 *
 * Measured for a block of 4 KiB: copying a hash object that already contains the salt takes 3.4 µs,
 * a one-shot call that returns a Buffer 2.8 µs, and one that returns a Latin-1 string 2.2 µs.
 * Hashing alone takes 2.0 µs.
 */
export class SaltedHasher {
  /** The distance between two digests in a hash block. */
  readonly slotBytes: number;
  readonly #format: VerityFormat;
  readonly #saltBytes: number;
  /** The salt, followed by space for a block of either kind. */
  readonly #input: Buffer;
  readonly #dataInput: Buffer;
  readonly #hashInput: Buffer;
  /**
   * By level: the digest of a zero data block, of a hash block full of these digests, and so on.
   */
  readonly #zeroDigests: string[] = [];
  readonly #zeroSubtreeBlocks: Uint8Array[] = [];

  constructor(format: VerityFormat) {
    const { salt, dataBlockBytes, hashBlockBytes } = format;
    this.#format = format;
    this.#saltBytes = salt.length;
    this.slotBytes = digestSlotBytes(format.hashAlgorithm);
    this.#input = Buffer.alloc(salt.length + Math.max(dataBlockBytes, hashBlockBytes));
    this.#input.set(salt);
    this.#dataInput = this.#input.subarray(0, salt.length + dataBlockBytes);
    this.#hashInput = this.#input.subarray(0, salt.length + hashBlockBytes);
  }

  /** Returns the digest of a whole data block or hash block, one character per byte. */
  digest(block: Uint8Array): string {
    this.#input.set(block, this.#saltBytes);
    const { dataBlockBytes, hashAlgorithm } = this.#format;
    return hash(hashAlgorithm, block.length === dataBlockBytes ? this.#dataInput : this.#hashInput, 'binary');
  }

  /** Returns the digest of a block that the salt already precedes. */
  digestSalted(saltAndBlock: Uint8Array): string {
    return hash(this.#format.hashAlgorithm, saltAndBlock, 'binary');
  }

  /**
   * Returns the digest of a zero data block (level 0), or of a hash block full of digests one level
   * below.
   */
  zeroDigest(level: number): string {
    let digest = this.#zeroDigests[level];
    if (digest === undefined) {
      digest = this.digest(
        level === 0 ? new Uint8Array(this.#format.dataBlockBytes) : this.zeroSubtreeBlock(level - 1),
      );
      this.#zeroDigests[level] = digest;
    }
    return digest;
  }

  /** Returns a hash block of `level` whose data blocks are all zero. */
  zeroSubtreeBlock(level: number): Uint8Array {
    let block = this.#zeroSubtreeBlocks[level];
    if (block === undefined) {
      const slot = Buffer.alloc(this.slotBytes);
      slot.write(this.zeroDigest(level), 'latin1');
      block = Buffer.alloc(this.#format.hashBlockBytes, slot);
      this.#zeroSubtreeBlocks[level] = block;
    }
    return block;
  }
}

/** Reports whether a block is all zeros. `zeros` is at least as long as the block. */
export function isZeroBlock(block: Uint8Array, zeros: Buffer): boolean {
  // Nearly every block with data has a non-zero byte at its start, middle or end. Checking these
  // bytes needs no call.
  const last = block.length - 1;
  if (block[0] !== 0 || block[last] !== 0 || block[last >> 1] !== 0) return false;
  return zeros.compare(block, 0, block.length, 0, block.length) === 0;
}
