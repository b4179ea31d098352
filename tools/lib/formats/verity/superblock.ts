import { UserError } from '../error/user-error.ts';
import { type Uuid, uuidFromBytes, uuidToBytes } from '../uuid/uuid.ts';
import { isVerityHash, SALT_LIMIT_BYTES, VERITY_HASHES, type VerityFormat, verityFormat } from './format.ts';

/**
 * The superblock of dm-verity's on-disk format, version 1, as cryptsetup's `lib/verity/verity.c` has it (`struct verity_sb`) and its
 * wiki page "DMVerity" describes it. All integers are little-endian.
 */

export const SUPERBLOCK_BYTES = 512;

const SIGNATURE = 'verity\0\0';
const VERSION = 1;
/** Salt before the data, and digests padded to a power of two. Type 0 is that of Chrome OS. */
const HASH_TYPE_NORMAL = 1;
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

export interface VeritySuperblock extends VerityFormat {
  readonly uuid: Uuid;
  readonly dataBlockCount: number;
}

/** Encodes the superblock. */
export function encodeSuperblock(superblock: VeritySuperblock): Uint8Array {
  const { uuid, salt, dataBlockCount, hashAlgorithm, dataBlockBytes, hashBlockBytes } = superblock;
  const bytes = Buffer.alloc(SUPERBLOCK_BYTES);
  bytes.write(SIGNATURE, FIELD.signature, 'latin1');
  bytes.writeUInt32LE(VERSION, FIELD.version);
  bytes.writeUInt32LE(HASH_TYPE_NORMAL, FIELD.hashType);
  bytes.set(uuidToBytes(uuid), FIELD.uuid);
  bytes.write(hashAlgorithm, FIELD.algorithm, 'latin1');
  bytes.writeUInt32LE(dataBlockBytes, FIELD.dataBlockBytes);
  bytes.writeUInt32LE(hashBlockBytes, FIELD.hashBlockBytes);
  bytes.writeBigUInt64LE(BigInt(dataBlockCount), FIELD.dataBlockCount);
  bytes.writeUInt16LE(salt.length, FIELD.saltBytes);
  bytes.set(salt, FIELD.salt);
  return bytes;
}

/** Decodes a superblock; throws a {@link UserError} that begins with `where` for what is none that this library knows. */
export function parseSuperblock(superblock: Uint8Array, where: string): VeritySuperblock {
  const bytes = Buffer.from(superblock.buffer, superblock.byteOffset, superblock.byteLength);
  const fail = (message: string): never => {
    throw new UserError(`${where}: ${message}`);
  };
  if (bytes.length < SUPERBLOCK_BYTES || bytes.toString('latin1', 0, FIELD.version) !== SIGNATURE) {
    fail('no verity superblock');
  }
  const expect = (field: string, value: number, expected: number): void => {
    if (value !== expected)
      fail(`the verity superblock's ${field} is ${value}, only ${expected} is supported`);
  };
  expect('version', bytes.readUInt32LE(FIELD.version), VERSION);
  expect('hash type', bytes.readUInt32LE(FIELD.hashType), HASH_TYPE_NORMAL);
  const hashAlgorithm = algorithmName(bytes);
  if (!isVerityHash(hashAlgorithm)) {
    return fail(
      `the verity superblock's algorithm is ${JSON.stringify(hashAlgorithm)}, supported are ${VERITY_HASHES.join(', ')}`,
    );
  }
  const saltBytes = bytes.readUInt16LE(FIELD.saltBytes);
  if (saltBytes > SALT_LIMIT_BYTES) fail(`the verity superblock has a salt of ${saltBytes} bytes`);
  const format = verityFormat(
    {
      hashAlgorithm,
      dataBlockBytes: bytes.readUInt32LE(FIELD.dataBlockBytes),
      hashBlockBytes: bytes.readUInt32LE(FIELD.hashBlockBytes),
      salt: Uint8Array.from(bytes.subarray(FIELD.salt, FIELD.salt + saltBytes)),
    },
    `${where}: verity superblock`,
  );
  const dataBlockCount = bytes.readBigUInt64LE(FIELD.dataBlockCount);
  // Half of the room for numbers is more than any disk, and leaves the other half to the tree.
  const limitBytes = BigInt(Math.floor(Number.MAX_SAFE_INTEGER / 2));
  if (dataBlockCount < 1n || dataBlockCount * BigInt(format.dataBlockBytes) > limitBytes) {
    fail(`the verity superblock has ${dataBlockCount} data blocks`);
  }
  const uuid = uuidFromBytes(bytes.subarray(FIELD.uuid, FIELD.algorithm));
  return { uuid, dataBlockCount: Number(dataBlockCount), ...format };
}

function algorithmName(bytes: Buffer): string {
  const field = bytes.toString('latin1', FIELD.algorithm, FIELD.algorithm + ALGORITHM_BYTES);
  return field.split('\0', 1)[0] ?? '';
}
