/** Writes to an image at random positions. Ranges that are never written read as zeros (holes). */
export interface BlockSink {
  /** Writes all of `bytes` at `offsetBytes`. */
  write(offsetBytes: number, bytes: Uint8Array): void;
}

/** Reads an image at random positions. */
export interface BlockSource {
  readonly sizeBytes: number;
  /**
   * Reads exactly `lengthBytes` bytes.
   *
   * @throws RangeError if they are not within the image
   */
  read(offsetBytes: number, lengthBytes: number): Uint8Array;
}

/** Throws a RangeError for an access that is not within an image. */
export function checkRange(
  access: 'read' | 'write',
  offsetBytes: number,
  lengthBytes: number,
  sizeBytes: number,
): void {
  if (offsetBytes < 0 || offsetBytes + lengthBytes > sizeBytes) {
    throw new RangeError(
      `${access} of ${lengthBytes} bytes at ${offsetBytes} passes the end at ${sizeBytes}`,
    );
  }
}

/**
 * Returns a part of a larger image, addressed from its own start: a partition of a disk, or a file
 * system before its hash tree.
 */
export function subSource(source: BlockSource, startBytes: number, sizeBytes: number): BlockSource {
  return {
    sizeBytes,
    read(offsetBytes, lengthBytes) {
      checkRange('read', offsetBytes, lengthBytes, sizeBytes);
      return source.read(startBytes + offsetBytes, lengthBytes);
    },
  };
}

/** Returns a sink whose start is at `startBytes` of another sink. */
export function subSink(sink: BlockSink, startBytes: number): BlockSink {
  return { write: (offsetBytes, bytes) => sink.write(startBytes + offsetBytes, bytes) };
}

const PAGE_BYTES = 65536;

/** A sparse image in memory, for tests and for small images. */
export class MemoryImage implements BlockSink, BlockSource {
  readonly sizeBytes: number;
  readonly #pages = new Map<number, Uint8Array>();

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
  }

  write(offsetBytes: number, bytes: Uint8Array): void {
    checkRange('write', offsetBytes, bytes.length, this.sizeBytes);
    for (let done = 0; done < bytes.length; ) {
      const position = offsetBytes + done;
      const start = position % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - start, bytes.length - done);
      const index = (position - start) / PAGE_BYTES;
      let page = this.#pages.get(index);
      if (page === undefined) {
        page = new Uint8Array(PAGE_BYTES);
        this.#pages.set(index, page);
      }
      page.set(bytes.subarray(done, done + count), start);
      done += count;
    }
  }

  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    checkRange('read', offsetBytes, lengthBytes, this.sizeBytes);
    const bytes = new Uint8Array(lengthBytes);
    for (let done = 0; done < lengthBytes; ) {
      const position = offsetBytes + done;
      const start = position % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - start, lengthBytes - done);
      const page = this.#pages.get((position - start) / PAGE_BYTES);
      if (page !== undefined) bytes.set(page.subarray(start, start + count), done);
      done += count;
    }
    return bytes;
  }
}
