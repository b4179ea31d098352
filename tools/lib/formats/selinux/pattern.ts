/**
 * Translates the regular expressions of file_contexts from PCRE2 to JavaScript.
 *
 * libselinux compiles `^EXPRESSION$` with the single option PCRE2_DOTALL (src/regex.c,
 * src/label_file.h `compile_regex`): bytes, not characters; the ASCII classes of the C locale; and
 * `$` also matches before a newline at the end. libselinux puts no group around a top-level `|`, so
 * that only the first branch is anchored at the start and only the last at the end. The translation
 * keeps that. A construct without an equivalent in JavaScript is refused, never guessed.
 */

/** An error in an expression, or a construct that is not supported. */
export class PatternProblem {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/**
 * pcre2pattern(3), "Generic character types", in the C locale: the text of a class without its
 * brackets.
 */
const GENERIC_TYPES: Readonly<Record<string, string>> = {
  d: '0-9',
  w: '0-9A-Za-z_',
  s: '\\t-\\r ',
  h: '\\t \\xa0',
  v: '\\n-\\r\\x85',
};

/** pcre2pattern(3), "POSIX character classes", in the C locale. */
const POSIX_CLASSES: ReadonlyMap<string, string> = new Map(
  Object.entries<string>({
    alnum: '0-9A-Za-z',
    alpha: 'A-Za-z',
    ascii: '\\x00-\\x7f',
    blank: '\\t ',
    cntrl: '\\x00-\\x1f\\x7f',
    digit: '0-9',
    graph: '!-~',
    lower: 'a-z',
    print: ' -~',
    punct: '!-\\/:-@\\[-`{-~',
    space: '\\t-\\r ',
    upper: 'A-Z',
    word: '0-9A-Za-z_',
    xdigit: '0-9A-Fa-f',
  }),
);

/** pcre2pattern(3), "Non-printing characters". */
const CONTROL_ESCAPES: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 };

/** Assertions that are the same in both languages. */
const SAME_ASSERTIONS = 'bB';

/** PCRE2's `$` without PCRE2_DOLLAR_ENDONLY, and `\Z`. */
const END = '(?=\\n?$)';

function literal(code: number): string {
  const character = String.fromCharCode(code);
  return /[A-Za-z0-9_]/.test(character) ? character : `\\x${code.toString(16).padStart(2, '0')}`;
}

class Translator {
  readonly #source: string;
  #position = 0;
  #depth = 0;
  /** Whether a quantifier may follow the text that was translated last. */
  #quantifiable = false;
  #output = '';

  constructor(source: string) {
    this.#source = source;
  }

  #peek(offset = 0): string {
    return this.#source[this.#position + offset] ?? '';
  }

  #startsWith(text: string): boolean {
    return this.#source.startsWith(text, this.#position);
  }

  #fail(message: string): never {
    throw new PatternProblem(message);
  }

  #add(text: string, quantifiable: boolean): void {
    this.#output += text;
    this.#quantifiable = quantifiable;
  }

  translate(): string {
    while (this.#position < this.#source.length) this.#item();
    if (this.#depth > 0) this.#fail('a "(" is not closed');
    return this.#output;
  }

  #item(): void {
    const character = this.#peek();
    switch (character) {
      case '\\':
        this.#escape();
        return;
      case '[':
        this.#class();
        return;
      case '(':
        this.#open();
        return;
      case ')':
        if (this.#depth === 0) this.#fail('a ")" has no matching "("');
        this.#depth -= 1;
        this.#position += 1;
        this.#add(')', true);
        return;
      case '*':
      case '+':
      case '?':
        this.#position += 1;
        this.#quantifier(character);
        return;
      case '{':
        this.#brace();
        return;
      case '|':
      case '^':
        this.#position += 1;
        this.#add(character, false);
        return;
      case '$':
        this.#position += 1;
        this.#add(END, false);
        return;
      case '.':
        this.#position += 1;
        this.#add('.', true);
        return;
      default:
        this.#position += 1;
        this.#add(literal(character.charCodeAt(0)), true);
    }
  }

  #open(): void {
    this.#depth += 1;
    for (const group of ['(?:', '(?=', '(?!']) {
      if (!this.#startsWith(group)) continue;
      this.#position += group.length;
      this.#add(group, false);
      return;
    }
    if (this.#peek(1) === '?' || this.#peek(1) === '*') {
      this.#fail(
        `"${this.#source.slice(this.#position, this.#position + 4)}" has no equivalent in JavaScript`,
      );
    }
    this.#position += 1;
    this.#add('(?:', false);
  }

  #quantifier(text: string): void {
    if (!this.#quantifiable) this.#fail(`"${text}" has nothing to repeat`);
    if (this.#peek() === '+') this.#fail(`the possessive "${text}+" has no equivalent in JavaScript`);
    const lazy = this.#peek() === '?' ? '?' : '';
    this.#position += lazy.length;
    this.#add(text + lazy, false);
  }

  /**
   * Translates `{2}`, `{2,}` and `{2,3}`. Versions of PCRE2 disagree about `{,3}`. Everything else
   * is a literal brace.
   */
  #brace(): void {
    const rest = this.#source.slice(this.#position);
    if (/^\{,[0-9]+\}/.test(rest))
      this.#fail('"{,N}" has different meanings in versions of PCRE2; write "{0,N}"');
    const match = /^\{([0-9]+)(?:,([0-9]*))?\}/.exec(rest);
    if (match === null) {
      this.#position += 1;
      this.#add('\\{', true);
      return;
    }
    const [text, least = '', most = ''] = match;
    // pcre2pattern(3): "both numbers must be less than 65536".
    if (Number(least) > 65535 || Number(most) > 65535 || (most !== '' && Number(most) < Number(least))) {
      this.#fail(`"${text}" is not a valid number of repetitions`);
    }
    this.#position += text.length;
    this.#quantifier(text);
  }

  /**
   * Reads an escape sequence, from its backslash, that represents one byte.
   *
   * @returns `undefined` for other sequences
   */
  #escapedByte(): number | undefined {
    const character = this.#peek(1);
    const control = CONTROL_ESCAPES[character];
    if (control !== undefined) {
      this.#position += 2;
      return control;
    }
    if (character === 'x') {
      const match = /^\\x([0-9a-fA-F]{2})/.exec(this.#source.slice(this.#position));
      if (match === null) this.#fail('"\\x" needs two hexadecimal digits here');
      this.#position += 4;
      return Number.parseInt(match?.[1] ?? '', 16);
    }
    if (character === '' || /[A-Za-z0-9]/.test(character)) return undefined;
    this.#position += 2;
    return character.charCodeAt(0);
  }

  #escape(): void {
    const character = this.#peek(1);
    const type = GENERIC_TYPES[character.toLowerCase()];
    if (character === '') this.#fail('it ends with a backslash');
    if (type !== undefined) {
      this.#position += 2;
      this.#add(character === character.toLowerCase() ? `[${type}]` : `[^${type}]`, true);
      return;
    }
    if (SAME_ASSERTIONS.includes(character)) {
      this.#position += 2;
      this.#add(`\\${character}`, false);
      return;
    }
    if ('AzZ'.includes(character)) {
      this.#position += 2;
      this.#add(character === 'A' ? '^' : character === 'z' ? '$' : END, false);
      return;
    }
    const code = this.#escapedByte();
    if (code === undefined) this.#fail(`"\\${character}" has no equivalent in JavaScript`);
    else this.#add(literal(code), true);
  }

  /** Reads a member of a class: a byte, or the text of a set of bytes. */
  #classMember(): number | string {
    if (this.#startsWith('[:')) {
      const match = /^\[:(\^?)([a-z]+):\]/.exec(this.#source.slice(this.#position));
      if (match !== null) {
        const [text, negated, name = ''] = match;
        const members = POSIX_CLASSES.get(name);
        if (members === undefined || negated !== '') this.#fail(`"${text}" has no equivalent in JavaScript`);
        this.#position += text.length;
        return members ?? '';
      }
    }
    if (this.#startsWith('[.') || this.#startsWith('[=')) this.#fail('collating elements are not supported');
    if (this.#peek() !== '\\') {
      this.#position += 1;
      return this.#source.charCodeAt(this.#position - 1);
    }
    const character = this.#peek(1);
    if (character === 'b') {
      this.#position += 2;
      return 8;
    }
    const type = GENERIC_TYPES[character];
    if (type !== undefined) {
      this.#position += 2;
      return type;
    }
    const code = this.#escapedByte();
    if (code === undefined) this.#fail(`"\\${character}" within [...] has no equivalent in JavaScript`);
    return code ?? 0;
  }

  #class(): void {
    this.#position += 1;
    let text = '[';
    if (this.#peek() === '^') {
      text += '^';
      this.#position += 1;
    }
    // A "]" in the first place is a member.
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      if (this.#peek() === '') this.#fail('a "[" is not closed');
      const from = this.#classMember();
      const isRange = this.#peek() === '-' && this.#peek(1) !== ']' && this.#peek(1) !== '';
      if (typeof from !== 'number' && isRange) this.#fail('a range within [...] begins with a class');
      if (typeof from === 'number' && isRange) {
        this.#position += 1;
        const to = this.#classMember();
        if (typeof to !== 'number') this.#fail('a range within [...] ends in a class');
        if (to < from) this.#fail('a range within [...] is out of order');
        text += `${literal(from)}-${literal(Number(to))}`;
      } else {
        text += typeof from === 'number' ? literal(from) : from;
      }
    }
    this.#position += 1;
    this.#add(`${text}]`, true);
  }
}

/**
 * Translates an expression. Its matches are the same as libselinux's, with paths as Latin-1 strings
 * of their bytes.
 *
 * @throws PatternProblem for an expression that PCRE2 refuses, or that has no equivalent in
 *   JavaScript
 */
export function translatePattern(pattern: string): RegExp {
  return new RegExp(`^${new Translator(pattern).translate()}${END}`, 's');
}

/**
 * Reports whether a `|` is outside all groups. If so, a match does not always begin with the start
 * of the expression.
 */
export function hasTopLevelAlternation(pattern: string): boolean {
  let depth = 0;
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index];
    if (character === '\\') index += 1;
    else if (character === '(') depth += 1;
    else if (character === ')') depth -= 1;
    else if (character === '[') {
      const end = /^\[\^?\]?(?:\\.|\[:[a-z^]+:\]|[^\]\\])*\]/.exec(pattern.slice(index));
      index += (end?.[0].length ?? 1) - 1;
    } else if (character === '|' && depth === 0) return true;
  }
  return false;
}
