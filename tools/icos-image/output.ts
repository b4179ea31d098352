import { writeSync } from 'node:fs';

/**
 * Thrown if the reader of the output has closed its end, as `head` does. The tool then ends without
 * a message.
 */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

/** The status that a shell reports for SIGPIPE: 128 plus the signal's number. */
export const OUTPUT_CLOSED_STATUS = 141;

const STDOUT = 1;
const BUFFER_BYTES = 1 << 16;
const WAIT_MILLISECONDS = 5;

/** Writes some of the bytes; returns how many. */
type Write = (bytes: Uint8Array) => number;

function writeToStdout(bytes: Uint8Array): number {
  try {
    return writeSync(STDOUT, bytes);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EPIPE') throw new OutputClosed();
    if (code !== 'EAGAIN') throw error;
    // Another process that shares the pipe made it non-blocking: wait until it has room again.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MILLISECONDS);
    return 0;
  }
}

/** Standard output. Lines are buffered; bytes are written unchanged. */
export class Output {
  readonly #write: Write;
  #lines: string[] = [];
  #length = 0;

  constructor(write: Write = writeToStdout) {
    this.#write = write;
  }

  line(text = ''): void {
    this.#lines.push(text, '\n');
    this.#length += text.length + 1;
    if (this.#length >= BUFFER_BYTES) this.flush();
  }

  bytes(bytes: Uint8Array): void {
    this.flush();
    for (let done = 0; done < bytes.length; ) done += this.#write(bytes.subarray(done));
  }

  flush(): void {
    if (this.#length === 0) return;
    const bytes = Buffer.from(this.#lines.join(''));
    this.#lines = [];
    this.#length = 0;
    this.bytes(bytes);
  }
}
