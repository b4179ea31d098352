import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../lib/formats/error/user-error.ts';
import {
  anything,
  flag,
  listOf,
  mapOf,
  nonEmptyListOf,
  object,
  Place,
  parseJson,
  text,
} from '../lib/formats/json/json.ts';

/** The description of one lock: one entry of `locks.json`. */
export interface LockRequest {
  readonly name: string;
  readonly suites: readonly string[];
  readonly architecture: string;
  /** Whether every set includes the packages that every Debian system needs. */
  readonly essential: boolean;
  /**
   * The packages to leave out of those that every Debian system needs, together with their
   * dependencies that no other package needs.
   */
  readonly without: readonly string[];
  /** Whether the lock includes the dependencies of the packages. */
  readonly dependencies: boolean;
  /** The requested package names of each set. */
  readonly sets: Readonly<Record<string, readonly string[]>>;
}

/** Debian Policy 5.6.1: at least two characters, lower-case letters, digits, `+`, `-` and `.`. */
const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]+$/;

/** Parses a package list: one name per line; `#` starts a comment; blank lines are ignored. */
export function parsePackageList(text: string, where: string): string[] {
  return text.split('\n').flatMap((line, index) => {
    const name = line.replace(/#.*/, '').trim();
    if (name === '') return [];
    if (!PACKAGE_NAME.test(name)) {
      throw new UserError(`${where}:${index + 1}: "${name}" is not a package name; write one name per line`);
    }
    return [name];
  });
}

/** `locks.json`. Only the requested locks are checked. */
const LOCKS = object({ locks: mapOf(anything) });

const LOCK_REQUEST = object(
  { suites: nonEmptyListOf(text), architecture: text, sets: mapOf(listOf(text)) },
  { essential: flag, without: listOf(text), dependencies: flag },
);

/**
 * Reads `locks.json` and the package lists that it names, relative to its own directory.
 *
 * @param names the locks to read; all if empty
 */
export function readLockRequests(directory: string, names: readonly string[]): LockRequest[] {
  const file = join(directory, 'locks.json');
  const { locks } = parseJson(readFileSync(file, 'utf8'), file, LOCKS);
  const known = Object.keys(locks);
  for (const name of names) {
    if (!known.includes(name)) {
      throw new UserError(`${file}: no lock is named "${name}"; known are: ${known.join(' ')}`);
    }
  }
  const selected = names.length === 0 ? known : names;
  const place = new Place(file).at('locks');
  return selected.map((name) => readRequest(directory, name, locks[name], place.at(name)));
}

function readRequest(directory: string, name: string, value: unknown, place: Place): LockRequest {
  const {
    suites,
    architecture,
    essential = false,
    without = [],
    dependencies = true,
    sets,
  } = LOCK_REQUEST(value, place);
  const packages = Object.entries(sets).map(([set, files]): [string, string[]] => {
    const names = files.flatMap((file) => {
      const path = join(directory, file);
      return parsePackageList(readFileSync(path, 'utf8'), path);
    });
    return [set, [...new Set(names)]];
  });
  return { name, suites, architecture, essential, without, dependencies, sets: Object.fromEntries(packages) };
}
