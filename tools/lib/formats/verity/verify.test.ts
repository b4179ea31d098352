import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realTool } from '../../testing/real-tool.ts';
import { sampleData, withDamage, writeImage } from '../../testing/verity/fixture.ts';
import { MemoryImage } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import { SUPERBLOCK, verifyVerity } from './verity.ts';

const FORMAT = { dataBlockBytes: 512, hashBlockBytes: 1024 };
const BLOCK = FORMAT.dataBlockBytes;
const HASH_BLOCK = FORMAT.hashBlockBytes;
const BLOCK_COUNT = 1100;
const HASH_OFFSET = BLOCK_COUNT * BLOCK;
/** After the block of the superblock: one block of level 2, two of level 1, 35 of level 0. */
const LEVEL_2 = HASH_OFFSET + HASH_BLOCK;
const LEVEL_1 = LEVEL_2 + HASH_BLOCK;
const LEVEL_0 = LEVEL_1 + 2 * HASH_BLOCK;
const SALT = Buffer.alloc(32, 7);
const { at } = SUPERBLOCK;

let folder = '';
let path = '';
let rootHash = '';
let bytes = Buffer.alloc(0);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'verity-verify-'));
  path = join(folder, 'image');
  rootHash = writeImage(path, sampleData(BLOCK_COUNT, BLOCK), {
    ...FORMAT,
    hashOffsetBytes: HASH_OFFSET,
    salt: SALT,
  });
  bytes = readFileSync(path);
});
afterAll(() => rmSync(folder, { recursive: true }));

function verify(image: MemoryImage, root = rootHash, hashOffsetBytes = HASH_OFFSET): void {
  verifyVerity(image, { hashOffsetBytes, rootHash: root, name: 'root.img' });
}

/**
 * Reports whether veritysetup also finds the damage. It logs the position of damaged data only in
 * debug mode.
 */
function isRefusedByVeritysetup(image: MemoryImage, root = rootHash): boolean {
  const copy = join(folder, 'copy');
  writeFileSync(copy, image.read(0, image.sizeBytes));
  try {
    const args = ['verify', copy, copy, root, `--hash-offset=${HASH_OFFSET}`];
    execFileSync(realTool('veritysetup', 'cryptsetup-bin'), args, { stdio: 'pipe' });
    return false;
  } catch {
    return true;
  }
}

describe('verity names the first bad block', () => {
  test.each<[string, number, string]>([
    [
      'the first byte',
      0,
      'root.img: data block 0 (at byte 0) does not have the digest stored in the hash tree: it was changed',
    ],
    [
      'data',
      6 * BLOCK + 17,
      'root.img: data block 6 (at byte 3072) does not have the digest stored in the hash tree',
    ],
    ['a zero block', 16 * BLOCK + 17, 'root.img: data block 16 (at byte 8192) does not have'],
    [
      'the last byte',
      HASH_OFFSET - 1,
      `root.img: data block 1099 (at byte ${HASH_OFFSET - BLOCK}) does not have`,
    ],
    [
      'a digest of data',
      LEVEL_0 + 3 * HASH_BLOCK + 99,
      `root.img: hash block 3 of level 0 of the verity tree (at byte ${LEVEL_0 + 3 * HASH_BLOCK}) does not have the digest stored in level 1: it was changed`,
    ],
    [
      'the padding of the last hash block',
      LEVEL_0 + 35 * HASH_BLOCK - 1,
      'root.img: hash block 34 of level 0 of the verity tree',
    ],
    [
      'the middle of the tree',
      LEVEL_1 + HASH_BLOCK,
      `root.img: hash block 1 of level 1 of the verity tree (at byte ${LEVEL_1 + HASH_BLOCK}) does not have the digest stored in level 2`,
    ],
    [
      'the top',
      LEVEL_2 + 5,
      `root.img: hash block 0 of level 2 of the verity tree (at byte ${LEVEL_2}), the top, does not have the root hash`,
    ],
    ['the salt', HASH_OFFSET + at.salt.offsetBytes, ', the top, does not have the root hash'],
    ['the signature', HASH_OFFSET, `root.img at ${HASH_OFFSET}: no verity superblock`],
    [
      'the version',
      HASH_OFFSET + at.version.offsetBytes,
      "the verity superblock's version is 0, only 1 is supported",
    ],
    [
      'the hash type',
      HASH_OFFSET + at.hash_type.offsetBytes,
      "the verity superblock's hash type is 0, only 1 is supported",
    ],
    [
      'the algorithm',
      HASH_OFFSET + at.algorithm.offsetBytes,
      'the verity superblock\'s algorithm is "rha256", supported are sha1, sha224, sha256',
    ],
    [
      'the size of data blocks',
      HASH_OFFSET + at.data_block_size.offsetBytes,
      'verity superblock: data blocks of 513 bytes: use a power of two',
    ],
    ['the number of data blocks', HASH_OFFSET + at.data_blocks.offsetBytes + 2, 'do not fit into it'],
    [
      'the size of the salt',
      HASH_OFFSET + at.salt_size.offsetBytes + 1,
      'the verity superblock has a salt of 288 bytes',
    ],
  ])('%s', (_title, offsetBytes, message) => {
    const image = withDamage(bytes, offsetBytes);
    expect(() => verify(image)).toThrow(UserError);
    expect(() => verify(image)).toThrow(message);
    expect(isRefusedByVeritysetup(image)).toBe(true);
  });

  test('both accept an image without damage', () => {
    const image = withDamage(bytes, HASH_OFFSET + 500);
    expect(() => verify(image)).not.toThrow();
    expect(isRefusedByVeritysetup(image)).toBe(false);
  });

  test('another root hash, an invalid one, and an image that was cut', () => {
    const image = withDamage(bytes, HASH_OFFSET + 500);
    const other = rootHash.replace(/^./, rootHash.startsWith('0') ? '1' : '0');
    expect(() => verify(image, other)).toThrow(`the top, does not have the root hash ${other}`);
    expect(() => verify(image, 'abc')).toThrow(
      '"abc" is not a sha256 root hash: write 64 hexadecimal digits',
    );
    const cut = new MemoryImage(HASH_OFFSET + 2 * HASH_BLOCK);
    cut.write(0, bytes.subarray(0, cut.sizeBytes));
    expect(() => verify(cut)).toThrow('do not fit into it');
    expect(() => verify(cut, rootHash, cut.sizeBytes)).toThrow('no verity superblock');
  });

  test('the digest of a single data block is the root hash', () => {
    const single = join(folder, 'single');
    const root = writeImage(single, sampleData(1, BLOCK), { ...FORMAT, hashOffsetBytes: BLOCK, salt: SALT });
    expect(() => verify(withDamage(readFileSync(single), 9), root, BLOCK)).toThrow(
      `data block 0 (at byte 0) does not have the root hash ${root}`,
    );
  });
});

describe('the reader of trees', () => {
  const DATA_BLOCKS = 40;

  test('finds any change of the data or the tree, and throws only a UserError for any change', () => {
    const small = join(folder, 'small');
    const hashOffsetBytes = DATA_BLOCKS * 512;
    const salt = Buffer.alloc(8, 3);
    const root = writeImage(small, sampleData(DATA_BLOCKS, 512), { ...FORMAT, salt, hashOffsetBytes });
    const whole = readFileSync(small);
    const treeStart = Math.ceil((hashOffsetBytes + 512) / 1024) * 1024;
    const superblockOffset = fc.integer({ min: 0, max: 511 }).map((offset) => hashOffsetBytes + offset);
    const anywhere = fc.integer({ min: 0, max: whole.length - 1 });
    const change = fc.tuple(fc.oneof(anywhere, superblockOffset), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const image = new MemoryImage(whole.length);
        image.write(0, whole);
        for (const [offset, value] of changes) image.write(offset, Uint8Array.of(value));
        const isDamaged = changes.some(
          ([offset, value]) =>
            (offset < hashOffsetBytes || offset >= treeStart) &&
            whole[offset] !== value &&
            image.read(offset, 1)[0] !== whole[offset],
        );
        try {
          verifyVerity(image, { hashOffsetBytes, rootHash: root });
          expect(isDamaged).toBe(false);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
