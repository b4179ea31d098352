/** The root file system from which an initramfs gets its programs. */

import { type Entry, normalizePath } from '../lib/formats/entry/entry.ts';
import { UserError } from '../lib/formats/error/user-error.ts';

export interface RootTree {
  get(path: string): Entry | undefined;
  /** The names in a directory, sorted; empty if the path is not a directory. */
  names(path: string): readonly string[];
  /** The bytes of a file or hard link. */
  read(path: string): Promise<Uint8Array>;
}

/** Converts a path of an option to normal form. */
export function pathOption(path: string, option: string): string {
  const normal = normalizePath(path);
  if (normal === undefined || normal === '') {
    throw new UserError(`--${option}=${path}: it is not a path inside the root file system`);
  }
  return normal;
}
