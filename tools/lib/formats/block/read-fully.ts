import { readSync } from 'node:fs';
import { UserError } from '../error/user-error.ts';

/**
 * Fills `bytes` from a file.
 *
 * @param path the file's path, for errors
 * @throws UserError if the file has fewer bytes
 */
export function readFully(descriptor: number, path: string, bytes: Uint8Array, offsetBytes: number): void {
  for (let done = 0; done < bytes.length; ) {
    const count = readSync(descriptor, bytes, done, bytes.length - done, offsetBytes + done);
    if (count === 0) throw new UserError(`${path}: became shorter while it was read`);
    done += count;
  }
}
