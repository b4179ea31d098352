import { writeFileSync, writeSync } from 'node:fs';

/** Node's errors about an open file do not say which: the line that a user reads has to. */
export function naming(error: unknown, path: string): unknown {
  return error instanceof Error && !('path' in error) ? Object.assign(error, { path }) : error;
}

/**
 * Writes all of `bytes` to an open file, at its end so far or at `positionBytes`.
 *
 * @param path the file's name, for errors such as a full disk
 */
export function writeFully(
  descriptor: number,
  path: string,
  bytes: Uint8Array,
  positionBytes?: number,
): void {
  try {
    for (let done = 0; done < bytes.length; ) {
      const position = positionBytes === undefined ? null : positionBytes + done;
      done += writeSync(descriptor, bytes, done, bytes.length - done, position);
    }
  } catch (error) {
    throw naming(error, path);
  }
}

/** Writes a whole file; an error names it. */
export function writeWholeFile(path: string, content: string | Uint8Array): void {
  try {
    writeFileSync(path, content);
  } catch (error) {
    throw naming(error, path);
  }
}
