import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { noise } from '../../testing/noise.ts';
import { streamHash } from './hashing.ts';

describe.each([
  ['on this thread', 0],
  ['on a separate thread', 1e9],
])('a stream hashed %s', (_, expectedBytes) => {
  test('has the digest of its bytes, from slots and from other buffers', async () => {
    const hash = streamHash(expectedBytes);
    const expected = createHash('sha256');
    for (let round = 0; round < 20; round++) {
      const content = noise(100_000 + round, round * 2 + 1);
      const slot = hash.slot();
      slot.set(content);
      hash.put(content.length);
      hash.update(content.subarray(round));
      expected.update(content).update(content.subarray(round));
    }
    hash.update(noise(3_000_000));
    expected.update(noise(3_000_000));
    expect(await hash.finish()).toBe(expected.digest('hex'));
  });

  test('can be closed without a digest', async () => {
    const hash = streamHash(expectedBytes);
    hash.update(noise(10));
    await hash.close();
  });
});
