import { UserError } from '../lib/formats/error/user-error.ts';

/**
 * Decides which paths are not unpacked, like dpkg(1)'s `--path-exclude` and `--path-include`. Here,
 * an included path is never excluded.
 */
export class PathFilter {
  readonly #excluded: readonly RegExp[];
  readonly #included: readonly RegExp[];

  /** @param excluded, included shell patterns for absolute paths */
  constructor(excluded: readonly string[], included: readonly string[]) {
    this.#excluded = excluded.map(patternExpression);
    this.#included = included.map(patternExpression);
  }

  /** @param path without a leading slash */
  excludes(path: string): boolean {
    const matches = (expression: RegExp) => expression.test(`/${path}`);
    return this.#excluded.some(matches) && !this.#included.some(matches);
  }
}

/**
 * Converts a pattern of dpkg: `*` matches any text including slashes, `?` one character, `[...]`
 * one character of a class.
 */
function patternExpression(pattern: string): RegExp {
  if (!pattern.startsWith('/')) throw new UserError(`the pattern "${pattern}" does not begin with a slash`);
  const source = pattern.replace(/\[!?\]?[^\]]*\]|[\s\S]/g, (token) => {
    if (token === '*') return '.*';
    if (token === '?') return '.';
    if (token.length > 1) {
      const negated = token[1] === '!';
      const members = token.slice(negated ? 2 : 1, -1).replace(/[\\\]^]/g, '\\$&');
      return `[${negated ? '^' : ''}${members}]`;
    }
    return token.replace(/[\\^$.|+(){}[\]]/, '\\$&');
  });
  return new RegExp(`^${source}$`, 's');
}
