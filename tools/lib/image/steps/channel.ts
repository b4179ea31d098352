/**
 * Separates the two things that the guest writes: the output of the steps, and messages of the
 * guest itself.
 */

/** A message of the guest about its own state. */
export type GuestEvent =
  | { readonly kind: 'start'; readonly step: number }
  | { readonly kind: 'exit'; readonly step: number; readonly status: number }
  /** Why a step could not be started at all. Its exit follows. */
  | { readonly kind: 'trouble'; readonly text: string }
  /** The free space of the image after the step that failed. */
  | { readonly kind: 'space'; readonly freeBytes: number; readonly freeInodes: number }
  /** The guest itself cannot continue. */
  | { readonly kind: 'error'; readonly text: string }
  /** Everything is written, and the image is unmounted. */
  | { readonly kind: 'done' };

/**
 * A line begins with the mark, but is not a message of the guest. This means that the guest itself
 * is broken.
 */
export class GuestChannelError extends Error {}

const NEWLINE = 0x0a;

function parseEvent(line: string): GuestEvent {
  const [kind = '', ...words] = line.split(' ');
  const numbers = words.map(Number);
  const [first = NaN, second = NaN, third = NaN] = numbers;
  switch (kind) {
    case 'start':
      return { kind, step: first };
    case 'exit':
      return { kind, step: first, status: second };
    case 'space':
      return { kind, freeBytes: first * second, freeInodes: third };
    case 'trouble':
    case 'error':
      return { kind, text: words.join(' ') };
    case 'done':
      return { kind };
    default:
      throw new GuestChannelError(`unknown message of the guest: ${line}`);
  }
}

/** Splits the byte stream of the guest. Output is passed on unchanged, as soon as it arrives. */
export class GuestChannel {
  readonly #opening: Buffer;
  readonly #onOutput: (bytes: Uint8Array) => void;
  readonly #onEvent: (event: GuestEvent) => void;
  #held: Buffer = Buffer.alloc(0);

  constructor(mark: string, onOutput: (bytes: Uint8Array) => void, onEvent: (event: GuestEvent) => void) {
    this.#opening = Buffer.from(`${mark} `);
    this.#onOutput = onOutput;
    this.#onEvent = onEvent;
  }

  push(bytes: Uint8Array): void {
    this.#held = this.#held.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#held, bytes]);
    while (this.#takeLine());
    const kept = this.#openingLength();
    if (kept < this.#held.length) this.#output(this.#held.length - kept);
  }

  /** Ends the stream: the bytes that were held back are output. */
  end(): void {
    this.#output(this.#held.length);
  }

  #output(lengthBytes: number): void {
    if (lengthBytes > 0) this.#onOutput(this.#held.subarray(0, lengthBytes));
    this.#held = this.#held.subarray(lengthBytes);
  }

  #takeLine(): boolean {
    const start = this.#held.indexOf(this.#opening);
    if (start < 0) return false;
    const textStart = start + this.#opening.length;
    const end = this.#held.indexOf(NEWLINE, textStart);
    if (end < 0) return false;
    const line = this.#held.toString('utf8', textStart, end);
    this.#output(start);
    this.#held = this.#held.subarray(end - start + 1);
    this.#onEvent(parseEvent(line));
    return true;
  }

  /**
   * Counts the bytes at the end that may belong to a message of the guest that is not complete yet.
   */
  #openingLength(): number {
    const whole = this.#held.indexOf(this.#opening);
    if (whole >= 0) return this.#held.length - whole;
    for (let length = Math.min(this.#opening.length - 1, this.#held.length); length > 0; length--) {
      const tail = this.#held.subarray(this.#held.length - length);
      if (tail.equals(this.#opening.subarray(0, length))) return length;
    }
    return 0;
  }
}
