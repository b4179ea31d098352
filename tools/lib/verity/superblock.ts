import { UserError } from '../error/user-error.ts';
import { type Uuid, uuidFromBytes, uuidToBytes } from '../uuid/uuid.ts';

/**
 * The superblock of dm-verity's on-disk format, version 1, as cryptsetup's `lib/verity/verity.c` has it and its wiki
 * page "DMVerity" describes it. All integers are little-endian.
 */

export const BLOCK_BYTES = 4096;
/** SHA-256. */
export const DIGEST_BYTES = 32;
export const DIGESTS_PER_BLOCK = BLOCK_BYTES / DIGEST_BYTES;

export const SUPERBLOCK_BYTES = 512;
export const SALT_LIMIT_BYTES = 256;

const SIGNATURE = 'verity\0\0';
const VERSION = 1;
/** Salt before the data, and digests padded to a power of two. Type 0 is that of Chrome OS. */
const HASH_TYPE_NORMAL = 1;
const ALGORITHM = 'sha256';
const ALGORITHM_BYTES = 32;

const FIELD = {
  signature: 0,
  version: 8,
  hashType: 12,
  uuid: 16,
  algorithm: 32,
  dataBlockBytes: 64,
  hashBlockBytes: 68,
  dataBlockCount: 72,
  saltBytes: 80,
  salt: 88,
} as const;

export interface VeritySuperblock {
  readonly uuid: Uuid;
  readonly salt: Uint8Array;
  readonly dataBlockCount: number;
}

/** Encodes the superblock. */
export function encodeSuperblock(superblock: VeritySuperblock): Uint8Array {
  const { uuid, salt, dataBlockCount } = superblock;
  const bytes = Buffer.alloc(SUPERBLOCK_BYTES);
  bytes.write(SIGNATURE, FIELD.signature, 'latin1');
  bytes.writeUInt32LE(VERSION, FIELD.version);
  bytes.writeUInt32LE(HASH_TYPE_NORMAL, FIELD.hashType);
  bytes.set(uuidToBytes(uuid), FIELD.uuid);
  bytes.write(ALGORITHM, FIELD.algorithm, 'latin1');
  bytes.writeUInt32LE(BLOCK_BYTES, FIELD.dataBlockBytes);
  bytes.writeUInt32LE(BLOCK_BYTES, FIELD.hashBlockBytes);
  bytes.writeBigUInt64LE(BigInt(dataBlockCount), FIELD.dataBlockCount);
  bytes.writeUInt16LE(salt.length, FIELD.saltBytes);
  bytes.set(salt, FIELD.salt);
  return bytes;
}

/** Decodes a superblock; throws a {@link UserError} that begins with `where` for what is none of version 1 with SHA-256. */
export function parseSuperblock(superblock: Uint8Array, where: string): VeritySuperblock {
  const bytes = Buffer.from(superblock.buffer, superblock.byteOffset, superblock.byteLength);
  const fail = (message: string): never => {
    throw new UserError(`${where}: ${message}`);
  };
  if (bytes.length < SUPERBLOCK_BYTES || bytes.toString('latin1', 0, FIELD.version) !== SIGNATURE) {
    fail('no verity superblock');
  }
  const expect = (field: string, value: number | string, expected: number | string): void => {
    if (value !== expected)
      fail(`the verity superblock's ${field} is ${value}, only ${expected} is supported`);
  };
  const algorithm = bytes.toString('latin1', FIELD.algorithm, FIELD.algorithm + ALGORITHM_BYTES);
  expect('version', bytes.readUInt32LE(FIELD.version), VERSION);
  expect('hash type', bytes.readUInt32LE(FIELD.hashType), HASH_TYPE_NORMAL);
  expect('algorithm', algorithm.split('\0', 1)[0] ?? '', ALGORITHM);
  expect('data block size', bytes.readUInt32LE(FIELD.dataBlockBytes), BLOCK_BYTES);
  expect('hash block size', bytes.readUInt32LE(FIELD.hashBlockBytes), BLOCK_BYTES);
  const saltBytes = bytes.readUInt16LE(FIELD.saltBytes);
  const dataBlockCount = bytes.readBigUInt64LE(FIELD.dataBlockCount);
  if (saltBytes > SALT_LIMIT_BYTES) fail(`the verity superblock has a salt of ${saltBytes} bytes`);
  if (dataBlockCount < 1n || dataBlockCount * BigInt(BLOCK_BYTES) > BigInt(Number.MAX_SAFE_INTEGER)) {
    fail(`the verity superblock has ${dataBlockCount} data blocks`);
  }
  return {
    uuid: uuidFromBytes(bytes.subarray(FIELD.uuid, FIELD.algorithm)),
    salt: Uint8Array.from(bytes.subarray(FIELD.salt, FIELD.salt + saltBytes)),
    dataBlockCount: Number(dataBlockCount),
  };
}
