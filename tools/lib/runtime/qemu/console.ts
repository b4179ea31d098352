import type { Readable, Writable } from 'node:stream';

/** The serial console of a guest. Keeps its output, and waits for more. */
export class Console {
  #text = '';
  #closed = false;
  readonly #input: Writable;
  readonly #waiters = new Set<() => void>();

  constructor(output: Readable, input: Writable, echo?: (text: string) => void) {
    this.#input = input;
    output.setEncoding('utf8');
    output.on('data', (text: string) => {
      this.#text += text;
      echo?.(text);
      this.#wake();
    });
    output.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  /** Everything that the guest printed. */
  get text(): string {
    return this.#text;
  }

  /** The current end of the text, as a start for {@link waitFor}. */
  get position(): number {
    return this.#text.length;
  }

  /** Types text at the console. */
  type(text: string): void {
    this.#input.write(text);
  }

  /**
   * Waits until the output after `from` matches `pattern`.
   *
   * @throws Error with the last lines of the console if the guest stops or `limitMs` has passed
   */
  async waitFor(pattern: RegExp, from: number, limitMs: number): Promise<RegExpExecArray> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      const match = pattern.exec(this.#text.slice(from));
      if (match !== null) return match;
      const remainingMs = deadline - performance.now();
      if (this.#closed || remainingMs <= 0) {
        const why = this.#closed ? 'the guest stopped' : `${Math.round(limitMs / 1000)} s passed`;
        throw new Error(
          `${why} before ${pattern} appeared on the console; its last lines:\n${this.lastLines(40)}`,
        );
      }
      await this.#change(remainingMs);
    }
  }

  /** The last `count` lines, for a message. */
  lastLines(count: number): string {
    return this.#text.split(/\r?\n/).slice(-count).join('\n');
  }

  #change(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, limitMs);
      this.#waiters.add(done);
    });
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }
}
