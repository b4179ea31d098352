/** Decompresses the chunks of a packed image. */

import { zstdDecompressSync } from 'node:zlib';
import { UserError } from '../../formats/error/user-error.ts';
import type { PackedChunk } from './index.ts';

/** Returns the size of the data of a chunk. */
export function contentBytes(chunk: Pick<PackedChunk, 'extents'>): number {
  return chunk.extents.reduce((sum, [, lengthBytes]) => sum + lengthBytes, 0);
}

/**
 * Decompresses the frame of a chunk, on this thread.
 *
 * @param expectedBytes the size of the data of the chunk
 * @param offsetBytes the offset of the frame in its file, for errors
 * @throws UserError if the frame is damaged or does not have the expected size
 */
export function decompressChunk(
  frame: Uint8Array,
  expectedBytes: number,
  name: string,
  offsetBytes: number,
): Uint8Array {
  let content: Uint8Array;
  try {
    content = zstdDecompressSync(frame, { chunkSize: expectedBytes, maxOutputLength: expectedBytes });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`${name}: the frame at ${offsetBytes} is damaged: ${reason}`);
  }
  if (content.length !== expectedBytes) {
    throw new UserError(
      `${name}: the frame at ${offsetBytes} has ${content.length} bytes instead of ${expectedBytes}`,
    );
  }
  return content;
}
