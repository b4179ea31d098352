import { writeFileSync, writeSync } from 'node:fs';

/** Adds the path of an open file to an error, because Node omits it from such errors. */
export function naming(error: unknown, path: string): unknown {
  return error instanceof Error && !('path' in error) ? Object.assign(error, { path }) : error;
}

/**
 * Writes all of `bytes` to an open file, at `positionBytes` or at its current position.
 *
 * @param path of the file, for errors such as a full disk
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

/** Writes a whole file. An error has the path of the file. */
export function writeWholeFile(path: string, content: string | Uint8Array): void {
  try {
    writeFileSync(path, content);
  } catch (error) {
    throw naming(error, path);
  }
}
