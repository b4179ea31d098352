/** Decompression with bounded memory: frame by frame for our own files, as a stream for files from outside. */

import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { constants, createZstdDecompress, zstdDecompress } from 'node:zlib';
import type { BlockSource } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import { FrameFollower, type FrameSpan } from './frame.ts';
import { mapInOrder } from './ordered.ts';

const decompress = promisify(zstdDecompress);

/** The largest content of a frame that is decompressed in one piece. */
export const MAX_FRAME_CONTENT_BYTES = 64 << 20;
const STREAM_CHUNK_BYTES = 1 << 20;
const MIN_CHUNK_BYTES = 64;

/** The largest window of a foreign frame: 2^27 bytes, what `zstd -d` takes too. */
const MAX_WINDOW_LOG = 27;

/** One frame's content. @throws UserError where the frame is damaged or its content is not as long as it says. */
export async function frameContent(source: BlockSource, frame: FrameSpan, name: string): Promise<Uint8Array> {
  if (frame.contentBytes === 0) return new Uint8Array();
  const fail: (rule: string) => never = (rule) => {
    throw new UserError(`${name}: offset ${frame.offsetBytes}: ${rule}`);
  };
  if (frame.contentBytes > MAX_FRAME_CONTENT_BYTES) {
    fail(
      `a zstd frame of ${frame.contentBytes} bytes of content; at most ${MAX_FRAME_CONTENT_BYTES} are read`,
    );
  }
  let content: Uint8Array;
  try {
    content = await decompress(source.read(frame.offsetBytes, frame.lengthBytes), {
      chunkSize: Math.max(frame.contentBytes, MIN_CHUNK_BYTES),
      maxOutputLength: frame.contentBytes,
    });
  } catch (error) {
    fail(`a zstd frame is damaged: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (content.length !== frame.contentBytes) {
    fail(`a zstd frame says ${frame.contentBytes} bytes of content and has ${content.length}`);
  }
  return content;
}

/** The contents of frames in order, two of them ahead of the reader. */
export async function* frameContents(
  source: BlockSource,
  frames: Iterable<FrameSpan>,
  name: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* mapInOrder(frames, (frame) => frameContent(source, frame, name));
}

/**
 * Decompresses a file from outside, whose frames can be of any size and may not say it.
 *
 * @throws UserError where the data is damaged or truncated
 */
export async function* zstdDecompressStream(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decompressor = createZstdDecompress({
    chunkSize: STREAM_CHUNK_BYTES,
    params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG },
  });
  const follower = new FrameFollower();
  async function* followed(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const bytes of chunks) {
      follower.update(bytes);
      yield bytes;
    }
  }
  const input = Readable.from(followed(), { objectMode: true, highWaterMark: 1 });
  input.on('error', (error) => decompressor.destroy(error));
  try {
    yield* input.pipe(decompressor) as AsyncIterable<Uint8Array>;
    if (!follower.isBetweenFrames) throw new UserError(`${name}: its zstd data is damaged or truncated`);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && /^Z(STD)?_/.test(String(error.code)))) throw error;
    throw new UserError(`${name}: its zstd data is damaged or truncated (${error.message})`);
  } finally {
    input.destroy();
    decompressor.destroy();
  }
}
