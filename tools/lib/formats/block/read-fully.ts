import { readSync } from 'node:fs';
import { UserError } from '../error/user-error.ts';

/** The size of the pieces that a range is read in. */
const PIECE_BYTES = 1 << 20;

/** Fills `bytes` as far as one system call does, and returns the number of bytes. */
function readSome(descriptor: number, path: string, bytes: Uint8Array, offsetBytes: number): number {
  const count = readSync(descriptor, bytes, 0, bytes.length, offsetBytes);
  if (count === 0) throw new UserError(`${path}: became shorter while it was read`);
  return count;
}

/**
 * Fills `bytes` from an open file.
 *
 * @param path the file's path, for errors
 * @throws UserError if the file has fewer bytes
 */
export function readFully(descriptor: number, path: string, bytes: Uint8Array, offsetBytes: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += readSome(descriptor, path, bytes.subarray(done), offsetBytes + done);
  }
}

/**
 * Reads a range of an open file in pieces of up to 1 MiB. Each has its own memory.
 *
 * @param path the file's path, for errors
 * @throws UserError if the file ends before
 */
export function* readPieces(
  descriptor: number,
  path: string,
  offsetBytes: number,
  sizeBytes: number,
): Generator<Uint8Array, void, undefined> {
  for (let done = 0; done < sizeBytes; ) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, sizeBytes - done));
    const count = readSome(descriptor, path, piece, offsetBytes + done);
    yield piece.subarray(0, count);
    done += count;
  }
}
