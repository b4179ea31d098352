import { hash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULTS, formatTheirs, SALT, UUID, veritysetup } from '../../testing/verity/fixture.ts';
import { MemoryImage } from '../block/block.ts';
import { FileImage } from '../block/file.ts';
import { VerityBuilder, verifyVerity, verityDataBytes, verityHashBytes } from './verity.ts';

const BLOCK = 4096;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'verity-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Returns a unique block, which is the same in every run. */
function dataBlock(index: number): Buffer {
  return Buffer.alloc(BLOCK, hash('sha256', String(index), 'buffer'));
}

/**
 * Fills an image file with data, followed by our tree. Blocks for which `isHole` is true remain
 * zeros.
 */
function build(
  path: string,
  blockCount: number,
  salt: Uint8Array = SALT,
  isHole: (index: number) => boolean = () => false,
): string {
  const dataBytes = blockCount * BLOCK;
  const image = FileImage.create(path, dataBytes + verityHashBytes(dataBytes));
  const builder = new VerityBuilder(image, { dataBytes, hashOffsetBytes: dataBytes, salt, uuid: UUID });
  for (let index = 0; index < blockCount; ) {
    let holes = 0;
    while (index + holes < blockCount && isHole(index + holes)) holes += 1;
    if (holes > 0) {
      builder.updateZeros(holes * BLOCK);
      index += holes;
      continue;
    }
    const block = dataBlock(index);
    image.write(index * BLOCK, block);
    builder.update(block);
    index += 1;
  }
  const { rootHash, hashSizeBytes } = builder.finish();
  image.close();
  expect(hashSizeBytes).toBe(verityHashBytes(dataBytes));
  return rootHash;
}

/** Lets veritysetup create the tree of the same data, and returns its root hash. */
function formatLikewise(path: string, theirs: string, blockCount: number, salt: Uint8Array = SALT): string {
  const dataBytes = blockCount * BLOCK;
  copyFileSync(path, theirs);
  truncateSync(theirs, dataBytes);
  const tree = { dataBlockCount: blockCount, hashOffsetBytes: dataBytes };
  const rootHash = formatTheirs(theirs, { ...DEFAULTS, salt }, tree);
  // For a single data block, veritysetup writes a superblock that does not fill its block.
  truncateSync(theirs, dataBytes + verityHashBytes(dataBytes));
  return rootHash;
}

function expectTheirTree(
  name: string,
  blockCount: number,
  salt?: Uint8Array,
  isHole?: (index: number) => boolean,
): void {
  const ours = join(folder, `${name}.img`);
  const theirs = join(folder, `${name}-theirs.img`);
  const rootHash = build(ours, blockCount, salt, isHole);
  expect(rootHash).toBe(formatLikewise(ours, theirs, blockCount, salt));
  expect(readFileSync(ours).equals(readFileSync(theirs))).toBe(true);
  veritysetup('verify', ours, ours, rootHash, `--hash-offset=${blockCount * BLOCK}`);
  const image = FileImage.open(ours);
  expect(verifyVerity(image, { hashOffsetBytes: blockCount * BLOCK, rootHash })).toMatchObject({
    uuid: UUID,
    dataBlockCount: blockCount,
  });
  image.close();
  rmSync(ours);
  rmSync(theirs);
}

describe('verity', () => {
  test.each([1, 2, 127, 128, 129, 255, 256, 257, 128 * 128 - 1, 128 * 128, 128 * 128 + 1])(
    'the tree of %i data blocks equals that of veritysetup, byte for byte',
    (blockCount) => expectTheirTree(`full-${blockCount}`, blockCount),
  );

  test.each([1, 128, 129, 16384, 16385, 128 * 128 + 300])(
    'the tree of a hole of %i blocks equals that of veritysetup',
    (blockCount) => expectTheirTree(`hole-${blockCount}`, blockCount, SALT, () => true),
  );

  test.each<[string, (index: number) => boolean]>([
    ['at the start', (index) => index < 5000],
    ['at the end', (index) => index >= 5000],
    ['in the middle', (index) => index >= 100 && index < 16600],
    ['in every other block', (index) => index % 2 === 0],
  ])('the tree of data with holes %s equals that of veritysetup', (name, isHole) =>
    expectTheirTree(`holes-${name}`, 17000, SALT, isHole),
  );

  test.each([0, 1, 64, 256])('the tree with a salt of %i bytes equals that of veritysetup', (saltBytes) =>
    expectTheirTree(`salt-${saltBytes}`, 130, Buffer.alloc(saltBytes, 0xa5)),
  );

  test('the size of the pieces of data does not change the tree', () => {
    const blockCount = 300;
    const data = Buffer.concat(
      Array.from({ length: blockCount }, (_, index) =>
        index % 7 < 3 ? Buffer.alloc(BLOCK) : dataBlock(index),
      ),
    );
    const whole = treeOf(data, [data.length]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 30 }), (pieceSizes) => {
        const tree = treeOf(data, pieceSizes);
        expect(tree.rootHash).toBe(whole.rootHash);
        expect(Buffer.compare(tree.bytes, whole.bytes)).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  test('data and tree use as much of a partition as possible', () => {
    for (const totalBlocks of [2, 3, 4, 5, 130, 131, 132, 133, 16000, 2621440]) {
      const dataBytes = verityDataBytes(totalBlocks * BLOCK);
      expect(dataBytes + verityHashBytes(dataBytes)).toBeLessThanOrEqual(totalBlocks * BLOCK);
      const more = dataBytes + BLOCK;
      expect(more + verityHashBytes(more)).toBeGreaterThan(totalBlocks * BLOCK);
    }
    expect(() => verityDataBytes(BLOCK)).toThrow('4096 bytes have no room for data and its hash tree');
  });

  test('for a hole of 10 GiB, only the tree is written', () => {
    const dataBytes = 10 * 1024 ** 3;
    let writtenBytes = 0;
    const sink = {
      write(_offsetBytes: number, bytes: Uint8Array): void {
        writtenBytes += bytes.length;
      },
    };
    const builder = new VerityBuilder(sink, {
      dataBytes,
      hashOffsetBytes: dataBytes,
      salt: SALT,
      uuid: UUID,
    });
    builder.updateZeros(dataBytes);
    const { hashSizeBytes } = builder.finish();
    expect(writtenBytes).toBe(hashSizeBytes - BLOCK + 512);
  });
});

/**
 * Passes `data` to a builder in pieces of the given sizes, all-zero pieces as holes, and returns
 * the tree.
 */
function treeOf(data: Buffer, pieceSizes: readonly number[]): { rootHash: string; bytes: Buffer } {
  const image = new MemoryImage(verityHashBytes(data.length));
  const builder = new VerityBuilder(image, {
    dataBytes: data.length,
    hashOffsetBytes: 0,
    salt: SALT,
    uuid: UUID,
  });
  let position = 0;
  for (const sizeBytes of [...pieceSizes, data.length]) {
    const piece = data.subarray(position, position + sizeBytes);
    if (piece.every((byte) => byte === 0)) builder.updateZeros(piece.length);
    else builder.update(piece);
    position += piece.length;
  }
  const { rootHash } = builder.finish();
  return { rootHash, bytes: Buffer.from(image.read(0, image.sizeBytes)) };
}

describe('an impossible tree is refused', () => {
  const sink = new MemoryImage(1024 ** 2);
  const options = { dataBytes: 2 * BLOCK, hashOffsetBytes: 2 * BLOCK, salt: SALT, uuid: UUID };

  test.each([
    [{ dataBytes: 0 }, '0 bytes of data: use a multiple of 4096'],
    [{ dataBytes: 4097 }, '4097 bytes of data: use a multiple of 4096'],
    [{ hashOffsetBytes: 100 }, 'the hash offset 100 is not a multiple of 512'],
    [{ hashOffsetBytes: 512, superblock: false }, 'the hash offset 512 is not a multiple of 4096'],
    [{ dataBlockBytes: 256 }, 'data blocks of 256 bytes: use a power of two from 512 to 524288'],
    [{ hashBlockBytes: 3000 }, 'hash blocks of 3000 bytes: use a power of two from 512 to 524288'],
    [{ hashAlgorithm: 'md5' as 'sha1' }, 'the hash "md5": use one of sha1, sha224, sha256, sha384, sha512'],
    [{ salt: new Uint8Array(257) }, 'a salt of 257 bytes: use 256 at most'],
    [{ uuid: 'x' }, 'verity: UUID "x" is not a UUID'],
  ])('%j', (change, message) => {
    expect(() => new VerityBuilder(sink, { ...options, ...change })).toThrow(message);
  });

  test('too much data, and missing data', () => {
    const builder = new VerityBuilder(sink, options);
    builder.update(new Uint8Array(BLOCK));
    expect(() => builder.updateZeros(BLOCK + 1)).toThrow('received more data than the 8192 bytes');
    expect(() => builder.update(new Uint8Array(BLOCK + 1))).toThrow('received more data than the 8192 bytes');
    expect(() => builder.finish()).toThrow('received 4096 bytes of data, 8192 were announced');
  });
});
