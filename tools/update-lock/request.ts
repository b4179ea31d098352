import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../lib/formats/error/user-error.ts';

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

const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reads `locks.json` and the package lists that it names, relative to its own directory.
 *
 * @param names the locks to read; all if empty
 */
export function readLockRequests(directory: string, names: readonly string[]): LockRequest[] {
  const file = join(directory, 'locks.json');
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserError(`${file}: ${error.message}`);
    throw error;
  }
  const locks = isObject(document) ? document['locks'] : undefined;
  if (!isObject(locks)) throw new UserError(`${file}: expected {"locks": {NAME: {...}}}`);
  const known = Object.keys(locks);
  for (const name of names) {
    if (!known.includes(name)) {
      throw new UserError(`${file}: no lock is named "${name}"; known are: ${known.join(' ')}`);
    }
  }
  const selected = names.length === 0 ? known : names;
  return selected.map((name) => readRequest(directory, `${file}: "${name}"`, name, locks[name]));
}

function readRequest(directory: string, where: string, name: string, value: unknown): LockRequest {
  if (!isObject(value)) throw new UserError(`${where}: expected an object`);
  const { suites, architecture, essential = false, without = [], dependencies = true, sets } = value;
  if (!isStrings(suites) || suites.length === 0)
    throw new UserError(`${where}: "suites" is not a list with at least one suite`);
  if (typeof architecture !== 'string') throw new UserError(`${where}: "architecture" is missing`);
  if (typeof essential !== 'boolean' || typeof dependencies !== 'boolean') {
    throw new UserError(`${where}: "essential" and "dependencies" must be true or false`);
  }
  if (!isStrings(without)) throw new UserError(`${where}: "without" is not a list of package names`);
  if (!isObject(sets)) throw new UserError(`${where}: "sets" is missing`);
  const packages = Object.entries(sets).map(([set, files]): [string, string[]] => {
    if (!isStrings(files)) throw new UserError(`${where}: set "${set}" is not a list of package list files`);
    const names = files.flatMap((file) => {
      const path = join(directory, file);
      return parsePackageList(readFileSync(path, 'utf8'), path);
    });
    return [set, [...new Set(names)]];
  });
  return { name, suites, architecture, essential, without, dependencies, sets: Object.fromEntries(packages) };
}
