import { UserError } from '../error/user-error.ts';
import { printableName } from './name.ts';

/** Counts the content of one file, which must have exactly the size that the tree states. */
export class ContentMeter {
  readonly sizeBytes: number;
  readonly #path: string;
  #countedBytes = 0;
  #isClosed = false;

  constructor(path: string, sizeBytes: number) {
    this.#path = path;
    this.sizeBytes = sizeBytes;
  }

  /**
   * Counts the next `lengthBytes` bytes.
   *
   * @returns the number of bytes before them
   * @throws UserError if the content becomes too long
   */
  add(lengthBytes: number): number {
    if (this.#isClosed) throw new Error(`${this.#path} is closed`);
    if (this.#countedBytes + lengthBytes > this.sizeBytes) {
      this.#fail(`its content is longer than the ${this.sizeBytes} bytes that the tree states`);
    }
    this.#countedBytes += lengthBytes;
    return this.#countedBytes - lengthBytes;
  }

  /**
   * Ends the content.
   *
   * @throws UserError if some of it is missing
   */
  close(): void {
    this.add(0);
    if (this.#countedBytes !== this.sizeBytes) {
      this.#fail(`its content ends after ${this.#countedBytes} bytes, but the tree states ${this.sizeBytes}`);
    }
    this.#isClosed = true;
  }

  #fail(problem: string): never {
    throw new UserError(`/${printableName(this.#path)}: ${problem}`);
  }
}
