import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { realTool } from '../../testing/real-tool.ts';
import { gzipDecompressStream } from './decompress.ts';
import { gzipMember } from './member.ts';

function gzip(args: readonly string[], input: Uint8Array): Buffer {
  const options = { input, maxBuffer: 1 << 28, stdio: ['pipe', 'pipe', 'pipe'] as ['pipe', 'pipe', 'pipe'] };
  return execFileSync(realTool('gzip', 'gzip'), args, options);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

/** Text that compresses, the same every time. */
function sampleText(): Buffer {
  const lines: string[] = [];
  let state = 1;
  for (let line = 0; line < 40_000; line++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    lines.push(`${line} ${(state >>> 16) % 1000} /usr/share/${(state >>> 8) % 97}/file-${state >>> 24}\n`);
  }
  return Buffer.from(lines.join(''));
}

const CONTENTS = [Buffer.from('first'), Buffer.alloc(0), Buffer.alloc(3 << 20, 'abcdefg')];

describe('a member', () => {
  it.each(CONTENTS)('has a header without name, time and system', async (content) => {
    const member = Buffer.from(await gzipMember(content));
    expect(member.subarray(0, 10).toString('hex')).toBe('1f8b08000000000000ff');
  });

  it('has the bytes of the zlib of the pinned Node: where they change, every image changes', async () => {
    const digest = createHash('sha256')
      .update(await gzipMember(sampleText()))
      .digest('hex');
    expect(digest).toBe('b5b35c3add6186b7524dbdf90c30fcf660a5b5e4629fe01ff59208b84a30a49e');
  });

  it('is smaller at a higher level', async () => {
    const content = Buffer.from(Array.from({ length: 50_000 }, (_, index) => `${index * index} `).join(''));
    expect((await gzipMember(content, 9)).length).toBeLessThan((await gzipMember(content, 1)).length);
  });
});

describe('members one after another', () => {
  it('are one file to gzip and to the stream', async () => {
    const all = Buffer.concat(await Promise.all(CONTENTS.map((content) => gzipMember(content))));
    const expected = Buffer.concat(CONTENTS);
    expect(gzip(['-dc'], all).equals(expected)).toBe(true);
    const read = await collect(gzipDecompressStream([all.subarray(0, 7), all.subarray(7)], 'a.gz'));
    expect(read.equals(expected)).toBe(true);
  });
});

describe('damage is refused with the file', () => {
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
