/** Reads files of zstd frames as a stream, from any tool and with any chunks. */

import { constants, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  collect,
  expectDamageDetected,
  filter,
  sourceOf,
  writeInPieces,
} from '../../testing/compression/compression.ts';
import { prose } from '../../testing/noise.ts';
import { UserError } from '../error/user-error.ts';
import {
  CONTENT_SIZE_FLAG_SHIFT,
  FRAME_HEADER,
  SINGLE_SEGMENT_FLAG,
  SKIPPABLE_HEADER,
  SKIPPABLE_MAGIC,
  TWO_BYTE_SIZE_OFFSET,
} from './format.ts';
import { FrameWriter, findFrames, frameContents, zstdDecompressStream, zstdFrame } from './zstd.ts';

const zstd = (args: readonly string[], input: Uint8Array) => filter('zstd', 'zstd', args, input);
const read = (...chunks: Uint8Array[]) => collect(zstdDecompressStream(chunks, 'a.zst'));

/**
 * Makes a frame that decoders skip (RFC 8878, section 3.1.2), as in files of pzstd and seekable
 * files.
 */
function skippable(content: Uint8Array, variant = 0): Buffer {
  const header = Buffer.alloc(SKIPPABLE_HEADER.sizeBytes);
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  SKIPPABLE_HEADER.at.Magic_Number.set(view, SKIPPABLE_MAGIC + variant);
  SKIPPABLE_HEADER.at.Frame_Size.set(view, content.length);
  return Buffer.concat([header, content]);
}

describe('a stream of frames', () => {
  const contents = [prose(1000), Buffer.alloc(0), Buffer.alloc(500, 'b'), prose(3)];
  const small = Buffer.concat([
    skippable(Buffer.from('first'), 15),
    ...contents.map((content) => zstdCompressSync(content)),
    skippable(Buffer.alloc(0)),
  ]);

  it('gives the contents of all frames, wherever the input is cut', async () => {
    const whole = Buffer.concat(contents);
    expect((await read(small)).equals(whole)).toBe(true);
    expect((await read(...Array.from(small, (byte) => Uint8Array.of(byte)))).equals(whole)).toBe(true);
    for (let cut = 1; cut < small.length; cut++) {
      const found = await read(small.subarray(0, cut), small.subarray(cut));
      expect(found.equals(whole), `cut at ${cut}`).toBe(true);
    }
    expect(zstd(['-dc'], small).equals(whole)).toBe(true);
  });

  it.each<[string, readonly string[]]>([
    ['zstd -T0', ['-T0', '-B512K']],
    ['zstd -19 --long=27', ['-19', '--long=27']],
    ['zstd without a checksum', ['--no-check']],
    ['zstd --fast', ['--fast=5']],
    ['zstd --rsyncable', ['-T2', '--rsyncable']],
  ])('of %s gives the original content', async (_what, options) => {
    const content = prose(3_000_000);
    const once = zstd(['-c', ...options], content);
    const twice = Buffer.concat([once, once]);
    const cut = once.length - 1;
    expect(
      (await read(twice.subarray(0, cut), twice.subarray(cut))).equals(Buffer.concat([content, content])),
    ).toBe(true);
  });

  it('in the form of pzstd, each after a skippable frame with its length, gives the original content', async () => {
    const parts = [prose(400_000), prose(70_000), prose(9)];
    const frames = parts.flatMap((part) => {
      const frame = zstdCompressSync(part);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(frame.length);
      return [skippable(length), frame];
    });
    const all = Buffer.concat(frames);
    expect((await read(all)).equals(Buffer.concat(parts))).toBe(true);
    const sized = Buffer.concat(await Promise.all(parts.map((part) => zstdFrame(part))));
    const spans = findFrames(sourceOf(sized), 'a.zst');
    expect((await collect(frameContents(sourceOf(sized), spans, 'a.zst'))).equals(Buffer.concat(parts))).toBe(
      true,
    );
  });

  it('has the same bytes for any pieces and any order of work in the thread pool', async () => {
    const content = prose(60_000);
    const written = async (cuts: readonly number[], waits: boolean): Promise<Buffer> => {
      const frames: Uint8Array[] = [];
      const writer = new FrameWriter((frame) => frames.push(frame), { contentBytes: 7000 });
      await writeInPieces(writer, content, cuts, async () => {
        if (waits) await new Promise((resolve) => setImmediate(resolve));
      });
      return Buffer.concat(frames);
    };
    const expected = await written([], false);
    zstd(['-t'], expected);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: content.length }), { maxLength: 9 }),
        fc.boolean(),
        async (cuts, waits) => {
          expect((await written(cuts, waits)).equals(expected)).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('a file that is not a stream of frames is refused, with its name and the place:', () => {
  const frame = zstdCompressSync(prose(1000), { params: { [constants.ZSTD_c_checksumFlag]: 1 } });

  it.each<[string, Uint8Array, string]>([
    ['an empty file', Buffer.alloc(0), 'offset 0: the file is empty'],
    [
      'other bytes after a frame',
      Buffer.concat([frame, Buffer.from('rubbish')]),
      `offset ${frame.length}: no zstd frame starts here`,
    ],
    [
      'zeros after a frame',
      Buffer.concat([frame, Buffer.alloc(9)]),
      `offset ${frame.length}: no zstd frame starts here`,
    ],
    [
      'half a magic number',
      Buffer.concat([frame, frame.subarray(0, 2)]),
      `offset ${frame.length}: its zstd data is truncated`,
    ],
    [
      'a skippable frame without its end',
      skippable(Buffer.alloc(9)).subarray(0, 12),
      'offset 0: its zstd data is truncated',
    ],
    [
      'a window of 256 MiB',
      zstd(['-c', '--long=28'], prose(9)),
      'needs a window of 268435456 bytes; at most 134217728 are supported',
    ],
    ['a window of 2 GiB', zstd(['-c', '--long=31'], prose(9)), 'needs a window of 2147483648 bytes'],
  ])('%s', async (_what, bytes, message) => {
    await expect(read(bytes)).rejects.toThrow(`a.zst: `);
    await expect(read(bytes)).rejects.toThrow(message);
    await expect(read(bytes)).rejects.toBeInstanceOf(UserError);
  });

  it('a frame truncated anywhere', async () => {
    for (let length = 1; length < frame.length; length++) {
      await expect(read(frame.subarray(0, length)), `${length} bytes`).rejects.toThrow(
        'its zstd data is truncated',
      );
    }
  });

  it.each([999, 1001, 300])('a wrong content size of %i', async (stated) => {
    // RFC 8878, section 3.1.1.1.4: two bytes that count from 256, after magic and descriptor of a
    // single segment.
    const wrong = Buffer.from(await zstdFrame(prose(1000)));
    const descriptor = wrong[FRAME_HEADER.at.Frame_Header_Descriptor.offsetBytes] as number;
    expect(descriptor >> CONTENT_SIZE_FLAG_SHIFT).toBe(1);
    expect(descriptor & SINGLE_SEGMENT_FLAG).not.toBe(0);
    wrong.writeUInt16LE(stated - TWO_BYTE_SIZE_OFFSET, FRAME_HEADER.sizeBytes);
    await expect(read(wrong)).rejects.toBeInstanceOf(UserError);
    const spans = findFrames(sourceOf(wrong), 'a.zst');
    await expect(collect(frameContents(sourceOf(wrong), spans, 'a.zst'))).rejects.toBeInstanceOf(UserError);
  });

  it('a long frame of empty blocks with a short content size', () => {
    const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 1]);
    const blocks = Buffer.alloc(3 * 500_000);
    expect(() => findFrames(sourceOf(Buffer.concat([header, blocks])), 'a.zst')).toThrow(
      'states 1 bytes of content',
    );
  });

  it('any damage, unless it has no effect', async () => {
    const original = Buffer.concat([frame, skippable(Buffer.from('x')), zstdCompressSync(prose(300))]);
    await expectDamageDetected(original, read);
  });
});
