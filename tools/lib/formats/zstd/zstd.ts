/** The Zstandard format (RFC 8878). See docs/formats/compression.md. */

export { DEFAULT_ZSTD_LEVEL, zstdFrame } from './compress.ts';
export { frameContent, frameContents, MAX_FRAME_CONTENT_BYTES } from './decompress.ts';
export { type FrameSpan, findFrames } from './frame.ts';
export { FRAME_CONTENT_BYTES, FrameWriter } from './frame-writer.ts';
export { zstdDecompressStream } from './stream.ts';
