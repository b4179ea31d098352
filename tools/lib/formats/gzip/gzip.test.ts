import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { collect, filter } from '../../testing/compression/compression.ts';
import { prose } from '../../testing/noise.ts';
import { gzipDecompressStream } from './decompress.ts';
import { gzipMember } from './member.ts';

const gzip = (args: readonly string[], input: Uint8Array) => filter('gzip', 'gzip', args, input);

const CONTENTS = [Buffer.from('first'), Buffer.alloc(0), Buffer.alloc(3 << 20, 'abcdefg')];

describe('a member', () => {
  it.each(CONTENTS)('has a header without name, time and operating system', async (content) => {
    const member = Buffer.from(await gzipMember(content));
    expect(member.subarray(0, 10).toString('hex')).toBe('1f8b08000000000000ff');
  });

  it('has the bytes of the zlib of the pinned Node; if they change, every image changes', async () => {
    const digest = createHash('sha256')
      .update(await gzipMember(prose(2 << 20)))
      .digest('hex');
    expect(digest).toBe('bea9854e3adf1057c2e0eeae2864052df6567c7dcc2b249245790e4546c22f63');
  });

  it('is smaller at a higher level', async () => {
    const content = prose(500_000);
    expect((await gzipMember(content, 9)).length).toBeLessThan((await gzipMember(content, 1)).length);
  });
});

describe('concatenated members', () => {
  it('are one file for gzip and for the stream', async () => {
    const all = Buffer.concat(await Promise.all(CONTENTS.map((content) => gzipMember(content))));
    const expected = Buffer.concat(CONTENTS);
    expect(gzip(['-dc'], all).equals(expected)).toBe(true);
    const read = await collect(gzipDecompressStream([all.subarray(0, 7), all.subarray(7)], 'a.gz'));
    expect(read.equals(expected)).toBe(true);
  });
});

describe('damage is reported with the name of the file:', () => {
  const file = gzip(['-c'], Buffer.alloc(100_000, 'abcdefg'));

  it.each<[string, Uint8Array]>([
    ['something else', Buffer.from('not gzip at all')],
    ['a truncated file', file.subarray(0, -20)],
    ['a flipped bit', Buffer.from(file).fill(0xff, 60, 64)],
  ])('%s', async (_what, bytes) => {
    await expect(collect(gzipDecompressStream([bytes], 'a.gz'))).rejects.toThrow(
      'a.gz: its gzip data is damaged or truncated',
    );
  });
});
