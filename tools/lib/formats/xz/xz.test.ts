import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { realTool } from '../../testing/real-tool.ts';
import { isXz, xzContent, xzDecompressStream } from './xz.ts';

function compress(content: Uint8Array, ...args: string[]): Buffer {
  return execFileSync(realTool('xz', 'xz-utils'), ['-c', ...args], { input: content, maxBuffer: 1 << 26 });
}

const TEXT = Buffer.from(Array.from({ length: 300_000 }, (_, index) => `line ${index % 977}\n`).join(''));

describe('xzContent', () => {
  test.each([
    ['one block', []],
    ['CRC32, as in kernel modules', ['--check=crc32', '--lzma2=dict=2MiB']],
    ['many blocks', ['-T2', '--block-size=100KiB']],
    ['no check', ['--check=none']],
  ])('decompresses the output of xz: %s', async (_name, args) => {
    expect(TEXT.equals(await xzContent(compress(TEXT, ...args), 'x.xz'))).toBe(true);
  });

  test('an unsupported filter is named as the reason', async () => {
    await expect(xzContent(compress(TEXT, '--x86', '--lzma2'), 'x.xz')).rejects.toThrow(
      'a filter other than LZMA2',
    );
  });

  test.each(['65MiB', '1536MiB'])(
    'a dictionary of %s, which is too large, is named as the reason',
    async (dictionary) => {
      const bytes = compress(TEXT, `--lzma2=preset=0,dict=${dictionary}`);
      await expect(xzContent(bytes, 'x.xz')).rejects.toThrow(
        'x.xz: damaged .xz data: its dictionary is larger than the 64 MiB',
      );
    },
  );

  test('the dictionary of the highest level is supported', async () => {
    expect(TEXT.equals(await xzContent(compress(TEXT, '-9'), 'x.xz'))).toBe(true);
  });

  test('a compressed empty file is empty', async () => {
    expect(await xzContent(compress(Buffer.alloc(0)), 'x.xz')).toHaveLength(0);
  });

  test.each([
    ['truncated', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['without its footer', (bytes: Buffer) => bytes.subarray(0, bytes.length - 12)],
    ['a flipped byte', (bytes: Buffer) => Buffer.from(bytes).fill(bytes.readUInt8(300) ^ 1, 300, 301)],
    ['a second stream', (bytes: Buffer) => Buffer.concat([bytes, compress(Buffer.from('more'))])],
    ['other bytes after the stream', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('rubbish')])],
    ['no bytes', () => Buffer.alloc(0)],
    ['not xz', () => Buffer.from('#!/bin/sh')],
  ])('%s is refused in one line that names the file', async (_name, damage) => {
    await expect(xzContent(damage(compress(TEXT)), 'm.ko.xz')).rejects.toThrow(
      /^m\.ko\.xz: damaged \.xz data: .*$/,
    );
  });

  test('a reader that stops early does not block the next one', async () => {
    for await (const _ of xzDecompressStream([compress(TEXT)], 'a.xz')) break;
    expect(await xzContent(compress(Buffer.from('b')), 'b.xz')).toEqual(Buffer.from('b'));
  });
});

test('isXz recognizes the magic bytes', () => {
  expect(isXz(compress(TEXT))).toBe(true);
  expect(isXz(Buffer.from('\x7fELF'))).toBe(false);
});
