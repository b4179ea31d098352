/**
 * Splits a Dockerfile into instructions: handles parser directives, comments, continuation lines
 * and here-documents.
 *
 * Reference: Docker documentation, "Dockerfile reference", sections "Parser directives", "Format"
 * and "Here-documents".
 */
import { UserError } from '../../lib/formats/error/user-error.ts';
import { parseHeredocWord, rawWords } from './raw-words.ts';

export interface Heredoc {
  /** The delimiter without quotes. COPY uses it as the name of the file. */
  readonly name: string;
  /** Whether variables are expanded: not if any part of the delimiter is quoted. */
  readonly expand: boolean;
  /** Without leading tabs if the delimiter was written `<<-NAME`. */
  readonly content: string;
  /** As in the file, with leading tabs. */
  readonly rawContent: string;
}

/** An instruction with its continuation lines joined, but not yet split or expanded. */
export interface SourceInstruction {
  /** The first line, counted from 1. */
  readonly line: number;
  /** In upper case. */
  readonly keyword: string;
  /** Everything after the keyword, without white space around it. */
  readonly text: string;
  readonly heredocs: readonly Heredoc[];
}

export type EscapeCharacter = '\\' | '`';

export interface DockerfileSource {
  readonly escapeCharacter: EscapeCharacter;
  readonly instructions: readonly SourceInstruction[];
}

const BYTE_ORDER_MARK = '\ufeff';
const DIRECTIVE = /^#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$/;
const DIRECTIVES = ['syntax', 'escape', 'check'];
/**
 * Docker's own Dockerfile frontend, in any version. Other frontends may read a different language.
 */
const FRONTEND = /^docker\/dockerfile(:|@|$)/;
const HEREDOC_KEYWORDS = ['ADD', 'COPY', 'RUN'];

interface Directives {
  readonly escapeCharacter: EscapeCharacter;
}

function readDirectives(lines: readonly string[], file: string): Directives {
  const seen = new Map<string, string>();
  for (const [index, line] of lines.entries()) {
    const [, key = '', value = ''] = DIRECTIVE.exec(line.trim()) ?? [];
    const name = key.toLowerCase();
    if (!DIRECTIVES.includes(name)) break;
    const where = `${file}:${index + 1}`;
    if (seen.has(name)) throw new UserError(`${where}: only one ${name} parser directive can be used`);
    seen.set(name, value);
    if (name === 'escape' && value !== '\\' && value !== '`') {
      throw new UserError(`${where}: the escape character is \\ or \`, not ${value}`);
    }
    if (name === 'syntax' && !FRONTEND.test(value)) {
      throw new UserError(`${where}: syntax=${value} is not supported; use docker/dockerfile`);
    }
  }
  return { escapeCharacter: seen.get('escape') === '`' ? '`' : '\\' };
}

/** Reads the lines in order. */
class LineReader {
  readonly #lines: readonly string[];
  #next = 0;

  constructor(lines: readonly string[]) {
    this.#lines = lines;
  }

  /** The number of the line that {@link next} returned last, counted from 1. */
  get number(): number {
    return this.#next;
  }

  next(): string | undefined {
    return this.#lines[this.#next++];
  }
}

/** Returns the line without its continuation character, or `undefined` if it does not continue. */
function continued(line: string, escapeCharacter: EscapeCharacter): string | undefined {
  const text = line.replace(/[ \t]+$/, '');
  if (!text.endsWith(escapeCharacter) || text.endsWith(escapeCharacter + escapeCharacter)) return undefined;
  return text.slice(0, -1);
}

/** Joins the lines of an instruction. Skips comments and empty lines between them. */
function logicalLine(first: string, reader: LineReader, escapeCharacter: EscapeCharacter): string {
  let joined = '';
  for (let line: string | undefined = first; line !== undefined; ) {
    const part = continued(line, escapeCharacter);
    if (part === undefined) return joined + line;
    joined += part;
    do {
      line = reader.next();
    } while (line !== undefined && (line.trim() === '' || line.trimStart().startsWith('#')));
  }
  return joined;
}

function readHeredoc(word: string, reader: LineReader, where: string): Heredoc | undefined {
  const start = parseHeredocWord(word);
  if (start === undefined) return undefined;
  const lines: string[] = [];
  for (let line = reader.next(); line !== undefined; line = reader.next()) {
    if ((start.chomp ? line.replace(/^\t+/, '') : line) === start.name) {
      const rawContent = lines.map((text) => `${text}\n`).join('');
      const content = start.chomp ? rawContent.replaceAll(/^\t+/gm, '') : rawContent;
      return { name: start.name, expand: start.expand, content, rawContent };
    }
    lines.push(line);
  }
  throw new UserError(
    `${where}: the here-document ${word} has no end; write ${start.name} on a line of its own`,
  );
}

/**
 * Splits a Dockerfile into its instructions.
 *
 * @param file the name of the file in error messages
 * @throws UserError `FILE:LINE: ...` for wrong directives and for here-documents without an end
 */
export function parseSource(text: string, file: string): DockerfileSource {
  const plain = text.startsWith(BYTE_ORDER_MARK) ? text.slice(BYTE_ORDER_MARK.length) : text;
  const lines = plain.split('\n').map((line) => line.replace(/\r+$/, ''));
  const { escapeCharacter } = readDirectives(lines, file);
  const reader = new LineReader(lines);
  const instructions: SourceInstruction[] = [];
  for (let line = reader.next(); line !== undefined; line = reader.next()) {
    const first = line.trimStart();
    if (first === '' || first.startsWith('#')) continue;
    const number = reader.number;
    const joined = logicalLine(first, reader, escapeCharacter).trim();
    if (joined === '') continue;
    const [, word = '', rest = ''] = /^(\S+)\s*([\s\S]*)$/.exec(joined) ?? [];
    const keyword = word.toUpperCase();
    const heredocs: Heredoc[] = [];
    if (HEREDOC_KEYWORDS.includes(keyword)) {
      for (const part of rawWords(rest, escapeCharacter)) {
        const heredoc = readHeredoc(part, reader, `${file}:${number}`);
        if (heredoc !== undefined) heredocs.push(heredoc);
      }
    }
    instructions.push({ line: number, keyword, text: rest, heredocs });
  }
  return { escapeCharacter, instructions };
}
