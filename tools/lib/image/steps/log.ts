/**
 * Writes the log that people see while steps run: the output of the steps, and a line before and
 * after each.
 */
import type { Step } from './step.ts';

const TAIL_LINES = 20;
const TAIL_BYTES = 16 * 1024;
const NEWLINE = 0x0a;
const TITLE_CHARACTERS = 120;

/** Shortens the name of a step to one line. */
function title(step: Step): string {
  const [first = ''] = step.name.split('\n');
  return first.length === step.name.length && first.length <= TITLE_CHARACTERS
    ? first
    : `${first.slice(0, TITLE_CHARACTERS)} ...`;
}

/** Returns `step NAME (2 of 5)`. */
export function describeStep(steps: readonly Step[], index: number): string {
  const step = steps[index];
  return step === undefined ? 'no step' : `step ${title(step)} (${index + 1} of ${steps.length})`;
}

/** Formats a command approximately as a person would type it. */
function commandLine(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
}

export class StepLog {
  readonly #steps: readonly Step[];
  readonly #write: (bytes: Uint8Array) => void;
  #step: number | undefined;
  #tail: Buffer = Buffer.alloc(0);
  #lineCount = 0;
  #lastByte = NEWLINE;

  constructor(steps: readonly Step[], write: (bytes: Uint8Array) => void) {
    this.#steps = steps;
    this.#write = write;
  }

  /** The index of the step that is running or has failed. */
  get current(): number | undefined {
    return this.#step;
  }

  /** The end of the output of the current step. */
  get tail(): string {
    return this.#tail.toString();
  }

  /** Writes a line of the runner itself. */
  say(text: string): void {
    const line = Buffer.from(`${this.#lastByte === NEWLINE ? '' : '\n'}${text}\n`);
    this.#lastByte = NEWLINE;
    this.#write(line);
  }

  output(bytes: Uint8Array): void {
    this.#write(bytes);
    this.#lastByte = bytes.at(-1) ?? this.#lastByte;
    for (const byte of bytes) if (byte === NEWLINE) this.#lineCount++;
    this.#tail = Buffer.concat([this.#tail, bytes]).subarray(-TAIL_BYTES);
  }

  begin(step: number): void {
    this.#step = step;
    this.#tail = Buffer.alloc(0);
    this.#lineCount = 0;
    const shown = this.#steps[step];
    this.say(`[${step + 1}/${this.#steps.length}] ${shown === undefined ? '' : title(shown)}`);
  }

  end(step: number, milliseconds: number): void {
    this.say(`[${step + 1}/${this.#steps.length}] took ${(milliseconds / 1000).toFixed(1)} s`);
  }

  /** Describes the current step after its failure. Repeats the last lines if the output is long. */
  explainFailure(): void {
    const step = this.#step === undefined ? undefined : this.#steps[this.#step];
    if (step === undefined) return;
    this.say(`the command was: ${commandLine(step.argv)}`);
    this.say(`in ${step.workingDirectory} as ${step.user}`);
    if (this.#lineCount <= TAIL_LINES) return;
    this.say(`the last ${TAIL_LINES} lines of its output were:`);
    const lines = this.tail.replace(/\n$/, '').split('\n').slice(-TAIL_LINES);
    this.say(lines.map((line) => `  ${line}`).join('\n'));
  }
}
