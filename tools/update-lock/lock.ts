import { comparePaths } from '../lib/formats/entry/entry.ts';
import { UserError } from '../lib/formats/error/user-error.ts';

/** The version of the lock's format. */
export const LOCK_VERSION = 1;

/** One pinned package. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** The source package's name, and its version where that is another one: `util-linux (2.41-5)`. */
  readonly source: string;
  /** Path below a mirror's base, `pool/main/…`. The mirror itself is no part of a lock. */
  readonly poolPath: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** The sets that this package is in. Each set is complete: all that its requested packages depend on is in it. */
  readonly sets: readonly string[];
}

export interface Lock {
  readonly version: typeof LOCK_VERSION;
  readonly suites: readonly string[];
  readonly architecture: string;
  /** The packages asked for by name, for each set. */
  readonly requested: Readonly<Record<string, readonly string[]>>;
  /** Sorted by name. */
  readonly packages: readonly LockedPackage[];
}

/** The lock as text: one package a line, so that a change of one package is a change of one line. */
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

/** Reads a lock that {@link formatLock} wrote; `undefined` where `text` is no lock of this version. */
export function parseLock(text: string, where: string): Lock | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError(`${where}: not JSON; delete the file to make the lock anew`);
  }
  const lock = value as Partial<Lock>;
  return lock.version === LOCK_VERSION && Array.isArray(lock.packages) ? (lock as Lock) : undefined;
}
