import { UserError } from '../error/user-error.ts';

/** A file of a policy, and its name for errors. */
export interface NamedText {
  readonly name: string;
  readonly text: string;
}

/** The types of files that a line can be limited to (selabel_file(5), "FILE FORMAT"). */
export type FileKind =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'character-device'
  | 'block-device'
  | 'fifo'
  | 'socket';

/** The lines of file_contexts and of its substitutions (selabel_file(5), "FILE FORMAT"). */

/** A line: what it matches and what label that has. */
export interface Specification {
  readonly pattern: string;
  /** Without it, the line is for everything. */
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
const KINDS: Readonly<Record<string, FileKind>> = {
  '-b': 'block-device',
  '-c': 'character-device',
  '-d': 'directory',
  '-p': 'fifo',
  '-l': 'symlink',
  '-s': 'socket',
  '--': 'file',
};

/** label_support.c, `read_spec_entry`: an entry is shorter than this. */
const MAX_ENTRY_BYTES = 65535;

/** isspace(3) in the C locale. */
const SPACE = /[ \t\n\v\f\r]+/;

function words(line: string): string[] {
  return line.split(SPACE).filter((word) => word !== '');
}

/** label_file.h, `process_line`: words behind the third are not looked at. */
function parseLine(line: string, where: string): Specification | undefined {
  const entries = words(line).slice(0, 3);
  const [pattern, second, third] = entries;
  if (pattern === undefined || pattern.startsWith('#')) return undefined;
  for (const entry of entries) {
    for (let index = 0; index < entry.length; index++) {
      if (entry.charCodeAt(index) > 0x7f)
        throw new UserError(`${where}: "${entry}" has more than ASCII characters`);
    }
    if (entry.length >= MAX_ENTRY_BYTES)
      throw new UserError(`${where}: a word of ${entry.length} characters`);
  }
  if (second === undefined) throw new UserError(`${where}: "${pattern}" has no context`);
  if (third === undefined) return { pattern, kind: undefined, context: second, where };
  const kind = KINDS[second];
  if (kind === undefined) {
    throw new UserError(
      `${where}: "${second}" is no type of file: there are ${Object.keys(KINDS).join(' ')}`,
    );
  }
  return { pattern, kind, context: third, where };
}

/** Parses a file; throws a {@link UserError} that names the line. */
export function* parseLines({ name, text }: NamedText): Generator<Specification, void, undefined> {
  let number = 0;
  for (const line of text.split('\n')) {
    number += 1;
    const specification = parseLine(line, `${name}:${number}`);
    if (specification !== undefined) yield specification;
  }
}

/** label_file.c, `selabel_subs_init`: two words a line, the rest is not looked at. */
export function parseSubstitutions(file: NamedText | undefined): Substitution[] {
  return (file?.text ?? '').split('\n').flatMap((line) => {
    const [source, target] = words(line);
    if (source === undefined || target === undefined || source.startsWith('#')) return [];
    return [{ source, target }];
  });
}
