import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noise, prose } from '../../testing/noise.ts';
import { decompressLz4 } from './lz4-decoder.ts';
import { compressLz4 } from './lz4-encoder.ts';

function roundTrip(content: Uint8Array, level: number): Uint8Array {
  const packed = compressLz4(content, content.length + content.length / 255 + 64, level) as Uint8Array;
  const output = new Uint8Array(content.length);
  decompressLz4(packed, output);
  return output;
}

describe('LZ4', () => {
  test.each([1, 5, 9, 12])('decompresses to the original at level %i', (level) => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 300 }), fc.constantFrom('same', 'noise', 'prose')), {
          maxLength: 20,
        }),
        (parts) => {
          const content = Buffer.concat(
            parts.map(([length, kind]) =>
              kind === 'same'
                ? Buffer.alloc(length, 7)
                : kind === 'noise'
                  ? noise(length, length)
                  : prose(length),
            ),
          );
          expect(Buffer.compare(roundTrip(content, level), content)).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('stays within the limit, or returns undefined', () => {
    expect(compressLz4(noise(60_000), 60_000, 9)).toBeUndefined();
    expect(compressLz4(prose(60_000), 30_000, 9)?.length).toBeLessThanOrEqual(30_000);
  });

  test('decompresses any bytes without errors other than Lz4Error', () => {
    for (let run = 0; run < 3000; run++) {
      try {
        decompressLz4(randomBytes(run % 100), new Uint8Array(500));
      } catch (error) {
        expect((error as Error).constructor.name).toBe('Lz4Error');
      }
    }
  });
});
