import { comparePaths } from '../lib/formats/entry/entry.ts';
import { UserError } from '../lib/formats/error/user-error.ts';

/** The version of the lock's format. */
export const LOCK_VERSION = 1;

/** One pinned package. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** The name of the source package, with its version if that differs: `util-linux (2.41-5)`. */
  readonly source: string;
  /** The path below a mirror's base address, `pool/main/…`. A lock does not name mirrors. */
  readonly poolPath: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /**
   * The sets with this package. Each set is complete: it has all dependencies of its requested
   * packages.
   */
  readonly sets: readonly string[];
}

export interface Lock {
  readonly version: typeof LOCK_VERSION;
  readonly suites: readonly string[];
  readonly architecture: string;
  /** The names of the requested packages of each set. */
  readonly requested: Readonly<Record<string, readonly string[]>>;
  /** Sorted by name. */
  readonly packages: readonly LockedPackage[];
}

/** Formats a lock with one package per line, so that a change of one package changes one line. */
export function formatLock(lock: Lock): string {
  const packages = [...lock.packages].sort((a, b) => comparePaths(a.name, b.name));
  const requested = Object.entries(lock.requested).map(
    ([set, names]) => `    ${JSON.stringify(set)}: ${JSON.stringify([...names].sort(comparePaths))}`,
  );
  return [
    '{',
    `  "version": ${lock.version},`,
    `  "suites": ${JSON.stringify(lock.suites)},`,
    `  "architecture": ${JSON.stringify(lock.architecture)},`,
    '  "requested": {',
    requested.join(',\n'),
    '  },',
    '  "packages": [',
    packages.map((entry) => `    ${JSON.stringify(entry)}`).join(',\n'),
    '  ]',
    '}',
    '',
  ].join('\n');
}

/**
 * Parses a lock that {@link formatLock} wrote. Returns `undefined` for a lock of another version.
 */
export function parseLock(text: string, where: string): Lock | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError(`${where}: not JSON; delete the file to create the lock again`);
  }
  const lock = value as Partial<Lock>;
  return lock.version === LOCK_VERSION && Array.isArray(lock.packages) ? (lock as Lock) : undefined;
}
