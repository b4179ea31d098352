import { type BlockSource, checkRange } from '../../tools/lib/formats/block/block.ts';
import { type Entry, normalizePath } from '../../tools/lib/formats/entry/entry.ts';
import type { TreeReader } from '../../tools/lib/formats/entry/tree-reader.ts';
import type { Seed } from './mutate.ts';

/** A reader that is given damaged images. */
export interface Target {
  readonly name: string;
  /** Whole images to damage. Made anew in each process, in a folder of its own. */
  seeds(folder: string): Promise<Seed[]> | Seed[];
  /** Reads all that the image is said to hold; throws UserError for what is wrong with it. */
  read(source: BlockSource): Promise<void> | void;
}

/** No reader asks for more than this at once, whatever an image says. */
export const MOST_READ_BYTES = 64 << 20;
/** A file's size may be any number; the reader must give it piece by piece, and here so much is enough. */
const MOST_CONTENT_BYTES = 8 << 20;
const MOST_PIECE_BYTES = 4 << 20;

/** A reader broke a promise: never thrown for what is only a damaged image. */
export class BrokenPromise extends Error {}

/** The image as readers see it. */
export function watchedSource(bytes: Buffer, sizeBytes: number): BlockSource {
  return {
    sizeBytes,
    read(offsetBytes, lengthBytes) {
      if (lengthBytes > MOST_READ_BYTES) throw new BrokenPromise(`a read of ${lengthBytes} bytes at once`);
      if (!Number.isSafeInteger(offsetBytes) || !Number.isSafeInteger(lengthBytes) || lengthBytes < 0) {
        throw new BrokenPromise(`a read of ${lengthBytes} bytes at ${offsetBytes}`);
      }
      checkRange('read', offsetBytes, lengthBytes, sizeBytes);
      return new Uint8Array(bytes.subarray(offsetBytes, offsetBytes + lengthBytes));
    },
  };
}

/** A path that leaves the tree would be written to a place of the attacker's choice. */
export function checkEntry(entry: Entry): void {
  if (normalizePath(entry.path) !== entry.path)
    throw new BrokenPromise(`the path ${JSON.stringify(entry.path)}`);
  if (entry.type === 'hardlink' && normalizePath(entry.target) !== entry.target) {
    throw new BrokenPromise(`a hard link to ${JSON.stringify(entry.target)}`);
  }
}

/** Counts the content that is taken from a reader; says when it is enough. */
export class ContentMeter {
  #bytes = 0;

  take(piece: Uint8Array): boolean {
    if (piece.length > MOST_PIECE_BYTES) throw new BrokenPromise(`a piece of ${piece.length} bytes`);
    this.#bytes += piece.length;
    return this.#bytes < MOST_CONTENT_BYTES;
  }
}

/** Walks the whole tree and reads the files. */
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
