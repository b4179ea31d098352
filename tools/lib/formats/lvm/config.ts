/**
 * Parses and formats the text of LVM2 metadata: sections, numbers, strings and lists
 * (device_mapper/libdm-config.c, `_section`, `_value`, `_get_token`).
 */

import { UserError } from '../error/user-error.ts';

export type ConfigScalar = string | number;
export type ConfigValue = ConfigScalar | readonly ConfigScalar[];

export interface ConfigSection {
  readonly values: ReadonlyMap<string, ConfigValue>;
  readonly sections: ReadonlyMap<string, ConfigSection>;
}

/** The metadata of lvm2 has four levels. This limit bounds the recursion on damaged text. */
const MAX_DEPTH = 16;

type TokenKind = '{' | '}' | '[' | ']' | ',' | '=' | 'word' | 'string' | 'integer' | 'float' | 'end';

interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly line: number;
}

const PUNCTUATION = '{}[],=';
const SPACE = ' \t\n\v\f\r';
/** The characters that end a name or a word (`_get_token`), besides the end of the text. */
const WORD_END = `${SPACE}#={}\0`;
const INTEGER = /^[+-]?[0-9]+$/;
const FLOAT = /^[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+)$/;

class Tokens {
  readonly #text: string;
  readonly #name: string;
  #position = 0;
  #line = 1;
  current: Token;

  constructor(text: string, name: string) {
    this.#text = text;
    this.#name = name;
    this.current = this.#read(false);
  }

  fail(message: string): never {
    throw new UserError(`${this.#name}: metadata text, line ${this.current.line}: ${message}`);
  }

  /** Returns the current character, or '' at the end of the text. A NUL ends the text. */
  #character(): string {
    const character = this.#text[this.#position];
    return character === undefined || character === '\0' ? '' : character;
  }

  #advance(): void {
    if (this.#text[this.#position] === '\n') this.#line += 1;
    this.#position += 1;
  }

  /** Advances while `belongs` returns true, and returns the characters passed. */
  #pass(belongs: (character: string) => boolean): string {
    const start = this.#position;
    for (let character = this.#character(); character !== '' && belongs(character); ) {
      this.#advance();
      character = this.#character();
    }
    return this.#text.slice(start, this.#position);
  }

  #skipSpace(): void {
    for (;;) {
      this.#pass((character) => SPACE.includes(character));
      if (this.#character() !== '#') return;
      this.#pass((character) => character !== '\n');
    }
  }

  /**
   * Reads a string up to its quote. Between double quotes, a backslash escapes the next character.
   */
  #string(quote: string): string {
    const start = this.#position + 1;
    this.#advance();
    while (this.#character() !== quote) {
      if (this.#character() === '\\' && quote === '"') this.#advance();
      if (this.#character() === '') {
        this.current = { kind: 'end', text: '', line: this.#line };
        this.fail('a string has no end');
      }
      this.#advance();
    }
    const text = this.#text.slice(start, this.#position);
    this.#advance();
    return quote === '"' ? text.replaceAll(/\\(["\\])/g, '$1') : text;
  }

  /**
   * @param valuesAllowed whether a number is possible here; the name of a section may look like a
   * number
   */
  #read(valuesAllowed: boolean): Token {
    this.#skipSpace();
    const line = this.#line;
    const character = this.#character();
    if (character === '') return { kind: 'end', text: '', line };
    if (PUNCTUATION.includes(character)) {
      this.#advance();
      return { kind: character as TokenKind, text: character, line };
    }
    if (character === '"' || character === "'")
      return { kind: 'string', text: this.#string(character), line };
    if (valuesAllowed && /[0-9.+-]/.test(character)) {
      const text = this.#pass((next) => /[0-9.+-]/.test(next));
      if (INTEGER.test(text)) return { kind: 'integer', text, line };
      if (FLOAT.test(text)) return { kind: 'float', text, line };
      this.current = { kind: 'word', text, line };
      this.fail(`"${text}" is not a number`);
    }
    return { kind: 'word', text: this.#pass((next) => !WORD_END.includes(next)), line };
  }

  /** Reports whether the current token has a kind. */
  at(kind: TokenKind): boolean {
    return this.current.kind === kind;
  }

  /** Advances to the next token, and returns the previous one. */
  take(expected?: TokenKind): Token {
    const token = this.current;
    if (expected !== undefined && token.kind !== expected) {
      this.fail(`"${expected}" is expected, not ${token.kind === 'end' ? 'the end' : `"${token.text}"`}`);
    }
    this.current = this.#read(token.kind === '=' || token.kind === '[' || token.kind === ',');
    return token;
  }
}

/** Parses a number as `strtoll(text, NULL, 0)` does: a leading zero makes it octal. */
function integer(tokens: Tokens, text: string): number {
  const digits = text.replace(/^[+-]/, '');
  const octal = digits.length > 1 && digits.startsWith('0');
  if (octal && /[89]/.test(digits)) tokens.fail(`"${text}" is not a number`);
  const value = octal ? Number.parseInt(digits, 8) : Number(digits);
  if (!Number.isSafeInteger(value)) tokens.fail(`the number ${text} is too large`);
  return text.startsWith('-') && value !== 0 ? -value : value;
}

function scalar(tokens: Tokens): ConfigScalar {
  const { kind, text } = tokens.current;
  if (kind === 'integer') {
    const value = integer(tokens, text);
    tokens.take();
    return value;
  }
  if (kind !== 'float' && kind !== 'string' && kind !== 'word') return tokens.fail('a value is expected');
  tokens.take();
  return kind === 'float' ? Number(text) : text;
}

function value(tokens: Tokens): ConfigValue {
  if (!tokens.at('[')) return scalar(tokens);
  tokens.take('[');
  const list: ConfigScalar[] = [];
  while (!tokens.at(']')) {
    list.push(scalar(tokens));
    if (tokens.at(',')) tokens.take(',');
  }
  tokens.take(']');
  return list;
}

function section(tokens: Tokens, end: '}' | 'end', depth: number): ConfigSection {
  if (depth > MAX_DEPTH) tokens.fail(`sections are nested more than ${MAX_DEPTH} deep`);
  const values = new Map<string, ConfigValue>();
  const sections = new Map<string, ConfigSection>();
  while (!tokens.at(end)) {
    const { kind, text } = tokens.current;
    if (kind !== 'word' && kind !== 'string') {
      tokens.fail(kind === 'end' ? 'a section has no end' : `a name is expected, not "${text}"`);
    }
    if (text === '' || text.includes('/')) tokens.fail(`"${text}" is not a name of a section or value`);
    if (values.has(text) || sections.has(text)) tokens.fail(`"${text}" occurs twice`);
    tokens.take();
    if (tokens.at('{')) {
      tokens.take('{');
      sections.set(text, section(tokens, '}', depth + 1));
      tokens.take('}');
    } else {
      tokens.take('=');
      values.set(text, value(tokens));
    }
  }
  return { values, sections };
}

/**
 * Parses metadata text. A NUL ends it, as in lvm2. Paths as names (`a/b = 1`) and repeated names
 * are refused: lvm2 never writes them.
 *
 * @param name the source of the text, for errors
 * @throws UserError that names the line
 */
export function parseConfig(text: string, name: string): ConfigSection {
  return section(new Tokens(text, name), 'end', 0);
}

/** Quotes a string as `dm_escape_double_quotes` does. */
export function quoteString(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}

function formatValue(value: ConfigValue): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return quoteString(value);
  return `[${value.map(formatValue).join(', ')}]`;
}

/** Formats values as lines of `name = value`. */
export function formatValues(values: Readonly<Record<string, ConfigValue>>): string[] {
  return Object.entries(values).map(([name, value]) => `${name} = ${formatValue(value)}`);
}

/** Formats a section as lvm2 writes it to disk: without indentation or comments. */
export function formatSection(name: string, lines: readonly string[]): string[] {
  return [`${name} {`, ...lines, '}'];
}
