/**
 * Expands variables, and removes quotes and escapes, in the words of a Dockerfile.
 *
 * Reference: Docker documentation, "Dockerfile reference", section "Environment replacement".
 */
import { UserError } from '../../lib/formats/error/user-error.ts';
import type { EscapeCharacter } from './source.ts';

export interface ExpandOptions {
  readonly escapeCharacter: EscapeCharacter;
  /** Returns a variable's value; `undefined` if it is not set. */
  readonly lookup: (name: string) => string | undefined;
  /** `FILE:LINE` for error messages. */
  readonly where: string;
}

/** A name, digits, or one of the shell's special parameters. */
const NAME = /[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?\-$!]/y;

/**
 * Converts a shell pattern to a regular expression. `*` matches as little as possible unless
 * `greedy`.
 */
function patternSource(pattern: string, greedy: boolean): string {
  let source = '';
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern.charAt(index);
    if (character === '*') source += greedy ? '[\\s\\S]*' : '[\\s\\S]*?';
    else if (character === '?') source += '[\\s\\S]';
    else
      source += (character === '\\' ? pattern.charAt(++index) : character).replace(
        /[\^$.*+?()[\]{}|\\/-]/,
        '\\$&',
      );
  }
  return source;
}

/**
 * Implements `${NAME#PATTERN}` and `${NAME##PATTERN}`: removes the shortest or longest match at the
 * start.
 */
function withoutPrefix(value: string, pattern: string, greedy: boolean): string {
  return value.replace(new RegExp(`^${patternSource(pattern, greedy)}`), '');
}

/**
 * Implements `${NAME%PATTERN}` and `${NAME%%PATTERN}`: removes the shortest or longest match at the
 * end.
 */
function withoutSuffix(value: string, pattern: string, greedy: boolean): string {
  const whole = new RegExp(`^${patternSource(pattern, true)}$`);
  const starts = Array.from({ length: value.length + 1 }, (_, index) =>
    greedy ? index : value.length - index,
  );
  const start = starts.find((index) => whole.test(value.slice(index)));
  return start === undefined ? value : value.slice(0, start);
}

class Expander {
  readonly #text: string;
  readonly #options: ExpandOptions;
  #position = 0;

  constructor(text: string, options: ExpandOptions) {
    this.#text = text;
    this.#options = options;
  }

  #fail(rule: string): never {
    throw new UserError(`${this.#options.where}: ${rule} in ${this.#text}`);
  }

  #peek(): string {
    return this.#text.charAt(this.#position);
  }

  #take(): string {
    return this.#text.charAt(this.#position++);
  }

  #name(): string {
    NAME.lastIndex = this.#position;
    const name = NAME.exec(this.#text)?.[0] ?? '';
    this.#position += name.length;
    return name;
  }

  /** Expands up to `stop`, or to the end. `rawEscapes` keeps escape characters, for patterns. */
  word(stop = '', rawEscapes = false): string {
    let result = '';
    while (this.#position < this.#text.length) {
      const character = this.#peek();
      if (stop !== '' && character === stop) {
        this.#position++;
        return result;
      }
      if (character === '$') result += this.#variable();
      else if (character === "'") result += this.#singleQuoted();
      else if (character === '"') result += this.#doubleQuoted();
      else if (this.#take() !== this.#options.escapeCharacter) result += character;
      else result += (rawEscapes ? character : '') + this.#take();
    }
    if (stop !== '') this.#fail(`${stop} is missing`);
    return result;
  }

  #singleQuoted(): string {
    const end = this.#text.indexOf("'", this.#position + 1);
    if (end < 0) this.#fail("the closing ' is missing");
    const content = this.#text.slice(this.#position + 1, end);
    this.#position = end + 1;
    return content;
  }

  #doubleQuoted(): string {
    const { escapeCharacter } = this.#options;
    let result = '';
    this.#position++;
    while (this.#position < this.#text.length) {
      const character = this.#peek();
      if (character === '$') {
        result += this.#variable();
        continue;
      }
      this.#position++;
      if (character === '"') return result;
      // In double quotes, the escape character has a meaning only before a special character.
      if (character === escapeCharacter && ['"', '$', escapeCharacter].includes(this.#peek()))
        result += this.#take();
      else result += character;
    }
    return this.#fail('the closing " is missing');
  }

  #variable(): string {
    this.#position++;
    if (this.#peek() !== '{') {
      const name = this.#name();
      return name === '' ? '$' : (this.#options.lookup(name) ?? '');
    }
    this.#position++;
    const name = this.#name();
    if (name === '') this.#fail('a variable without name');
    let operator = this.#take();
    if (operator === '}') return this.#options.lookup(name) ?? '';
    if (operator === '') this.#fail('} is missing');
    const emptyIsUnset = operator === ':';
    if (emptyIsUnset) operator = this.#take();
    return this.#modified(name, operator, emptyIsUnset);
  }

  #modified(name: string, operator: string, emptyIsUnset: boolean): string {
    const value = this.#options.lookup(name);
    const isSet = value !== undefined && !(emptyIsUnset && value === '');
    if (operator === '-') {
      const word = this.word('}');
      return isSet ? value : word;
    }
    if (operator === '+') {
      const word = this.word('}');
      return isSet ? word : '';
    }
    if (operator === '?') {
      const message = this.word('}');
      if (!isSet) this.#fail(`${name}: ${message === '' ? 'is not set' : message}:`);
      return value;
    }
    if (!emptyIsUnset && (operator === '#' || operator === '%')) return this.#stripped(value ?? '', operator);
    if (!emptyIsUnset && operator === '/') return this.#replaced(value ?? '');
    return this.#fail(
      `\${${name}${emptyIsUnset ? ':' : ''}${operator}...} is not a modifier that Docker supports,`,
    );
  }

  #stripped(value: string, operator: '#' | '%'): string {
    const greedy = this.#peek() === operator;
    if (greedy) this.#position++;
    const pattern = this.word('}', true);
    return operator === '#' ? withoutPrefix(value, pattern, greedy) : withoutSuffix(value, pattern, greedy);
  }

  #replaced(value: string): string {
    const all = this.#peek() === '/';
    if (all) this.#position++;
    const pattern = this.word('/', true);
    const replacement = this.word('}', true);
    return value.replace(new RegExp(patternSource(pattern, true), all ? 'g' : ''), () => replacement);
  }
}

/**
 * Expands the variables of one word, and removes its quotes and escapes.
 *
 * @throws UserError for a quote or brace that is not closed, and for `${NAME:?message}` without a
 *   value
 */
export function expandWord(word: string, options: ExpandOptions): string {
  return new Expander(word, options).word();
}

const HEREDOC_PART = /\\([$`\\])|\$\{(?:[^}\\]|\\.)*\}|\$[A-Za-z_][A-Za-z0-9_]*|\$[0-9]/g;

/**
 * Expands the variables of a here-document. Quotes have no meaning there, and only `\$`, `` \` ``
 * and `\\` are escapes.
 */
export function expandHeredoc(content: string, options: ExpandOptions): string {
  return content.replaceAll(HEREDOC_PART, (part: string, escaped: string | undefined) =>
    escaped === undefined ? expandWord(part, { ...options, escapeCharacter: '\\' }) : escaped,
  );
}
