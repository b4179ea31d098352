import { printableName } from '../entry/name.ts';
import { UserError } from '../error/user-error.ts';
import { CASE_LOWER_BASE, CASE_LOWER_EXTENSION, LONG_NAME_LIMIT, SHORT_BASE_BYTES } from './format.ts';

/** A name in the form that its directory stores. */
export interface StoredName {
  readonly name: string;
  /** Base and extension padded with spaces to eleven ASCII characters, without the dot. */
  readonly shortName: string;
  readonly caseFlags: number;
  /** Whether the name needs long-name slots because the short name differs from it. */
  readonly hasLongName: boolean;
}

/**
 * The characters that a long name must not contain ("Long File Names"): control characters and the
 * separators of DOS.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: this pattern finds control characters
const FORBIDDEN = /[\x00-\x1f"*/:<>?\\|]/u;

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ASCII = /^[\x00-\x7f]*$/;

const SHORT_CHARACTERS = "[A-Z0-9$%'\\-_@~`!(){}^#&]";
/** A name that equals its short name, except in case. */
const SHORT_NAME = new RegExp(`^(${SHORT_CHARACTERS}{1,8})(?:\\.(${SHORT_CHARACTERS}{1,3}))?$`, 'i');
const SHORT_CHARACTER = new RegExp(`^${SHORT_CHARACTERS}$`);
const EXTENSION_BYTES = 3;

/** "Numeric-Tail Generation": `~1` to `~999999`. */
const TAIL_DIGITS_MAXIMUM = 6;

/**
 * Throws a {@link UserError} for a name that FAT cannot hold.
 *
 * @param path the whole path, for the error
 */
export function checkName(name: string, path: string): void {
  const problem =
    nameProblem(name) ??
    (/[ .]$|^ /.test(name)
      ? 'FAT names cannot begin with a space, or end with a space or a dot: rename it'
      : undefined);
  if (problem !== undefined) throw new UserError(`FAT: "${printableName(path)}": ${problem}`);
}

/**
 * Returns the reason why a name is invalid on any volume. Spaces at the ends are allowed, because
 * the kernel writes such names.
 */
export function nameProblem(name: string): string | undefined {
  if (name === '' || name === '.' || name === '..') return `"${name}" is not a name`;
  const forbidden = FORBIDDEN.exec(name);
  if (forbidden !== null)
    return `FAT names cannot contain the character ${JSON.stringify(forbidden[0])}: rename it`;
  if (!name.isWellFormed()) return 'the name is not valid Unicode';
  if (name.length > LONG_NAME_LIMIT)
    return `the name has ${name.length} UTF-16 units, FAT allows ${LONG_NAME_LIMIT}: shorten it`;
  return undefined;
}

/**
 * Returns the form in which FAT compares names: each character in upper case, if its upper case is
 * a single character.
 */
export function foldName(name: string): string {
  if (ASCII.test(name)) return name.toUpperCase();
  let folded = '';
  for (const character of name) {
    const upper = character.toUpperCase();
    folded += upper.length === character.length ? upper : character;
  }
  return folded;
}

/**
 * Gives each name of a directory its short name. A name that is itself a short name keeps it, the
 * others get a numeric tail in the order of `names`. The order must therefore depend only on the
 * names.
 */
export function storeNames(names: readonly string[]): StoredName[] {
  const taken = new Set<string>();
  for (const name of names) {
    const own = ownShortName(name);
    if (own !== undefined) taken.add(own.shortName);
  }
  const tails = new Map<string, number>();
  return names.map((name) => {
    const own = ownShortName(name);
    if (own !== undefined) return own;
    return { name, shortName: tailedShortName(name, taken, tails), caseFlags: 0, hasLongName: true };
  });
}

/**
 * Returns a name that has the form of a short name. If base or extension has mixed case, a long
 * name preserves it.
 */
function ownShortName(name: string): StoredName | undefined {
  const match = SHORT_NAME.exec(name);
  if (match === null) return undefined;
  const [, base = '', extension = ''] = match;
  const shortName = pad(base.toUpperCase(), extension.toUpperCase());
  if (isMixedCase(base) || isMixedCase(extension))
    return { name, shortName, caseFlags: 0, hasLongName: true };
  const caseFlags =
    (base === base.toUpperCase() ? 0 : CASE_LOWER_BASE) |
    (extension === extension.toUpperCase() ? 0 : CASE_LOWER_EXTENSION);
  return { name, shortName, caseFlags, hasLongName: false };
}

function isMixedCase(text: string): boolean {
  return text !== text.toUpperCase() && text !== text.toLowerCase();
}

function pad(base: string, extension: string): string {
  return base.padEnd(SHORT_BASE_BYTES) + extension.padEnd(EXTENSION_BYTES);
}

/** "Basis-Name Generation" and "Numeric-Tail Generation". */
function tailedShortName(name: string, taken: Set<string>, tails: Map<string, number>): string {
  const { base, extension } = basisName(name);
  for (let digits = 1; digits <= TAIL_DIGITS_MAXIMUM; digits += 1) {
    const stem = base.slice(0, SHORT_BASE_BYTES - 1 - digits);
    // The next number for a stem is remembered. Otherwise ten thousand similar names would each
    // search from 1.
    const key = `${stem}.${extension}.${digits}`;
    for (let tail = tails.get(key) ?? 10 ** (digits - 1); tail < 10 ** digits; tail += 1) {
      const shortName = pad(`${stem}~${tail}`, extension);
      tails.set(key, tail + 1);
      if (taken.has(shortName)) continue;
      taken.add(shortName);
      return shortName;
    }
  }
  throw new UserError(`FAT: "${name}": more than a million names like this one in one directory`);
}

function basisName(name: string): { readonly base: string; readonly extension: string } {
  const stripped = name.replace(/^[. ]+/, '');
  const dot = stripped.lastIndexOf('.');
  const base = dot < 0 ? stripped : stripped.slice(0, dot);
  const extension = dot < 0 ? '' : stripped.slice(dot + 1);
  return {
    base: shortCharacters(base, SHORT_BASE_BYTES),
    extension: shortCharacters(extension, EXTENSION_BYTES),
  };
}

/**
 * Returns the first characters in upper case, without spaces and dots, and with `_` for characters
 * that short names cannot contain.
 */
function shortCharacters(text: string, limit: number): string {
  let result = '';
  for (const character of text) {
    if (result.length === limit) break;
    if (character === ' ' || character === '.') continue;
    const upper = character.toUpperCase();
    result += SHORT_CHARACTER.test(upper) ? upper : '_';
  }
  return result;
}
