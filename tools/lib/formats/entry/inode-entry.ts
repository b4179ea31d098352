import type { Entry, EntryMetadata } from './entry.ts';
import { MODE } from './linux-types.ts';
import { printableName } from './name.ts';

/** The parts of an inode that only some types have. Each is read only for those types. */
export interface InodeParts {
  readonly sizeBytes: number;
  symlinkTarget(): string;
  device(): { readonly major: number; readonly minor: number };
  /** Throws the error for a broken inode. */
  fail(problem: string): never;
}

/**
 * Builds the entry of an inode.
 *
 * @param inode its mode has the bits of the type and of the permissions
 */
export function inodeEntry(inode: EntryMetadata, parts: InodeParts): Entry {
  const { path, mode, uid, gid, xattrs } = inode;
  const metadata = { path, mode: mode & ~MODE.mask, uid, gid, xattrs };
  switch (mode & MODE.mask) {
    case MODE.file:
      return { ...metadata, type: 'file', sizeBytes: parts.sizeBytes };
    case MODE.directory:
      return { ...metadata, type: 'directory' };
    case MODE.symlink:
      return { ...metadata, type: 'symlink', target: parts.symlinkTarget() };
    case MODE.characterDevice:
      return { ...metadata, type: 'character-device', ...parts.device() };
    case MODE.blockDevice:
      return { ...metadata, type: 'block-device', ...parts.device() };
    case MODE.fifo:
      return { ...metadata, type: 'fifo' };
    case MODE.socket:
      return { ...metadata, type: 'socket' };
    default:
      return parts.fail(`/${printableName(path)} has an unknown type (mode 0${mode.toString(8)})`);
  }
}
