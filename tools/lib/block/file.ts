import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import type { BlockSink, BlockSource } from './block.ts';

/** An image in a file: sparse where nothing was written. */
export class FileImage implements BlockSink, BlockSource {
  readonly sizeBytes: number;
  readonly #descriptor: number;

  private constructor(descriptor: number, sizeBytes: number) {
    this.#descriptor = descriptor;
    this.sizeBytes = sizeBytes;
  }

  /** Makes (or empties) the file at `path` and gives it its full size without writing to it. */
  static create(path: string, sizeBytes: number): FileImage {
    const descriptor = openSync(path, 'w+');
    ftruncateSync(descriptor, sizeBytes);
    return new FileImage(descriptor, sizeBytes);
  }

  /** Opens an existing image for reading only. */
  static open(path: string): FileImage {
    const descriptor = openSync(path, 'r');
    return new FileImage(descriptor, fstatSync(descriptor).size);
  }

  write(offsetBytes: number, bytes: Uint8Array): void {
    if (offsetBytes < 0 || offsetBytes + bytes.length > this.sizeBytes) {
      throw new RangeError(
        `write of ${bytes.length} bytes at ${offsetBytes} passes the end at ${this.sizeBytes}`,
      );
    }
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#descriptor, bytes, done, bytes.length - done, offsetBytes + done);
    }
  }

  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    const bytes = Buffer.allocUnsafe(lengthBytes);
    this.readInto(offsetBytes, bytes);
    return bytes;
  }

  /** Fills `bytes` from `offsetBytes` on, for callers that reuse a buffer. */
  readInto(offsetBytes: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const count = readSync(this.#descriptor, bytes, done, bytes.length - done, offsetBytes + done);
      if (count === 0) {
        throw new RangeError(
          `read of ${bytes.length} bytes at ${offsetBytes} passes the end at ${this.sizeBytes}`,
        );
      }
      done += count;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
