/**
 * Converts file name patterns of COPY and ADD, which are those of Go's filepath.Match, to regular
 * expressions.
 */
import { UserError } from '../../lib/formats/error/user-error.ts';

const SPECIAL = /[*?[\\]/;

export function hasWildcard(pattern: string): boolean {
  return SPECIAL.test(pattern);
}

function escaped(character: string): string {
  return character.replace(/[\^$.*+?()[\]{}|\\/-]/, '\\$&');
}

/**
 * Parses a character class `[...]`, beginning after its opening bracket. Returns the source of a
 * regular expression, and the end position.
 */
function characterClass(pattern: string, start: number): { source: string; end: number } | undefined {
  let index = start;
  const negated = pattern.charAt(index) === '^';
  if (negated) index++;
  let source = '';
  const character = (): string | undefined => {
    if (pattern.charAt(index) === '\\') index++;
    const found = pattern.charAt(index++);
    return found === '' ? undefined : found;
  };
  for (let isFirst = true; pattern.charAt(index) !== ']' || isFirst; isFirst = false) {
    if (pattern.charAt(index) === ']' || pattern.charAt(index) === '-') return undefined;
    const low = character();
    if (low === undefined) return undefined;
    source += escaped(low);
    if (pattern.charAt(index) !== '-') continue;
    index++;
    if (pattern.charAt(index) === ']' || pattern.charAt(index) === '-') return undefined;
    const high = character();
    if (high === undefined || high < low) return undefined;
    source += `-${escaped(high)}`;
  }
  return { source: `[${negated ? '^' : ''}${source}]`, end: index + 1 };
}

/**
 * Converts a pattern for one component of a path. `*` matches any characters except `/`, `?`
 * matches one of them, `[a-z]` and `[^a-z]` match one of a set, and `\` makes the next character
 * literal.
 *
 * @param where `FILE:LINE` for error messages
 * @throws UserError for a pattern for which filepath.Match returns ErrBadPattern
 */
export function globRegExp(pattern: string, where: string): RegExp {
  let source = '';
  for (let index = 0; index < pattern.length; ) {
    const character = pattern.charAt(index++);
    if (character === '*') source += '[^/]*';
    else if (character === '?') source += '[^/]';
    else if (character === '[') {
      const set = characterClass(pattern, index);
      if (set === undefined)
        throw new UserError(`${where}: ${pattern}: the character class [ ] of this pattern is invalid`);
      source += `(?!/)${set.source}`;
      index = set.end;
    } else if (character === '\\') {
      if (index === pattern.length)
        throw new UserError(`${where}: ${pattern}: nothing follows the \\ at its end`);
      source += escaped(pattern.charAt(index++));
    } else source += escaped(character);
  }
  return new RegExp(`^${source}$`, 'su');
}
