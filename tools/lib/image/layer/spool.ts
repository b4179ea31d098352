import { closeSync, openSync, rmSync } from 'node:fs';
import { readPieces } from '../../formats/block/read-fully.ts';
import { writeFully } from '../../formats/block/write.ts';

/** The place of a content in a spool. */
export interface SpooledContent {
  readonly startBytes: number;
  readonly lengthBytes: number;
}

const BUFFER_BYTES = 1 << 20;

/**
 * Keeps contents in a file until their layer is written. The file disappears when the process ends.
 */
export class Spool {
  readonly #path: string;
  readonly #descriptor: number;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #buffered = 0;
  #writtenBytes = 0;

  /** @param path the file to create, for example beside the output; its name is removed at once */
  constructor(path: string) {
    this.#path = path;
    this.#descriptor = openSync(path, 'wx+');
    rmSync(path);
  }

  get sizeBytes(): number {
    return this.#writtenBytes + this.#buffered;
  }

  #writeOut(bytes: Uint8Array): void {
    writeFully(this.#descriptor, this.#path, bytes, this.#writtenBytes);
    this.#writtenBytes += bytes.length;
  }

  append(bytes: Uint8Array): void {
    if (bytes.length > BUFFER_BYTES - this.#buffered) {
      this.#writeOut(this.#buffer.subarray(0, this.#buffered));
      this.#buffered = 0;
    }
    if (bytes.length > BUFFER_BYTES) {
      this.#writeOut(bytes);
      return;
    }
    this.#buffer.set(bytes, this.#buffered);
    this.#buffered += bytes.length;
  }

  *read({ startBytes, lengthBytes }: SpooledContent): Generator<Uint8Array, void, undefined> {
    this.#writeOut(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
    yield* readPieces(this.#descriptor, this.#path, startBytes, lengthBytes);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
