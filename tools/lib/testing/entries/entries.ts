/** Builds sample entries that root owns, with the usual mode of their type. */
import { type Entry, type EntryMetadata, NO_XATTRS } from '../../formats/entry/entry.ts';

/** Metadata that replaces the default. */
export type GivenMetadata = Partial<Omit<EntryMetadata, 'path'>>;

function metadata(path: string, mode: number, given: GivenMetadata): EntryMetadata {
  return { path, mode, uid: 0, gid: 0, xattrs: NO_XATTRS, ...given };
}

export function directory(path: string, given: GivenMetadata = {}): Entry {
  return { type: 'directory', ...metadata(path, 0o755, given) };
}

export function file(path: string, sizeBytes: number, given: GivenMetadata = {}): Entry {
  return { type: 'file', sizeBytes, ...metadata(path, 0o644, given) };
}

export function symlink(path: string, target: string, given: GivenMetadata = {}): Entry {
  return { type: 'symlink', target, ...metadata(path, 0o777, given) };
}

export function hardlink(path: string, target: string): Entry {
  return { type: 'hardlink', target, ...metadata(path, 0o644, {}) };
}

export function device(
  path: string,
  major: number,
  minor: number,
  type: 'character-device' | 'block-device' = 'character-device',
): Entry {
  return { type, major, minor, ...metadata(path, 0o600, {}) };
}

export function special(path: string, type: 'fifo' | 'socket'): Entry {
  return { type, ...metadata(path, 0o600, {}) };
}

/** Builds extended attributes from text or bytes. */
export function xattrs(values: Readonly<Record<string, string | Uint8Array>>): Map<string, Uint8Array> {
  return new Map(Object.entries(values).map(([name, value]) => [name, Uint8Array.from(Buffer.from(value))]));
}
