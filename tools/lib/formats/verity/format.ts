/**
 * The on-disk format of a dm-verity hash tree, hash type 1: cryptsetup's wiki page "DMVerity", its
 * `lib/verity/verity.c` and `verity_hash.c`, and the kernel's
 * `Documentation/admin-guide/device-mapper/verity.rst`.
 */
import { UserError } from '../error/user-error.ts';
import { structure } from '../structure/structure.ts';

/** cryptsetup `lib/verity/verity.c`, struct verity_sb. All integers are little-endian. */
export const SUPERBLOCK = structure([
  [0, 8, 'signature'],
  [8, 4, 'version'],
  [12, 4, 'hash_type'],
  [16, 16, 'uuid'],
  [32, 32, 'algorithm'],
  [64, 4, 'data_block_size'],
  [68, 4, 'hash_block_size'],
  [72, 8, 'data_blocks'],
  [80, 2, 'salt_size'],
  [82, 6, '_pad1'],
  [88, 256, 'salt'],
  [344, 168, '_pad2'],
]);
export const SUPERBLOCK_SIGNATURE = Buffer.from('verity\0\0', 'latin1');
export const SUPERBLOCK_VERSION = 1;
/** The salt precedes the data, and digests are padded to a power of two. Chrome OS has type 0. */
export const HASH_TYPE_NORMAL = 1;

/** The hash algorithms, by their name in superblock and kernel, with the bytes of a digest. */
const DIGEST_BYTES = { sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 } as const;

export type VerityHash = keyof typeof DIGEST_BYTES;

export const DEFAULT_BLOCK_BYTES = 4096;
export const DEFAULT_HASH: VerityHash = 'sha256';

/** cryptsetup `lib/internal.h`, `VERITY_BLOCK_SIZE_OK`. The kernel's limit is its page size. */
const BLOCK_BYTES_MINIMUM = 512;
const BLOCK_BYTES_MAXIMUM = 512 * 1024;

/** The longest salt that fits in the superblock. */
export const SALT_LIMIT_BYTES = SUPERBLOCK.at.salt.lengthBytes;

/** How blocks are hashed, and how digests are stored in hash blocks. */
export interface VerityFormat {
  readonly hashAlgorithm: VerityHash;
  /** Powers of two from 512 to 524,288. */
  readonly dataBlockBytes: number;
  readonly hashBlockBytes: number;
  /** 0 to 256 bytes. */
  readonly salt: Uint8Array;
}

/** A {@link VerityFormat} with defaults: blocks of 4096 bytes, and SHA-256. */
export type VerityFormatOptions = Pick<VerityFormat, 'salt'> & Partial<VerityFormat>;

export function isVerityHash(name: string): name is VerityHash {
  return Object.hasOwn(DIGEST_BYTES, name);
}

export const VERITY_HASHES = Object.keys(DIGEST_BYTES) as readonly VerityHash[];

function isBlockSize(bytes: number): boolean {
  return bytes >= BLOCK_BYTES_MINIMUM && bytes <= BLOCK_BYTES_MAXIMUM && Number.isInteger(Math.log2(bytes));
}

/**
 * Fills in the defaults.
 *
 * @throws UserError that begins with `where` for a block size, a hash or a salt that dm-verity does
 *   not support
 */
export function verityFormat(options: VerityFormatOptions, where = 'verity'): VerityFormat {
  const {
    hashAlgorithm = DEFAULT_HASH,
    dataBlockBytes = DEFAULT_BLOCK_BYTES,
    hashBlockBytes = DEFAULT_BLOCK_BYTES,
    salt,
  } = options;
  for (const [kind, bytes] of [
    ['data', dataBlockBytes],
    ['hash', hashBlockBytes],
  ] as const) {
    if (!isBlockSize(bytes)) {
      throw new UserError(
        `${where}: ${kind} blocks of ${bytes} bytes: use a power of two from ${BLOCK_BYTES_MINIMUM} to ${BLOCK_BYTES_MAXIMUM}`,
      );
    }
  }
  if (!isVerityHash(hashAlgorithm)) {
    throw new UserError(`${where}: the hash "${hashAlgorithm}": use one of ${VERITY_HASHES.join(', ')}`);
  }
  if (salt.length > SALT_LIMIT_BYTES) {
    throw new UserError(`${where}: a salt of ${salt.length} bytes: use ${SALT_LIMIT_BYTES} at most`);
  }
  return { hashAlgorithm, dataBlockBytes, hashBlockBytes, salt };
}

export function digestBytes(hashAlgorithm: VerityHash): number {
  return DIGEST_BYTES[hashAlgorithm];
}

/**
 * Returns the space that a digest takes in a hash block: hash type 1 pads it with zeros to a power
 * of two.
 */
export function digestSlotBytes(hashAlgorithm: VerityHash): number {
  return 2 ** Math.ceil(Math.log2(DIGEST_BYTES[hashAlgorithm]));
}

/** Returns the number of digests in a hash block. They fill it completely. */
export function digestsPerBlock({ hashAlgorithm, hashBlockBytes }: VerityFormat): number {
  return hashBlockBytes / digestSlotBytes(hashAlgorithm);
}
