import { describe, expect, test } from 'vitest';
import { parseClusterBytes, parseCompression } from './compression.ts';

describe('--compression', () => {
  test.each([
    [undefined, undefined],
    ['none', undefined],
    ['zstd', { algorithm: 'zstd' }],
    ['lz4', { algorithm: 'lz4' }],
    ['zstd,19', { algorithm: 'zstd', level: 19 }],
  ])('%j is %j', (text, compression) => {
    expect(parseCompression(text, undefined)).toEqual(compression);
  });

  test('is combined with the cluster size', () => {
    expect(parseCompression('lz4,12', parseClusterBytes('128K'))).toEqual({
      algorithm: 'lz4',
      level: 12,
      clusterBytes: 131_072,
    });
  });

  test.each(['', 'lz', 'zstd,', 'zstd,x', 'lz4hc'])('%j is refused', (text) => {
    expect(() => parseCompression(text, undefined)).toThrow('write none, zstd or lz4');
  });
});
