import { closeSync, openSync } from 'node:fs';
import { readPieces } from './read-fully.ts';

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
    yield* readPieces(descriptor, path, offsetBytes, sizeBytes);
  } finally {
    closeSync(descriptor);
  }
}
