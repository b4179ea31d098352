/** Checks entries against the rules of Linux and the limits of one file system. */
import type { Entry } from '../entry/entry.ts';
import { nameBytes, printableName } from '../entry/name.ts';
import { UserError } from '../error/user-error.ts';

/** The limits of a file system. */
export interface TreeLimits {
  /** The name of the format in error messages. */
  readonly format: string;
  /** The largest size of one component of a path. */
  readonly nameBytes: number;
  /** The largest size of a symbolic link's target. */
  readonly targetBytes: number;
  readonly fileBytes: number;
  readonly major: number;
  readonly minor: number;
}

const TEBIBYTE = 2 ** 40;
const MAXIMUM_ID = 0xffffffff;
const MAXIMUM_PERMISSIONS = 0o7777;

/** Throws the error for an entry. */
export function fail(entry: Entry, problem: string): never {
  throw new UserError(`/${printableName(entry.path)}: ${problem}`);
}

function fits(value: number, maximum: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= maximum;
}

/**
 * Checks everything except the name of an entry.
 *
 * @throws UserError if the file system does not support the entry
 */
export function checkEntry(entry: Entry, limits: TreeLimits): void {
  if (!fits(entry.uid, MAXIMUM_ID) || !fits(entry.gid, MAXIMUM_ID)) {
    fail(entry, `its owner ${entry.uid}:${entry.gid} does not fit in 32 bits`);
  }
  if (!fits(entry.mode, MAXIMUM_PERMISSIONS)) {
    fail(entry, `its mode ${entry.mode} is not a set of the twelve permission bits`);
  }
  if (entry.type === 'file') {
    if (!fits(entry.sizeBytes, Number.MAX_SAFE_INTEGER)) {
      fail(entry, `its size is not known (${entry.sizeBytes}); a file needs a size before its content`);
    }
    if (entry.sizeBytes > limits.fileBytes) {
      const tebibytes = Math.round(limits.fileBytes / TEBIBYTE);
      fail(entry, `it is over ${tebibytes} TiB, the limit for a file of ${limits.format}`);
    }
  } else if (entry.type === 'symlink') {
    const targetBytes = nameBytes(entry.target);
    if (targetBytes === 0 || targetBytes > limits.targetBytes || entry.target.includes('\0')) {
      fail(
        entry,
        `its target has ${targetBytes} bytes; a target has 1 to ${limits.targetBytes} bytes, none of them NUL`,
      );
    }
  } else if (entry.type === 'character-device' || entry.type === 'block-device') {
    if (!fits(entry.major, limits.major) || !fits(entry.minor, limits.minor)) {
      fail(entry, `its device number ${entry.major}:${entry.minor} is over ${limits.major}:${limits.minor}`);
    }
  }
}

/**
 * Checks the last component of an entry's path, which begins at `start`.
 *
 * @returns its number of bytes
 */
export function checkName(entry: Entry, start: number, limits: TreeLimits): number {
  const name = entry.path.slice(start);
  if (name === '' || name === '.' || name === '..' || name.includes('\0') || entry.path.startsWith('/')) {
    fail(entry, 'this is not a path inside a file system');
  }
  const length = nameBytes(name);
  if (length <= limits.nameBytes) return length;
  return fail(
    entry,
    `its name has ${length} bytes, and ${limits.format} allows ${limits.nameBytes}; shorten it`,
  );
}
