/**
 * Reads compressed images at any offset: directly if the compression allows it, else through a
 * temporary file.
 */
import { gzipDecompressStream } from '../../lib/formats/gzip/decompress.ts';
import { isXz, xzDecompressStream } from '../../lib/formats/xz/xz.ts';
import { zstdDecompressStream } from '../../lib/formats/zstd/decompress.ts';
import { FrameSource } from './chunks.ts';
import { spool } from './file.ts';
import { type ImageSource, pieces } from './source.ts';

export type FileCompression = 'none' | 'zst' | 'gz' | 'xz';

/** RFC 8878, section 3.1.1 and 3.1.2; RFC 1952, section 2.3.1. */
const ZSTD_MAGIC = 0xfd2fb528;
const ZSTD_SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_MASK = 0xfffffff0;
const GZIP_MAGIC = 0x8b1f;
const LONGEST_MAGIC_BYTES = 6;

/** Recognises a compression by the first bytes. */
export function compressionOf(source: ImageSource): FileCompression {
  if (source.sizeBytes < LONGEST_MAGIC_BYTES) return 'none';
  const head = Buffer.from(source.read(0, LONGEST_MAGIC_BYTES));
  const word = head.readUInt32LE(0);
  if (word === ZSTD_MAGIC || (word & SKIPPABLE_MASK) >>> 0 === ZSTD_SKIPPABLE_MAGIC) return 'zst';
  if (head.readUInt16LE(0) === GZIP_MAGIC) return 'gz';
  return isXz(head) ? 'xz' : 'none';
}

function* bytesOf(source: ImageSource): Generator<Uint8Array> {
  for (const { bytes } of pieces(source)) if (bytes !== undefined) yield bytes;
}

/**
 * @throws UserError if the data is damaged; for a file of zstd frames only when the damaged frame
 *   is read
 */
export async function decompressed(
  source: ImageSource,
  compression: FileCompression,
  name: string,
): Promise<ImageSource> {
  switch (compression) {
    case 'none':
      return source;
    case 'zst':
      return (
        FrameSource.open(source, name) ?? (await spool(zstdDecompressStream(bytesOf(source), name), name))
      );
    case 'gz':
      return spool(gzipDecompressStream(bytesOf(source), name), name);
    case 'xz':
      return spool(xzDecompressStream(bytesOf(source), name), name);
  }
}
