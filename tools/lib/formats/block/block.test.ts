import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { type BlockSink, type BlockSource, MemoryImage, subSink, subSource } from './block.ts';
import { FileImage } from './file.ts';

const SIZE_BYTES = 200_000;
const folder = mkdtempSync(join(tmpdir(), 'block-test-'));
const path = join(folder, 'image');

afterAll(() => rmSync(folder, { recursive: true }));

describe.each([
  ['in memory', () => new MemoryImage(SIZE_BYTES)],
  ['in a file', () => FileImage.create(path, SIZE_BYTES)],
])('an image %s', (_where, create: () => BlockSink & BlockSource) => {
  test('returns the bytes that were written last, and zeros elsewhere', () => {
    const write = fc.record({
      offsetBytes: fc.integer({ min: 0, max: SIZE_BYTES - 70_000 }),
      lengthBytes: fc.integer({ min: 0, max: 70_000 }),
      value: fc.integer({ min: 1, max: 255 }),
    });
    fc.assert(
      fc.property(fc.array(write, { maxLength: 8 }), (writes) => {
        const image = create();
        const expected = new Uint8Array(SIZE_BYTES);
        for (const { offsetBytes, lengthBytes, value } of writes) {
          const bytes = new Uint8Array(lengthBytes).fill(value);
          image.write(offsetBytes, bytes);
          expected.set(bytes, offsetBytes);
        }
        expect(Buffer.compare(image.read(0, SIZE_BYTES), expected)).toBe(0);
        if (image instanceof FileImage) image.close();
      }),
      { numRuns: 20 },
    );
  });

  test('refuses to read or write beyond its end', () => {
    const image = create();
    expect(() => image.write(SIZE_BYTES - 1, new Uint8Array(2))).toThrow(RangeError);
    expect(() => image.read(SIZE_BYTES - 1, 2)).toThrow(RangeError);
    expect(() => image.write(-1, new Uint8Array(1))).toThrow(RangeError);
  });

  test('has parts that are addressed from their own start', () => {
    const image = create();
    subSink(image, 1000).write(24, Uint8Array.of(1, 2, 3));
    expect([...subSource(image, 1024, 3).read(0, 3)]).toEqual([1, 2, 3]);
    expect(() => subSource(image, 1024, 3).read(1, 3)).toThrow(RangeError);
  });
});

test('the file of an image has holes in the ranges that were not written', () => {
  const sizeBytes = 1 << 30;
  const image = FileImage.create(path, sizeBytes);
  image.write(sizeBytes - 1, Uint8Array.of(1));
  image.close();
  const STAT_BLOCK_BYTES = 512;
  expect(statSync(path).size).toBe(sizeBytes);
  expect(statSync(path).blocks * STAT_BLOCK_BYTES).toBeLessThan(1 << 20);
});
