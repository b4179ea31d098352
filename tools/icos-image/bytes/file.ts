import { closeSync, fstatSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFully } from '../../lib/formats/block/read-fully.ts';
import { naming, writeFully } from '../../lib/formats/block/write.ts';
import { UserError } from '../../lib/formats/error/user-error.ts';
import { type ImageSource, isZero } from './source.ts';

/** An open file that is read at any offset. It stays open until the process ends. */
export class FileSource implements ImageSource {
  readonly sizeBytes: number;
  readonly #descriptor: number;
  readonly #path: string;

  constructor(descriptor: number, path: string, sizeBytes: number) {
    this.#descriptor = descriptor;
    this.#path = path;
    this.sizeBytes = sizeBytes;
  }

  /** @throws UserError for a directory, a pipe, or anything else that is not a file */
  static open(path: string): FileSource {
    const descriptor = openSync(path, 'r');
    const status = fstatSync(descriptor);
    if (status.isFile()) return new FileSource(descriptor, path, status.size);
    closeSync(descriptor);
    const what = status.isDirectory() ? 'a directory' : 'not a regular file';
    throw new UserError(`${path}: it is ${what}; name the file of an image or an archive`);
  }

  /** Always 0: finding holes needs system calls that Node does not offer. */
  zeroBytes(): number {
    return 0;
  }

  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    const bytes = Buffer.allocUnsafe(lengthBytes);
    this.readInto(offsetBytes, bytes);
    return bytes;
  }

  /** Fills `bytes`, starting at `offsetBytes`, for callers that use a buffer several times. */
  readInto(offsetBytes: number, bytes: Uint8Array): void {
    readFully(this.#descriptor, this.#path, bytes, offsetBytes);
  }
}

/** Runs of zeros of this size become holes in a spooled file. */
const BLOCK_BYTES = 65536;
/** The limit for data that grows without end when it is decompressed. */
const LARGEST_CONTENT_BYTES = 2 ** 40;

/**
 * Writes data that has no random access, such as a gzip stream, to a sparse temporary file. The
 * name of the file is removed before data is written, so that no file remains, however the process
 * ends.
 *
 * @param name the image's name, for errors
 */
export async function spool(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  name: string,
): Promise<FileSource> {
  const folder = mkdtempSync(join(tmpdir(), 'icos-image-'));
  const path = join(folder, 'content');
  let descriptor: number;
  try {
    descriptor = openSync(path, 'wx+', 0o600);
  } finally {
    rmSync(folder, { recursive: true });
  }
  const sizeBytes = await fill(descriptor, chunks, name, path);
  try {
    ftruncateSync(descriptor, sizeBytes);
  } catch (error) {
    throw naming(error, path);
  }
  return new FileSource(descriptor, path, sizeBytes);
}

async function fill(
  descriptor: number,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  name: string,
  path: string,
): Promise<number> {
  let position = 0;
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.length; start += BLOCK_BYTES) {
      const block = chunk.subarray(start, start + BLOCK_BYTES);
      if (!isZero(block)) writeFully(descriptor, path, block, position + start);
    }
    position += chunk.length;
    if (position > LARGEST_CONTENT_BYTES) {
      throw new UserError(
        `${name}: it decompresses to more than ${LARGEST_CONTENT_BYTES} bytes, which is the limit`,
      );
    }
  }
  return position;
}
