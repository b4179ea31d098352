/** Takes the content of one regular file, and writes it to its place or to compressed extents. */
import type { BlockSink } from '../block/block.ts';
import { ContentMeter } from '../entry/content-meter.ts';
import type { ContentPlace } from './layout.ts';

/** If the content is compressed, skipped zeros are passed on in pieces of this size. */
const ZEROS = new Uint8Array(1 << 16);

/** Receives the content of a file from start to end. */
export interface ContentTarget {
  /** Takes the next bytes. The caller may change them afterwards. */
  write(positionBytes: number, bytes: Uint8Array): void;
  /** Takes the next `lengthBytes` bytes, which are zeros. */
  skip(positionBytes: number, lengthBytes: number): void;
  finish(): void;
}

/** Checks that the content of a file, given in pieces from start to end, has the planned size. */
export class FileContent {
  readonly #meter: ContentMeter;
  readonly #target: ContentTarget;

  constructor(path: string, sizeBytes: number, target: ContentTarget) {
    this.#meter = new ContentMeter(path, sizeBytes);
    this.#target = target;
  }

  /** Takes the next piece. The caller may change the bytes afterwards. */
  write(bytes: Uint8Array): void {
    this.#target.write(this.#meter.add(bytes.length), bytes);
  }

  /** Advances by `lengthBytes` zeros. */
  skip(lengthBytes: number): void {
    this.#target.skip(this.#meter.add(lengthBytes), lengthBytes);
  }

  /**
   * Ends the file.
   *
   * @throws UserError if content is missing
   */
  close(): void {
    this.#meter.close();
    this.#target.finish();
  }
}

/** Writes uncompressed content directly to its place. */
export class PlacedContent implements ContentTarget {
  readonly #sink: BlockSink;
  readonly #place: ContentPlace;
  readonly #finished: () => void;

  constructor(sink: BlockSink, place: ContentPlace, finished: () => void) {
    this.#sink = sink;
    this.#place = place;
    this.#finished = finished;
  }

  write(positionBytes: number, bytes: Uint8Array): void {
    const { offsetBytes, lengthBytes, tailOffsetBytes } = this.#place;
    const inBlocks = Math.min(Math.max(lengthBytes - positionBytes, 0), bytes.length);
    if (inBlocks > 0) this.#sink.write(offsetBytes + positionBytes, bytes.subarray(0, inBlocks));
    if (inBlocks < bytes.length) {
      this.#sink.write(tailOffsetBytes + positionBytes + inBlocks - lengthBytes, bytes.subarray(inBlocks));
    }
  }

  skip(): void {
    // Bytes that are not written read as zeros, in blocks and after inodes.
  }

  finish(): void {
    this.#finished();
  }
}

/** Cuts content into pieces of one size. The last one may be shorter. */
export class PiecedContent implements ContentTarget {
  readonly #piece: Uint8Array;
  readonly #take: (piece: Uint8Array) => void;
  readonly #finished: () => void;
  #filled = 0;

  /**
   * @param piece a buffer for one piece, which the caller must not use until the content is
   * finished
   */
  constructor(piece: Uint8Array, take: (piece: Uint8Array) => void, finished: () => void) {
    this.#piece = piece;
    this.#take = take;
    this.#finished = finished;
  }

  write(_positionBytes: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const count = Math.min(this.#piece.length - this.#filled, bytes.length - done);
      if (count === this.#piece.length) {
        this.#take(bytes.subarray(done, done + count));
      } else {
        this.#piece.set(bytes.subarray(done, done + count), this.#filled);
        this.#filled += count;
        if (this.#filled === this.#piece.length) this.#flush();
      }
      done += count;
    }
  }

  skip(positionBytes: number, lengthBytes: number): void {
    for (let done = 0; done < lengthBytes; done += ZEROS.length) {
      this.write(positionBytes + done, ZEROS.subarray(0, Math.min(ZEROS.length, lengthBytes - done)));
    }
  }

  finish(): void {
    if (this.#filled > 0) this.#flush();
    this.#finished();
  }

  #flush(): void {
    this.#take(this.#piece.subarray(0, this.#filled));
    this.#filled = 0;
  }
}
