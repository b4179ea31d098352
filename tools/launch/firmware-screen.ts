import { Transform, type TransformCallback } from 'node:stream';

/** ECMA-48 control sequences by which firmware clears the screen and moves about on it: ED 2, and CUP. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const SCREEN_CONTROL = /\x1b\[(?:2J|[0-9;]*H)/g;
/** A control sequence that may go on in the next piece. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const UNFINISHED = /\x1b(?:\[[0-9;]*)?$/;
/** The kernel's first line: from here on the screen is the guest's. */
const KERNEL_STARTS = 'Linux version ';

/** Keeps firmware from clearing away what was said before it: until the kernel starts, its output is plain lines. */
export class FirmwareScreen extends Transform {
  #kernelStarted = false;
  #carry = '';

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.#kernelStarted) {
      done(null, chunk);
      return;
    }
    const text = this.#carry + chunk.toString('latin1');
    const kernel = text.indexOf(KERNEL_STARTS);
    this.#kernelStarted = kernel >= 0;
    const firmware = this.#kernelStarted ? text.slice(0, kernel) : text;
    this.#carry = this.#kernelStarted ? '' : (UNFINISHED.exec(firmware)?.[0] ?? '');
    const plain = firmware.slice(0, firmware.length - this.#carry.length).replace(SCREEN_CONTROL, '');
    done(null, Buffer.from(plain + text.slice(firmware.length), 'latin1'));
  }

  override _flush(done: TransformCallback): void {
    done(null, Buffer.from(this.#carry, 'latin1'));
  }
}
