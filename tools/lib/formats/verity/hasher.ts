import { hash } from 'node:crypto';
import { digestSlotBytes, type VerityFormat } from './format.ts';

/**
 * Digests of the salt followed by a block, each in one call.
 *
 * Measured for a block of 4 KiB: the copy of a hash object that has taken the salt 3.4 µs, the one-shot call with a Buffer as result
 * 2.8 µs, and with a Latin-1 string as result 2.2 µs, of which hashing itself is 2.0 µs.
 */
export class SaltedHasher {
  /** The bytes between two digests in a hash block. */
  readonly slotBytes: number;
  readonly #format: VerityFormat;
  readonly #saltBytes: number;
  /** The salt, and room for a block of either kind behind it. */
  readonly #input: Buffer;
  readonly #dataInput: Buffer;
  readonly #hashInput: Buffer;
  /** By level: the digest of a data block of zeros, of a hash block of such digests, and so on. */
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

  /** The digest of a whole data block or hash block, one character a byte. */
  digest(block: Uint8Array): string {
    this.#input.set(block, this.#saltBytes);
    const { dataBlockBytes, hashAlgorithm } = this.#format;
    return hash(hashAlgorithm, block.length === dataBlockBytes ? this.#dataInput : this.#hashInput, 'binary');
  }

  /** The digest of a block whose salt stands before it already. */
  digestSalted(saltAndBlock: Uint8Array): string {
    return hash(this.#format.hashAlgorithm, saltAndBlock, 'binary');
  }

  /** The digest of a data block of zeros (level 0), of a hash block full of such digests (level 1), and so on. */
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

  /** A hash block of `level` that is full of digests of zeros. */
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

/** Tells whether a block is all zeros; `zeros` has at least its length. */
export function isZeroBlock(block: Uint8Array, zeros: Buffer): boolean {
  // Nearly every other block shows in its first byte, its middle or its last, without a call.
  const last = block.length - 1;
  if (block[0] !== 0 || block[last] !== 0 || block[last >> 1] !== 0) return false;
  return zeros.compare(block, 0, block.length, 0, block.length) === 0;
}
