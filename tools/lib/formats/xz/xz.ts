/** Decompresses .xz files, which Debian uses for kernel modules and inside packages. */

import { ReadableStream } from 'node:stream/web';
import xz from 'xz-decompress';
import { UserError } from '../error/user-error.ts';
import { FOOTER_MAGIC, HEADER_MAGIC, INDEX_INDICATOR, STREAM_FOOTER } from './format.ts';

/**
 * The number of bytes that are kept from the end of the file, to find the index. They hold the
 * index of 50,000 blocks.
 */
const TAIL_BYTES = 1 << 20;
const INPUT_CHUNK_BYTES = 1 << 16;

/** Reports whether the bytes begin with the magic number of an .xz file. */
export function isXz(bytes: Uint8Array): boolean {
  return HEADER_MAGIC.equals(bytes.subarray(0, HEADER_MAGIC.length));
}

/** Reads a multibyte integer (section 1.2): seven bits per byte, the lowest first. */
function readInteger(bytes: Buffer, offset: number): { value: number; next: number } {
  let value = 0;
  for (let factor = 1, next = offset; next < bytes.length; factor *= 128, next++) {
    const byte = bytes[next] as number;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return { value, next: next + 1 };
  }
  throw new RangeError('an integer is truncated');
}

/**
 * Reads the size of the content from the index at the end of the file. The decoder stops after one
 * stream, so the size differs if a second stream follows.
 */
function indexedBytes(tail: Buffer): number {
  const end = tail.length - STREAM_FOOTER.sizeBytes;
  if (end < 0 || !FOOTER_MAGIC.equals(tail.subarray(-FOOTER_MAGIC.length)))
    throw new RangeError('no footer at the end');
  const view = new DataView(tail.buffer, tail.byteOffset, tail.length);
  const indexBytes = (STREAM_FOOTER.at['Backward Size'].get(view, end) + 1) * 4;
  const start = end - indexBytes;
  if (start < 0 || tail[start] !== INDEX_INDICATOR) throw new RangeError('no index before the footer');
  let { value: recordCount, next } = readInteger(tail, start + 1);
  let totalBytes = 0;
  for (; recordCount > 0; recordCount--) {
    const content = readInteger(tail, readInteger(tail, next).next);
    totalBytes += content.value;
    next = content.next;
  }
  return totalBytes;
}

/**
 * XZ Embedded, linux/xz.h: XZ_OPTIONS_ERROR, which means that the decoder lacks a filter or a
 * check.
 */
const OPTIONS_ERROR = /error code 6$/;
/** XZ_MEMLIMIT_ERROR: the decoder accepts dictionaries of at most 64 MiB, as `xz -9` uses. */
const MEMORY_LIMIT_ERROR = /error code 40?$/;

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (MEMORY_LIMIT_ERROR.test(text)) {
    return 'its dictionary is larger than the 64 MiB of xz -9; compress it again with a smaller dictionary';
  }
  return OPTIONS_ERROR.test(text)
    ? 'it uses a filter other than LZMA2, or a check other than CRC32 and CRC64; compress it again without them'
    : text;
}

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * Decompresses one .xz stream of any size in bounded memory.
 *
 * @param name the file's name for error messages
 * @throws UserError if the data is damaged, truncated, or more than one stream
 */
export async function* xzDecompressStream(
  chunks: Chunks,
  name: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let tail = Buffer.alloc(0);
  let inputBytes = 0;
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      for (let start = 0; start < chunk.length; start += INPUT_CHUNK_BYTES) {
        const piece = chunk.subarray(start, start + INPUT_CHUNK_BYTES);
        inputBytes += piece.length;
        tail = Buffer.concat([tail.subarray(Math.max(0, tail.length + piece.length - TAIL_BYTES)), piece]);
        yield piece;
      }
    }
  }
  const input = pieces();
  let contentBytes = 0;
  const fail = (rule: string): never => {
    throw new UserError(`${name}: damaged .xz data: ${rule}`);
  };
  const output = new xz.XzReadableStream(ReadableStream.from(input) as never);
  try {
    for await (const chunk of output as unknown as AsyncIterable<Uint8Array>) {
      contentBytes += chunk.length;
      yield chunk;
    }
  } catch (error) {
    fail(inputBytes === 0 ? 'the file is empty' : reasonOf(error));
  }
  for await (const _ of input) {
    // Reads the rest of the file into the tail.
  }
  let statedBytes = 0;
  try {
    statedBytes = indexedBytes(tail);
  } catch (error) {
    fail(error instanceof RangeError ? error.message : String(error));
  }
  if (statedBytes !== contentBytes) {
    fail(
      `the index at its end states ${statedBytes} bytes, but the first stream has ${contentBytes}; only files of one stream can be read`,
    );
  }
}

/** Decompresses a small .xz file. @throws UserError as {@link xzDecompressStream} does */
export async function xzContent(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of xzDecompressStream([bytes], name)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
