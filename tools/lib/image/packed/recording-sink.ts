import type { BlockSink } from '../../formats/block/block.ts';
import type { ByteRange } from './index.ts';

/**
 * Passes writes on and records their ranges, so that packing need not read ranges that were never
 * written.
 */
export class RecordingSink implements BlockSink {
  readonly #sink: BlockSink;
  readonly #ranges: [number, number][] = [];

  constructor(sink: BlockSink) {
    this.#sink = sink;
  }

  write(offsetBytes: number, bytes: Uint8Array): void {
    this.#sink.write(offsetBytes, bytes);
    this.note(offsetBytes, bytes.length);
  }

  /** Records a range that was written without this sink. */
  note(offsetBytes: number, lengthBytes: number): void {
    if (lengthBytes === 0) return;
    const last = this.#ranges.at(-1);
    if (last !== undefined && last[0] + last[1] === offsetBytes) last[1] += lengthBytes;
    else this.#ranges.push([offsetBytes, lengthBytes]);
  }

  /** Returns the ranges that were written: ascending, with neighbours and overlaps joined. */
  extents(): ByteRange[] {
    const joined: [number, number][] = [];
    for (const [offset, length] of this.#ranges.toSorted((left, right) => left[0] - right[0])) {
      const last = joined.at(-1);
      if (last !== undefined && last[0] + last[1] >= offset) {
        last[1] = Math.max(last[1], offset + length - last[0]);
      } else {
        joined.push([offset, length]);
      }
    }
    return joined;
  }
}
