import { closeSync, openSync, readSync } from 'node:fs';
import { UserError } from '../error/user-error.ts';

/** Files are read in pieces of this size. */
const PIECE_BYTES = 1 << 20;

/**
 * Reads a part of a file, piece by piece.
 *
 * @throws UserError if the file is shorter than expected
 */
export function* readFileRange(
  path: string,
  offsetBytes: number,
  sizeBytes: number,
): Generator<Uint8Array, void, undefined> {
  const descriptor = openSync(path, 'r');
  try {
    for (let done = 0; done < sizeBytes; ) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, sizeBytes - done));
      const count = readSync(descriptor, piece, 0, piece.length, offsetBytes + done);
      if (count === 0) throw new UserError(`${path}: became shorter while it was read`);
      yield piece.subarray(0, count);
      done += count;
    }
  } finally {
    closeSync(descriptor);
  }
}
