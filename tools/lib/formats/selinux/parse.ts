/** Parses the lines of file_contexts and of its substitutions (selabel_file(5), "FILE FORMAT"). */

import { UserError } from '../error/user-error.ts';

/** A file of a policy, and its name for errors. */
export interface NamedText {
  readonly name: string;
  readonly text: string;
}

/** The types of files to which a line can be limited. */
export type FileKind =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'character-device'
  | 'block-device'
  | 'fifo'
  | 'socket';

/** A line: the paths that it matches, and their label. */
export interface Specification {
  readonly pattern: string;
  /** Without it, the line applies to every type. */
  readonly kind: FileKind | undefined;
  /** The context, or `<<none>>`. */
  readonly context: string;
  /** `file_contexts:12` */
  readonly where: string;
}

/** Paths at and below `source` are looked up as if they were at and below `target`. */
export interface Substitution {
  readonly source: string;
  readonly target: string;
}

/** label_file.h, `string_to_file_kind` */
const KINDS: ReadonlyMap<string, FileKind> = new Map(
  Object.entries<FileKind>({
    '-b': 'block-device',
    '-c': 'character-device',
    '-d': 'directory',
    '-p': 'fifo',
    '-l': 'symlink',
    '-s': 'socket',
    '--': 'file',
  }),
);

/** label_support.c, `read_spec_entry`: an entry is shorter than this. */
const MAX_ENTRY_BYTES = 65535;

/** isspace(3) in the C locale. */
const SPACE = /[ \t\n\v\f\r]+/;

function words(line: string): string[] {
  return line.split(SPACE).filter((word) => word !== '');
}

/** Parses a line (label_file.h, `process_line`). Words after the third are ignored. */
function parseLine(line: string, where: string): Specification | undefined {
  const entries = words(line).slice(0, 3);
  const [pattern, second, third] = entries;
  if (pattern === undefined || pattern.startsWith('#')) return undefined;
  for (const entry of entries) {
    for (let index = 0; index < entry.length; index++) {
      if (entry.charCodeAt(index) > 0x7f)
        throw new UserError(`${where}: "${entry}" has characters that are not ASCII`);
    }
    if (entry.length >= MAX_ENTRY_BYTES)
      throw new UserError(
        `${where}: a word has ${entry.length} characters; at most ${MAX_ENTRY_BYTES - 1} are allowed`,
      );
  }
  if (second === undefined) throw new UserError(`${where}: "${pattern}" has no context`);
  if (third === undefined) return { pattern, kind: undefined, context: second, where };
  const kind = KINDS.get(second);
  if (kind === undefined) {
    throw new UserError(
      `${where}: "${second}" is not a type of file; the types are ${[...KINDS.keys()].join(' ')}`,
    );
  }
  return { pattern, kind, context: third, where };
}

/** Parses a file. @throws UserError that names the line */
export function* parseLines({ name, text }: NamedText): Generator<Specification, void, undefined> {
  let number = 0;
  for (const line of text.split('\n')) {
    number += 1;
    const specification = parseLine(line, `${name}:${number}`);
    if (specification !== undefined) yield specification;
  }
}

/**
 * Parses substitutions: two words per line, the rest is ignored (label_file.c,
 * `selabel_subs_init`).
 */
export function parseSubstitutions(file: NamedText | undefined): Substitution[] {
  return (file?.text ?? '').split('\n').flatMap((line) => {
    const [source, target] = words(line);
    if (source === undefined || target === undefined || source.startsWith('#')) return [];
    return [{ source, target }];
  });
}
