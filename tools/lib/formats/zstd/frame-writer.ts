import { PieceWriter } from '../pipeline/piece-writer.ts';
import { DEFAULT_ZSTD_LEVEL, zstdFrame } from './compress.ts';

/**
 * Content of one frame in files that are written front to back: the window of level 3 (zstd, ZSTD_defaultCParameters). On a root file
 * system, frames of 4 MiB are about 1 % smaller and cost the reader 70 MiB of memory more; frames of 1 MiB are about 1 % larger.
 */
export const FRAME_CONTENT_BYTES = 2 << 20;

/** Cuts a stream of bytes into zstd frames of a fixed content size, compresses them on the thread pool and writes them in order. */
export class FrameWriter extends PieceWriter {
  constructor(
    emit: (frame: Uint8Array) => void,
    { level = DEFAULT_ZSTD_LEVEL, contentBytes = FRAME_CONTENT_BYTES } = {},
  ) {
    super(emit, (content) => zstdFrame(content, level), contentBytes);
  }
}
