/** Takes apart what comes out of the guest: the steps' output, and between it the lines of the guest's own. */

/** What the guest says about its own state. */
export type GuestEvent =
  | { readonly kind: 'start'; readonly step: number }
  | { readonly kind: 'exit'; readonly step: number; readonly status: number }
  /** Why a step could not be started at all. Its exit follows. */
  | { readonly kind: 'trouble'; readonly text: string }
  /** What the failing step left free of the image. */
  | { readonly kind: 'space'; readonly freeBytes: number; readonly freeInodes: number }
  /** The guest itself cannot go on. */
  | { readonly kind: 'error'; readonly text: string }
  /** All is written and unmounted. */
  | { readonly kind: 'done' };

/** A line that begins with the mark and is none of the guest's: never seen unless the guest itself is broken. */
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
      throw new GuestChannelError(`unknown line of the guest: ${line}`);
  }
}

/** Splits the byte stream of the guest. Bytes pass on as they come, whatever they are. */
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

  /** The guest is gone: what was held back is output. */
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

  /** How many of the last bytes may belong to a line of the guest's own that is not complete yet. */
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
