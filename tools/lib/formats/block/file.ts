import { closeSync, fstatSync, ftruncateSync, openSync } from 'node:fs';
import { type BlockSink, type BlockSource, checkRange } from './block.ts';
import { readFully } from './read-fully.ts';
import { naming, writeFully } from './write.ts';

/** An image in a sparse file. Ranges that are never written are holes. */
export class FileImage implements BlockSink, BlockSource {
  readonly sizeBytes: number;
  readonly #descriptor: number;
  readonly #path: string;

  private constructor(descriptor: number, path: string, sizeBytes: number) {
    this.#descriptor = descriptor;
    this.#path = path;
    this.sizeBytes = sizeBytes;
  }

  /** Creates or empties the file at `path`, and sets its full size without writing to it. */
  static create(path: string, sizeBytes: number): FileImage {
    const descriptor = openSync(path, 'w+');
    try {
      ftruncateSync(descriptor, sizeBytes);
    } catch (error) {
      closeSync(descriptor);
      throw naming(error, path);
    }
    return new FileImage(descriptor, path, sizeBytes);
  }

  /** Opens an existing image for reading only. */
  static open(path: string): FileImage {
    const descriptor = openSync(path, 'r');
    return new FileImage(descriptor, path, fstatSync(descriptor).size);
  }

  write(offsetBytes: number, bytes: Uint8Array): void {
    checkRange('write', offsetBytes, bytes.length, this.sizeBytes);
    writeFully(this.#descriptor, this.#path, bytes, offsetBytes);
  }

  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    const bytes = Buffer.allocUnsafe(lengthBytes);
    this.readInto(offsetBytes, bytes);
    return bytes;
  }

  /** Fills `bytes` with the bytes from `offsetBytes` on, for callers that reuse a buffer. */
  readInto(offsetBytes: number, bytes: Uint8Array): void {
    checkRange('read', offsetBytes, bytes.length, this.sizeBytes);
    readFully(this.#descriptor, this.#path, bytes, offsetBytes);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
