import { UserError } from '../error/user-error.ts';
import { viewOf } from '../structure/view.ts';
import { type Uuid, uuidFromBytes, uuidToBytes } from '../uuid/uuid.ts';
import {
  HASH_TYPE_NORMAL,
  isVerityHash,
  SALT_LIMIT_BYTES,
  SUPERBLOCK,
  SUPERBLOCK_SIGNATURE,
  SUPERBLOCK_VERSION,
  VERITY_HASHES,
  type VerityFormat,
  verityFormat,
} from './format.ts';

export interface VeritySuperblock extends VerityFormat {
  readonly uuid: Uuid;
  readonly dataBlockCount: number;
}

/** Encodes the superblock. */
export function encodeSuperblock(superblock: VeritySuperblock): Uint8Array {
  const { uuid, salt, dataBlockCount, hashAlgorithm, dataBlockBytes, hashBlockBytes } = superblock;
  const bytes = new Uint8Array(SUPERBLOCK.sizeBytes);
  const view = viewOf(bytes);
  const { at } = SUPERBLOCK;
  at.signature.setBytes(bytes, SUPERBLOCK_SIGNATURE);
  at.version.set(view, SUPERBLOCK_VERSION);
  at.hash_type.set(view, HASH_TYPE_NORMAL);
  at.uuid.setBytes(bytes, uuidToBytes(uuid));
  at.algorithm.setBytes(bytes, Buffer.from(hashAlgorithm, 'latin1'));
  at.data_block_size.set(view, dataBlockBytes);
  at.hash_block_size.set(view, hashBlockBytes);
  at.data_blocks.set(view, dataBlockCount);
  at.salt_size.set(view, salt.length);
  at.salt.setBytes(bytes, salt);
  return bytes;
}

/**
 * Decodes a superblock.
 *
 * @throws UserError that begins with `where` if the bytes are not a superblock that this library
 *   supports
 */
export function parseSuperblock(bytes: Uint8Array, where: string): VeritySuperblock {
  const fail = (message: string): never => {
    throw new UserError(`${where}: ${message}`);
  };
  const { at } = SUPERBLOCK;
  if (bytes.length < SUPERBLOCK.sizeBytes || !SUPERBLOCK_SIGNATURE.equals(at.signature.bytes(bytes))) {
    fail('no verity superblock');
  }
  const view = viewOf(bytes);
  const expect = (field: string, value: number, expected: number): void => {
    if (value !== expected)
      fail(`the verity superblock's ${field} is ${value}, only ${expected} is supported`);
  };
  expect('version', at.version.get(view), SUPERBLOCK_VERSION);
  expect('hash type', at.hash_type.get(view), HASH_TYPE_NORMAL);
  const hashAlgorithm = algorithmName(bytes);
  if (!isVerityHash(hashAlgorithm)) {
    return fail(
      `the verity superblock's algorithm is ${JSON.stringify(hashAlgorithm)}, supported are ${VERITY_HASHES.join(', ')}`,
    );
  }
  const saltBytes = at.salt_size.get(view);
  if (saltBytes > SALT_LIMIT_BYTES) fail(`the verity superblock has a salt of ${saltBytes} bytes`);
  const format = verityFormat(
    {
      hashAlgorithm,
      dataBlockBytes: at.data_block_size.get(view),
      hashBlockBytes: at.hash_block_size.get(view),
      salt: Uint8Array.from(at.salt.bytes(bytes).subarray(0, saltBytes)),
    },
    `${where}: verity superblock`,
  );
  const dataBlockCount = at.data_blocks.getBig(view);
  // Half of the range of safe integers is larger than any disk. The other half remains for the
  // tree.
  const limitBytes = BigInt(Math.floor(Number.MAX_SAFE_INTEGER / 2));
  if (dataBlockCount < 1n || dataBlockCount * BigInt(format.dataBlockBytes) > limitBytes) {
    fail(`the verity superblock has ${dataBlockCount} data blocks`);
  }
  const uuid = uuidFromBytes(at.uuid.bytes(bytes));
  return { uuid, dataBlockCount: Number(dataBlockCount), ...format };
}

function algorithmName(bytes: Uint8Array): string {
  const field = Buffer.from(SUPERBLOCK.at.algorithm.bytes(bytes)).toString('latin1');
  return field.split('\0', 1)[0] ?? '';
}
