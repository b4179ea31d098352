import { printableName } from '../entry/name.ts';
import { UserError } from '../error/user-error.ts';
import { CASE_LOWER_BASE, CASE_LOWER_EXTENSION, LONG_NAME_LIMIT, SHORT_BASE_BYTES } from './format.ts';

/** How a name stands in its directory. */
export interface StoredName {
  readonly name: string;
  /** Base and extension padded with spaces to eleven ASCII characters, without the dot. */
  readonly shortName: string;
  readonly caseFlags: number;
  /** Whether the short name alone does not say the name, so that it needs long-name slots. */
  readonly hasLongName: boolean;
}

/** What a long name may not hold ("Long File Names"): control characters and the separators of DOS. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const FORBIDDEN = /[\x00-\x1f"*/:<>?\\|]/u;

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ASCII = /^[\x00-\x7f]*$/;

/** A name that is its own short name but for its case. */
const SHORT_CHARACTERS = "[A-Z0-9$%'\\-_@~`!(){}^#&]";
const SHORT_NAME = new RegExp(`^(${SHORT_CHARACTERS}{1,8})(?:\\.(${SHORT_CHARACTERS}{1,3}))?$`, 'i');
const SHORT_CHARACTER = new RegExp(`^${SHORT_CHARACTERS}$`);
const EXTENSION_BYTES = 3;

/** "Numeric-Tail Generation": `~1` to `~999999`. */
const TAIL_DIGITS_MAXIMUM = 6;

/**
 * Refuses a name that FAT cannot hold.
 *
 * @param path the whole path, for the error
 */
export function checkName(name: string, path: string): void {
  const problem =
    nameProblem(name) ??
    (/[ .]$|^ /.test(name)
      ? 'FAT names cannot begin with a space, nor end with a space or a dot: rename it'
      : undefined);
  if (problem !== undefined) throw new UserError(`FAT: "${printableName(path)}": ${problem}`);
}

/** What no name of a volume may be. Spaces at the ends are odd, but the kernel makes such names. */
export function nameProblem(name: string): string | undefined {
  if (name === '' || name === '.' || name === '..') return `"${name}" is not a name`;
  const forbidden = FORBIDDEN.exec(name);
  if (forbidden !== null)
    return `FAT names cannot hold the character ${JSON.stringify(forbidden[0])}: rename it`;
  if (!name.isWellFormed()) return 'the name is not valid Unicode';
  if (name.length > LONG_NAME_LIMIT)
    return `the name has ${name.length} UTF-16 units, FAT takes ${LONG_NAME_LIMIT}: shorten it`;
  return undefined;
}

/** The form in which FAT compares names: each character in upper case where that is one character again. */
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
 * Gives each name of a directory its short name: its own where it is one, else one with a numeric tail, in the order of
 * `names`, which therefore must not depend on anything but the names.
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

/** The short name of a name that has the form of one. Where base or extension mix cases, a long name keeps them. */
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
    // The next number for a stem is remembered, or ten thousand like names would search each other's numbers.
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

/** The first characters in upper case, spaces and dots removed, and `_` for what a short name cannot hold. */
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
