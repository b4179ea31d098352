import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  DEFAULTS,
  formatTheirs,
  SALT,
  sampleData,
  treeArguments,
  UUID,
  veritysetup,
  writeImage,
} from '../../testing/verity/fixture.ts';
import { MemoryImage } from '../block/block.ts';
import { FileImage } from '../block/file.ts';
import {
  readVeritySuperblock,
  VERITY_HASHES,
  VerityBuilder,
  type VerityFormat,
  type VerityHash,
  verifyVerity,
  verityDataBytes,
  verityHashBytes,
} from './verity.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'verity-formats-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Compares our tree with that of veritysetup, and lets each verify the tree of the other. */
function expectSame(format: VerityFormat, blockCount: number, superblock = true, gapBytes = 0): void {
  const data = sampleData(blockCount, format.dataBlockBytes);
  const alignmentBytes = superblock ? 512 : format.hashBlockBytes;
  const hashOffsetBytes = Math.ceil(data.length / alignmentBytes) * alignmentBytes + gapBytes;
  const ours = join(folder, 'ours.img');
  const theirs = join(folder, 'theirs.img');
  const rootHash = writeImage(ours, data, { ...format, hashOffsetBytes, superblock });
  writeFileSync(theirs, data);
  // veritysetup writes a superblock in whole pages.
  truncateSync(theirs, hashOffsetBytes + 2 ** 20);
  const tree = { dataBlockCount: blockCount, hashOffsetBytes, superblock };
  expect(formatTheirs(theirs, format, tree)).toBe(rootHash);
  const ourBytes = readFileSync(ours);
  // For a single data block, veritysetup writes a superblock that does not fill its block.
  truncateSync(theirs, ourBytes.length);
  expect(readFileSync(theirs).equals(ourBytes)).toBe(true);
  veritysetup('verify', ours, ours, rootHash, ...treeArguments(format, tree));
  const image = FileImage.open(theirs);
  const parameters = superblock ? {} : { parameters: { ...format, dataBlockCount: blockCount } };
  expect(verifyVerity(image, { hashOffsetBytes, rootHash, ...parameters })).toMatchObject({
    dataBlockCount: blockCount,
    hashAlgorithm: format.hashAlgorithm,
  });
  image.close();
}

describe('a tree equals that of veritysetup, byte for byte', () => {
  test.each(VERITY_HASHES)('hash %s', (hashAlgorithm) => {
    for (const blockCount of [1, 2, 130, 300]) expectSame({ ...DEFAULTS, hashAlgorithm }, blockCount);
  });

  test.each([
    [512, 512],
    [1024, 4096],
    [4096, 1024],
    [512, 65536],
    [65536, 512],
    [8192, 8192],
    [65536, 65536],
    [524288, 4096],
    [4096, 524288],
  ])('data blocks of %i bytes, hash blocks of %i', (dataBlockBytes, hashBlockBytes) => {
    for (const blockCount of [1, 2, 17, 40])
      expectSame({ ...DEFAULTS, dataBlockBytes, hashBlockBytes }, blockCount);
  });

  test('without a superblock', () => {
    for (const blockCount of [1, 2, 129, 200]) expectSame(DEFAULTS, blockCount, false);
  });

  test('at an offset within a hash block, and after a gap', () => {
    for (const gapBytes of [512, 3584, 4096, 5120]) expectSame(DEFAULTS, 130, true, gapBytes);
  });

  test('in any format', () => {
    const block = fc.integer({ min: 9, max: 16 }).map((bits) => 2 ** bits);
    fc.assert(
      fc.property(
        fc.record({
          hashAlgorithm: fc.constantFrom<VerityHash>(...VERITY_HASHES),
          dataBlockBytes: block,
          hashBlockBytes: block,
          salt: fc.uint8Array({ maxLength: 256 }),
        }),
        fc.integer({ min: 1, max: 70 }),
        fc.boolean(),
        (format, blockCount, superblock) => expectSame(format, blockCount, superblock),
      ),
      { numRuns: 40 },
    );
  });

  test('veritysetup verifies and dumps a tree in a separate image', () => {
    const format: VerityFormat = { ...DEFAULTS, hashAlgorithm: 'sha512', hashBlockBytes: 1024 };
    const data = sampleData(200);
    const hashImage = new MemoryImage(verityHashBytes(data.length, format));
    const builder = new VerityBuilder(hashImage, {
      ...format,
      dataBytes: data.length,
      hashOffsetBytes: 0,
      uuid: UUID,
    });
    builder.update(data);
    const { rootHash } = builder.finish();
    const dataPath = join(folder, 'data.img');
    const hashPath = join(folder, 'hash.img');
    writeFileSync(dataPath, data);
    writeFileSync(hashPath, hashImage.read(0, hashImage.sizeBytes));
    veritysetup('verify', dataPath, hashPath, rootHash);
    const dump = veritysetup('dump', hashPath);
    for (const line of [
      `UUID: +\t${UUID}`,
      'Hash type: +\t1',
      'Data blocks: +\t200',
      'Data block size: +\t4096',
      'Hash blocks: +\t14',
      'Hash block size: +\t1024',
      'Hash algorithm: +\tsha512',
      `Salt: +\t${SALT.toString('hex')}`,
    ]) {
      expect(dump).toMatch(new RegExp(line));
    }
    const memory = new MemoryImage(data.length);
    memory.write(0, data);
    expect(verifyVerity(memory, { hashImage, hashOffsetBytes: 0, rootHash })).toMatchObject({ uuid: UUID });
    expect(readVeritySuperblock(hashImage, 0)).toEqual({
      ...format,
      salt: Uint8Array.from(SALT),
      uuid: UUID,
      dataBlockCount: 200,
    });
  });

  test('data and tree use as much of a partition as possible, in any format', () => {
    const block = fc.integer({ min: 9, max: 16 }).map((bits) => 2 ** bits);
    const total = fc.integer({ min: 2 ** 18, max: 2 ** 30 });
    fc.assert(
      fc.property(block, block, total, (dataBlockBytes, hashBlockBytes, totalBytes) => {
        const format = { salt: SALT, dataBlockBytes, hashBlockBytes };
        const dataBytes = verityDataBytes(totalBytes, format);
        expect(treeEnd(dataBytes, format)).toBeLessThanOrEqual(totalBytes);
        expect(treeEnd(dataBytes + dataBlockBytes, format)).toBeGreaterThan(totalBytes);
      }),
    );
  });
});

/** Returns the end of the written tree of `dataBytes` zeros that it follows. */
function treeEnd(
  dataBytes: number,
  format: Pick<VerityFormat, 'dataBlockBytes' | 'hashBlockBytes' | 'salt'>,
): number {
  let endBytes = dataBytes;
  const sink = {
    write(offsetBytes: number, bytes: Uint8Array): void {
      endBytes = Math.max(endBytes, offsetBytes + bytes.length);
    },
  };
  const builder = new VerityBuilder(sink, { ...format, dataBytes, hashOffsetBytes: dataBytes, uuid: UUID });
  builder.updateZeros(dataBytes);
  builder.finish();
  return endBytes;
}
