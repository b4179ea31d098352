import { type BlockSource, checkRange } from '../../tools/lib/formats/block/block.ts';
import { type Entry, normalizePath } from '../../tools/lib/formats/entry/entry.ts';
import type { TreeReader } from '../../tools/lib/formats/entry/tree-reader.ts';
import type { Seed } from './mutate.ts';

/** A reader to test with damaged images. */
export interface Target {
  readonly name: string;
  /** Makes intact images to damage, in a separate folder for each process. */
  seeds(folder: string): Promise<Seed[]> | Seed[];
  /** Reads the whole image. @throws UserError if the image is damaged */
  read(source: BlockSource): Promise<void> | void;
}

/** The largest read that a reader may request, even if the image states a larger size. */
export const MAX_READ_BYTES = 64 << 20;
/**
 * The number of content bytes to read. A damaged file may have any size, and the reader must return
 * its content in pieces.
 */
const MAX_CONTENT_BYTES = 8 << 20;
const MAX_PIECE_BYTES = 4 << 20;

/** An error in a reader, as opposed to a damaged image. */
export class BrokenPromise extends Error {}

/** Makes a source that checks the requests of a reader. */
export function watchedSource(bytes: Buffer, sizeBytes: number): BlockSource {
  return {
    sizeBytes,
    read(offsetBytes, lengthBytes) {
      if (lengthBytes > MAX_READ_BYTES) throw new BrokenPromise(`a read of ${lengthBytes} bytes at once`);
      if (!Number.isSafeInteger(offsetBytes) || !Number.isSafeInteger(lengthBytes) || lengthBytes < 0) {
        throw new BrokenPromise(`a read of ${lengthBytes} bytes at ${offsetBytes}`);
      }
      checkRange('read', offsetBytes, lengthBytes, sizeBytes);
      return new Uint8Array(bytes.subarray(offsetBytes, offsetBytes + lengthBytes));
    },
  };
}

/**
 * Checks that paths stay within the tree. Other paths would let an attacker choose where a file is
 * written.
 */
export function checkEntry(entry: Entry): void {
  if (normalizePath(entry.path) !== entry.path)
    throw new BrokenPromise(`the path ${JSON.stringify(entry.path)}`);
  if (entry.type === 'hardlink' && normalizePath(entry.target) !== entry.target) {
    throw new BrokenPromise(`a hard link to ${JSON.stringify(entry.target)}`);
  }
}

/** Counts the content that a reader returns. */
export class ContentMeter {
  #bytes = 0;

  /** @returns whether to read more */
  take(piece: Uint8Array): boolean {
    if (piece.length > MAX_PIECE_BYTES) throw new BrokenPromise(`a piece of ${piece.length} bytes`);
    this.#bytes += piece.length;
    return this.#bytes < MAX_CONTENT_BYTES;
  }
}

/** Reads the whole tree and its files. */
export function readTree(reader: TreeReader): void {
  const meter = new ContentMeter();
  for (const { entry } of reader.walk()) {
    checkEntry(entry);
    if (entry.type !== 'file') continue;
    for (const piece of reader.readFile(entry.path)) {
      if (!meter.take(piece)) break;
    }
  }
}
