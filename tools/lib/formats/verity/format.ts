import { UserError } from '../error/user-error.ts';

/**
 * What a dm-verity hash tree is made with: cryptsetup's wiki page "DMVerity" and its `lib/verity/verity_hash.c`, and the kernel's
 * `Documentation/admin-guide/device-mapper/verity.rst`. Hash type 1: the salt before the data.
 */

/** Hash algorithms by the name that superblock and kernel have for them, with the bytes of a digest. */
const DIGEST_BYTES = { sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 } as const;

export type VerityHash = keyof typeof DIGEST_BYTES;

export const DEFAULT_BLOCK_BYTES = 4096;
export const DEFAULT_HASH: VerityHash = 'sha256';

/** `VERITY_BLOCK_SIZE_OK` of cryptsetup's `lib/internal.h`. The kernel takes blocks up to its page size. */
const BLOCK_BYTES_MINIMUM = 512;
const BLOCK_BYTES_MAXIMUM = 512 * 1024;

/** The superblock's field for it has so many bytes. */
export const SALT_LIMIT_BYTES = 256;

/** How blocks are hashed, and how digests lie in hash blocks. */
export interface VerityFormat {
  readonly hashAlgorithm: VerityHash;
  /** Powers of two from 512 to 524,288. */
  readonly dataBlockBytes: number;
  readonly hashBlockBytes: number;
  /** 0 to 256 bytes. */
  readonly salt: Uint8Array;
}

/** {@link VerityFormat} as callers give it: blocks of 4096 bytes and SHA-256 by default. */
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
 * @throws UserError that begins with `where` for a block size, a hash or a salt that dm-verity does not have
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

/** The room of a digest in a hash block: hash type 1 pads it with zeros to a power of two. */
export function digestSlotBytes(hashAlgorithm: VerityHash): number {
  return 2 ** Math.ceil(Math.log2(DIGEST_BYTES[hashAlgorithm]));
}

/** How many digests a hash block holds; they fill it. */
export function digestsPerBlock({ hashAlgorithm, hashBlockBytes }: VerityFormat): number {
  return hashBlockBytes / digestSlotBytes(hashAlgorithm);
}
