import { comparePaths } from '../lib/formats/entry/entry.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import {
  anything,
  count,
  listOf,
  mapOf,
  object,
  oneOf,
  parseJson,
  type Reader,
  text,
} from '../lib/formats/json/json.ts';

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

const LOCK = object({
  version: oneOf(LOCK_VERSION),
  suites: listOf(text),
  architecture: text,
  requested: mapOf(listOf(text)),
  packages: listOf(
    object({
      name: text,
      version: text,
      architecture: text,
      source: text,
      poolPath: text,
      sizeBytes: count,
      sha256: text,
      sets: listOf(text),
    }),
  ),
});

const ANY_VERSION = object({}, { version: anything });

const lockOfThisVersion: Reader<Lock | undefined> = (value, place) =>
  ANY_VERSION(value, place).version === LOCK_VERSION ? LOCK(value, place) : undefined;

/**
 * Parses a lock that {@link formatLock} wrote. Returns `undefined` for a lock of another version.
 *
 * @param where the lock's file, for errors
 * @throws UserError for anything else
 */
export function parseLock(json: string, where: string): Lock | undefined {
  try {
    return parseJson(json, where, lockOfThisVersion);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${error.message}; delete the file to create the lock again`);
  }
}
