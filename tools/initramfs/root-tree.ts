/** The root file system that an initramfs takes its programs from. */

import { type Entry, normalizePath } from '../lib/formats/entry/entry.ts';
import { UserError } from '../lib/formats/error/user-error.ts';

export interface RootTree {
  get(path: string): Entry | undefined;
  /** The names in a directory, sorted; empty where it is none. */
  names(path: string): readonly string[];
  /** The bytes of a file or hard link. */
  read(path: string): Promise<Uint8Array>;
}

/** A path from an option in normal form. */
export function pathOption(path: string, option: string): string {
  const normal = normalizePath(path);
  if (normal === undefined || normal === '') {
    throw new UserError(`--${option}=${path}: not a path inside the root file system`);
  }
  return normal;
}
