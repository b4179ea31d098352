import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect, filter, sourceOf } from '../../testing/compression/compression.ts';
import { prose } from '../../testing/noise.ts';
import { mapInOrder } from '../pipeline/ordered.ts';
import { zstdFrame } from './compress.ts';
import { frameContents, zstdDecompressStream } from './decompress.ts';
import { CHECKSUM_FLAG, FRAME_HEADER, RESERVED_BIT } from './format.ts';
import { findFrames } from './frame.ts';
import { FrameWriter } from './frame-writer.ts';

const DESCRIPTOR_OFFSET = FRAME_HEADER.at.Frame_Header_Descriptor.offsetBytes;

const zstd = (args: readonly string[], input: Uint8Array) => filter('zstd', 'zstd', args, input);

function withReservedBit(frame: Uint8Array): Buffer {
  const changed = Buffer.from(frame);
  changed[DESCRIPTOR_OFFSET] = (changed[DESCRIPTOR_OFFSET] ?? 0) | RESERVED_BIT;
  return changed;
}

async function framesOf(content: Uint8Array, contentBytes: number): Promise<Buffer> {
  const frames: Uint8Array[] = [];
  const writer = new FrameWriter((frame) => frames.push(frame), { contentBytes });
  for (let offset = 0; offset < content.length; offset += 1000) {
    await writer.write(content.subarray(offset, offset + 1000));
  }
  await writer.finish();
  return Buffer.concat(frames);
}

const FRAME_SIZES = [0, 1, 255, 256, 257, 65791, 65792, 131072, 131073, 4 << 20];

describe('a frame', () => {
  it.each(FRAME_SIZES)(
    'of %i bytes states its content size, has a checksum, and zstd reads it',
    async (sizeBytes) => {
      const content = prose(sizeBytes);
      const frame = await zstdFrame(content);
      expect(findFrames(sourceOf(frame), 'a.zst')).toEqual([
        { offsetBytes: 0, lengthBytes: frame.length, contentOffsetBytes: 0, contentBytes: sizeBytes },
      ]);
      expect((frame[DESCRIPTOR_OFFSET] ?? 0) & CHECKSUM_FLAG).toBe(CHECKSUM_FLAG);
      expect(zstd(['-dc'], frame).equals(content)).toBe(true);
    },
  );

  it('is the same while the thread pool is busy', async () => {
    const content = prose(3 << 20);
    const alone = await zstdFrame(content);
    const crowd = await Promise.all(
      [7, 8, 9, 10, 11].flatMap((seed) => [zstdFrame(prose(2 << 20, seed)), zstdFrame(content)]),
    );
    expect(
      crowd.filter((_frame, index) => index % 2 === 1).every((frame) => Buffer.compare(frame, alone) === 0),
    ).toBe(true);
  });

  it('has the bytes of libzstd 1.5.7; if they change, every image changes', async () => {
    const digest = createHash('sha256')
      .update(await zstdFrame(prose(2 << 20)))
      .digest('hex');
    expect(digest).toBe('7de876d9e9b0dfd23dc3ed46cf8c177e530b90fea39df2fd0e6722aef290291e');
  });

  it('of a higher level is smaller', async () => {
    const content = Buffer.concat([prose(1 << 20), prose(1 << 20)]);
    expect((await zstdFrame(content, 19)).length).toBeLessThan((await zstdFrame(content, 1)).length);
  });
});

describe('a concatenation of frames', () => {
  it('is split into frames without decompressing, including skippable frames of other tools', async () => {
    const skippable = Buffer.from('5e2a4d1803000000616263', 'hex');
    const contents = [prose(300_000), prose(0), prose(70_000), Buffer.alloc(200_000)];
    const frames = await Promise.all(contents.map((content) => zstdFrame(content)));
    const all = Buffer.concat([...frames.slice(0, 2), skippable, ...frames.slice(2)]);
    const spans = findFrames(sourceOf(all), 'a.zst');
    expect(spans.map((span) => span.contentBytes)).toEqual([300_000, 0, 0, 70_000, 200_000]);
    expect(spans.map((span) => span.contentOffsetBytes)).toEqual([0, 300_000, 300_000, 300_000, 370_000]);
    expect(
      (await collect(frameContents(sourceOf(all), spans, 'a.zst'))).equals(Buffer.concat(contents)),
    ).toBe(true);
    expect(zstd(['-dc'], all).equals(Buffer.concat(contents))).toBe(true);
  });

  it('from the writer has frames of the requested size, for any writes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 20_000 }),
        fc.integer({ min: 300, max: 5000 }),
        async (sizeBytes, contentBytes) => {
          const content = prose(sizeBytes);
          const all = await framesOf(content, contentBytes);
          const spans = findFrames(sourceOf(all), 'a.zst');
          expect(spans.length).toBe(Math.ceil(sizeBytes / contentBytes));
          expect(spans.slice(0, -1).every((span) => span.contentBytes === contentBytes)).toBe(true);
          expect((await collect(frameContents(sourceOf(all), spans, 'a.zst'))).equals(content)).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('of other tools is read as a stream: no content size, a window of 128 MiB, several frames', async () => {
    const content = prose(5 << 20);
    const unsized = zstd(['-c', '--no-check'], content);
    const long = zstd(['-c', '--long=27'], content);
    const all = Buffer.concat([unsized, long]);
    const read = await collect(zstdDecompressStream([all.subarray(0, 1000), all.subarray(1000)], 'a.zst'));
    expect(read.equals(Buffer.concat([content, content]))).toBe(true);
    expect(() => findFrames(sourceOf(unsized), 'a.zst')).toThrow(
      'a.zst: offset 0: a zstd frame does not state the length',
    );
  });
});

describe('damage is reported with the name of the file and the place:', () => {
  const frame = zstdCompressSync(prose(300_000));

  it.each<[string, Uint8Array, string]>([
    ['something else', Buffer.from('not zstd at all'), 'a.zst: offset 0: no zstd frame starts here'],
    [
      'other bytes after a frame',
      Buffer.concat([frame, Buffer.from('x')]),
      `offset ${frame.length}: no zstd frame`,
    ],
    ['half a header', frame.subarray(0, 5), 'a zstd frame is truncated'],
    ['a missing last byte', frame.subarray(0, -1), 'a zstd frame is truncated'],
    ['half a block', frame.subarray(0, 1000), 'a zstd frame is truncated'],
    ['the reserved bit', withReservedBit(frame), 'the reserved bit'],
  ])('%s', (_what, bytes, message) => {
    expect(() => findFrames(sourceOf(bytes), 'a.zst')).toThrow(message);
  });

  it('a flipped bit', async () => {
    const damaged = Buffer.from(await zstdFrame(prose(300_000)));
    damaged[5000] = (damaged[5000] ?? 0) ^ 1;
    const spans = findFrames(sourceOf(damaged), 'a.zst');
    await expect(collect(frameContents(sourceOf(damaged), spans, 'a.zst'))).rejects.toThrow(
      'a.zst: offset 0: a zstd frame is damaged',
    );
    await expect(collect(zstdDecompressStream([damaged], 'a.zst'))).rejects.toThrow(
      'a.zst: offset 0: its zstd data is damaged',
    );
  });

  it('a truncated stream', async () => {
    for (const missingBytes of [1, 4, 10, frame.length - 20, frame.length - 3]) {
      const pieces = [frame, frame.subarray(0, 7), frame.subarray(7, -missingBytes)];
      await expect(collect(zstdDecompressStream(pieces, 'a.zst')), `${missingBytes} less`).rejects.toThrow(
        `a.zst: offset ${frame.length}: its zstd data is truncated`,
      );
    }
  });

  it('a frame that states less content than it has, or more than is supported', async () => {
    const span = { offsetBytes: 0, lengthBytes: frame.length, contentOffsetBytes: 0, contentBytes: 1000 };
    await expect(collect(frameContents(sourceOf(frame), [span], 'a.zst'))).rejects.toThrow(
      'a.zst: offset 0: a zstd frame',
    );
    const huge = { ...span, contentBytes: 1 << 30 };
    await expect(collect(frameContents(sourceOf(frame), [huge], 'a.zst'))).rejects.toThrow(
      'at most 67108864 are supported',
    );
  });
});

describe('work in order', () => {
  it('keeps the order of the items and the limit of concurrent work', async () => {
    let running = 0;
    let most = 0;
    const work = async (item: number): Promise<number> => {
      most = Math.max(most, ++running);
      // Later items end first.
      for (let turn = item; turn < 10; turn++) await setImmediate();
      running--;
      return item;
    };
    const results: number[] = [];
    for await (const result of mapInOrder([1, 2, 3, 4, 5, 6, 7], work, 3)) results.push(result);
    expect(results).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(most).toBe(3);
  });

  it('ends with the first error, and takes no more items', async () => {
    const taken: number[] = [];
    const items = function* () {
      for (let item = 0; item < 100; item++) {
        taken.push(item);
        yield item;
      }
    };
    const read = async () => {
      for await (const _ of mapInOrder(items(), async (item) =>
        item < 3 ? item : Promise.reject(new Error(`item ${item}`)),
      ));
    };
    await expect(read()).rejects.toThrow('item 3');
    expect(taken.length).toBeLessThan(8);
  });
});
