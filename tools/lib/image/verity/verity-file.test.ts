import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MemoryImage } from '../../formats/block/block.ts';
import { FileImage } from '../../formats/block/file.ts';
import { UserError } from '../../formats/error/user-error.ts';
import { VerityBuilder, verityHashBytes } from '../../formats/verity/verity.ts';
import { DEFAULTS, SALT, sampleData, UUID, veritysetup } from '../../testing/verity/fixture.ts';
import { formatVerity, type VerityFileOptions, verifyVerityFile } from './verity-file.ts';

const BLOCK = 4096;
const MEBIBYTE = 1024 ** 2;

let folder = '';
let path = '';
let data = Buffer.alloc(0);
/**
 * The ranges with data: within blocks, across stripes, and with more than a stripe of zeros between
 * them.
 */
const WRITTEN: readonly (readonly [number, number])[] = [
  [5, 10_000],
  [MEBIBYTE, 9 * MEBIBYTE],
  [30 * MEBIBYTE, 1],
  [30 * MEBIBYTE + 2, 70_000],
];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'verity-file-'));
  path = join(folder, 'data');
  data = Buffer.alloc(40 * MEBIBYTE);
  const sample = sampleData(3 * 256, BLOCK);
  for (const [offsetBytes, lengthBytes] of WRITTEN) {
    for (let done = 0; done < lengthBytes; done += sample.length) {
      data.set(sample.subarray(0, Math.min(sample.length, lengthBytes - done)), offsetBytes + done);
    }
  }
  writeFileSync(path, data);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Returns the tree of the first `dataBytes` twice: of the builder, and computed from the file. */
async function trees(options: Omit<VerityFileOptions, 'uuid' | 'hashOffsetBytes'>): Promise<Buffer[]> {
  const whole = { ...options, uuid: UUID, hashOffsetBytes: 0 };
  const images = [0, 1].map(() => new MemoryImage(verityHashBytes(options.dataBytes, options)));
  const [built, parallel] = images as [MemoryImage, MemoryImage];
  const builder = new VerityBuilder(built, whole);
  builder.update(data.subarray(0, options.dataBytes));
  expect(await formatVerity(path, parallel, whole)).toEqual(builder.finish());
  return images.map((image) => Buffer.from(image.read(0, image.sizeBytes)));
}

describe('the tree of a file', () => {
  test.each([1, 2, 3])(
    'is that of the builder with %i workers, with and without known zeros',
    async (workers) => {
      for (const written of [undefined, WRITTEN]) {
        const [built, parallel] = await trees({
          dataBytes: data.length,
          salt: SALT,
          workers,
          ...(written === undefined ? {} : { written }),
        });
        expect(parallel?.equals(built as Buffer)).toBe(true);
      }
    },
  );

  test('is that of the builder for any format, size and number of workers', async () => {
    const block = fc.integer({ min: 9, max: 16 }).map((bits) => 2 ** bits);
    await fc.assert(
      fc.asyncProperty(
        block,
        block,
        fc.uint8Array({ maxLength: 256 }),
        fc.constantFrom('sha1', 'sha256', 'sha384'),
        fc.integer({ min: 1, max: 18 * MEBIBYTE }),
        fc.boolean(),
        async (dataBlockBytes, hashBlockBytes, salt, hashAlgorithm, sizeBytes, isSparse) => {
          const dataBytes = Math.ceil(sizeBytes / dataBlockBytes) * dataBlockBytes;
          const format = { dataBlockBytes, hashBlockBytes, salt, hashAlgorithm };
          const [built, parallel] = await trees({
            ...format,
            dataBytes,
            workers: 2,
            ...(isSparse ? { written: WRITTEN } : {}),
          });
          expect(parallel?.equals(built as Buffer)).toBe(true);
        },
      ),
      { numRuns: 12 },
    );
  });

  test('is verified by veritysetup and from the file, and the first bad block is named', async () => {
    const hashPath = join(folder, 'hash');
    const hashImage = FileImage.create(hashPath, verityHashBytes(data.length));
    const options = { dataBytes: data.length, hashOffsetBytes: 0, salt: SALT, uuid: UUID };
    const { rootHash } = await formatVerity(path, hashImage, options);
    hashImage.close();
    veritysetup('verify', path, hashPath, rootHash);
    expect(await verifyVerityFile(path, { hashPath, hashOffsetBytes: 0, rootHash })).toMatchObject({
      ...DEFAULTS,
      salt: Uint8Array.from(SALT),
    });
    const damaged = join(folder, 'damaged');
    const bytes = Buffer.from(data);
    for (const block of [9000, 2100, 5000]) bytes[block * BLOCK + 7] = 1 ^ (bytes[block * BLOCK + 7] ?? 0);
    writeFileSync(damaged, bytes);
    for (const workers of [1, 2]) {
      await expect(
        verifyVerityFile(damaged, { hashPath, hashOffsetBytes: 0, rootHash, workers }),
      ).rejects.toThrow(`${damaged}: data block 2100 (at byte ${2100 * BLOCK}) does not have the digest`);
    }
  });

  test('is refused for a file that ends before its data, with any number of workers', async () => {
    const short = join(folder, 'short');
    writeFileSync(short, data.subarray(0, 100));
    truncateSync(short, 39 * MEBIBYTE);
    const sink = new MemoryImage(MEBIBYTE);
    const options = { dataBytes: data.length, hashOffsetBytes: 0, salt: SALT, uuid: UUID };
    for (const workers of [1, 2]) {
      const attempt = formatVerity(short, sink, { ...options, workers });
      await expect(attempt).rejects.toThrow(UserError);
      await expect(attempt).rejects.toThrow(
        `${short}: the file ends at byte ${39 * MEBIBYTE}, before its data ends`,
      );
    }
    await expect(
      formatVerity(path, sink, {
        ...options,
        written: [
          [4096, 1],
          [0, 1],
        ],
      }),
    ).rejects.toThrow('ranges of data are not ascending');
  });
});
