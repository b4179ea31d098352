import { Transform, type TransformCallback } from 'node:stream';

/**
 * The ECMA-48 control sequences with which firmware clears the screen and moves the cursor: ED 2,
 * and CUP.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const SCREEN_CONTROL = /\x1b\[(?:2J|[0-9;]*H)/g;
/** A control sequence that may continue in the next piece. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const UNFINISHED = /\x1b(?:\[[0-9;]*)?$/;
/** Part of the kernel's first line. From this line on, the guest controls the screen. */
const KERNEL_STARTS = 'Linux version ';

/**
 * Removes screen control from the output of the firmware, so that earlier messages stay visible.
 */
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
