import { PieceWriter } from '../pipeline/piece-writer.ts';
import { DEFAULT_ZSTD_LEVEL, zstdFrame } from './compress.ts';

/**
 * The content size of one frame: the window of level 3 (zstd, ZSTD_defaultCParameters). On a root
 * file system, frames of 4 MiB are about 1 % smaller, and the reader needs 70 MiB more memory.
 * Frames of 1 MiB are about 1 % larger.
 */
export const FRAME_CONTENT_BYTES = 2 << 20;

/**
 * Writes a stream of bytes as zstd frames of a fixed content size, compressed on the thread pool
 * and written in order.
 */
export class FrameWriter extends PieceWriter {
  constructor(
    emit: (frame: Uint8Array) => void,
    { level = DEFAULT_ZSTD_LEVEL, contentBytes = FRAME_CONTENT_BYTES } = {},
  ) {
    super(emit, (content) => zstdFrame(content, level), contentBytes);
  }
}
