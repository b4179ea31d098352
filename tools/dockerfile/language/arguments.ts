/** Parses the forms of the text after an instruction's keyword. */
import { UserError } from '../../lib/formats/error/user-error.ts';
import { rawWords } from './raw-words.ts';

/** A flag before the arguments: `--name=value`, or `--name` alone. */
export interface Flag {
  readonly name: string;
  readonly value: string | undefined;
}

const FLAG = /^--([a-z-]+)(?:=([\s\S]*))?$/;

/**
 * Splits the flags from the arguments. Removes quotes around a flag's value. Does not expand
 * variables, which the instruction does.
 */
export function splitFlags(text: string, escapeCharacter: string): { flags: Flag[]; rest: string } {
  const flags: Flag[] = [];
  let rest = text;
  while (rest.startsWith('--')) {
    const [word = ''] = rawWords(rest, escapeCharacter);
    const match = FLAG.exec(word);
    if (match === null) break;
    flags.push({ name: match[1] ?? '', value: match[2]?.replaceAll(/^(["'])(.*)\1$/g, '$2') });
    rest = rest.slice(word.length).trimStart();
  }
  return { flags, rest };
}

/**
 * Parses the exec form, a JSON array of strings. Returns `undefined` for other text, which Docker
 * treats as the shell form.
 */
export function jsonStrings(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Parses the arguments of COPY and ADD: a JSON array, or words separated by white space. Quotes do
 * not join words.
 */
export function pathList(text: string): string[] {
  return jsonStrings(text) ?? text.split(/\s+/).filter((word) => word !== '');
}

/**
 * Parses `NAME=VALUE NAME=VALUE...`, or the older form `NAME VALUE`, in which everything after the
 * name is the value.
 */
export function namedValues(
  text: string,
  escapeCharacter: string,
  where: string,
  keyword: string,
): [string, string][] {
  const words = rawWords(text, escapeCharacter);
  const [first] = words;
  if (first === undefined) throw new UserError(`${where}: ${keyword} needs NAME=VALUE`);
  if (!first.includes('=')) {
    const value = text.slice(first.length).trim();
    if (value === '')
      throw new UserError(`${where}: ${keyword} ${first} has no value; write ${keyword} ${first}=VALUE`);
    return [[first, value]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 0) {
      throw new UserError(
        `${where}: ${keyword}: no = in ${word}; write ${keyword} NAME=VALUE, and quote a value with blanks`,
      );
    }
    if (equals === 0) throw new UserError(`${where}: ${keyword}: no name before = in ${word}`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}
