/** Decompresses files whose frames state their content size, frame by frame, in bounded memory. */

import { promisify } from 'node:util';
import { type ZstdOptions, zstdDecompress } from 'node:zlib';
import type { BlockSource } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import { mapInOrder } from '../pipeline/ordered.ts';
import type { FrameSpan } from './frame.ts';

const decompress = promisify(zstdDecompress);

/** The largest content of a frame that is decompressed in one piece. */
export const MAX_FRAME_CONTENT_BYTES = 64 << 20;
const MIN_CHUNK_BYTES = 64;

type FrameContent = Pick<FrameSpan, 'offsetBytes' | 'contentBytes'>;

function failAt({ offsetBytes }: FrameContent, name: string, rule: string): never {
  throw new UserError(`${name}: offset ${offsetBytes}: ${rule}`);
}

/** Returns the options to decompress a frame in one piece. */
function wholeFrame(frame: FrameContent, name: string): ZstdOptions {
  const { contentBytes } = frame;
  if (contentBytes > MAX_FRAME_CONTENT_BYTES) {
    const rule = `a zstd frame of ${contentBytes} bytes of content; at most ${MAX_FRAME_CONTENT_BYTES} are supported`;
    failAt(frame, name, rule);
  }
  return { chunkSize: Math.max(contentBytes, MIN_CHUNK_BYTES), maxOutputLength: contentBytes };
}

function damaged(frame: FrameContent, name: string, error: unknown): never {
  failAt(frame, name, `a zstd frame is damaged: ${error instanceof Error ? error.message : String(error)}`);
}

function checked(content: Uint8Array, frame: FrameContent, name: string): Uint8Array {
  if (content.length === frame.contentBytes) return content;
  failAt(
    frame,
    name,
    `a zstd frame states ${frame.contentBytes} bytes of content, but has ${content.length}`,
  );
}

/**
 * Decompresses a frame.
 *
 * @throws UserError if the frame is damaged, or states a wrong content size
 */
export async function frameContent(source: BlockSource, frame: FrameSpan, name: string): Promise<Uint8Array> {
  if (frame.contentBytes === 0) return new Uint8Array();
  const options = wholeFrame(frame, name);
  const bytes = source.read(frame.offsetBytes, frame.lengthBytes);
  const content = await decompress(bytes, options).catch((error: unknown) => damaged(frame, name, error));
  return checked(content, frame, name);
}

/** Decompresses frames in order, two of them ahead of the reader. */
export async function* frameContents(
  source: BlockSource,
  frames: Iterable<FrameSpan>,
  name: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* mapInOrder(frames, (frame) => frameContent(source, frame, name));
}

export { zstdDecompressStream } from './stream.ts';
