/** The list of steps that the step runner runs, as its JSON file has it. */
import { UserError } from '../../formats/error/user-error.ts';

export interface Step {
  /** What people are shown: `Dockerfile:12: RUN make`. */
  readonly name: string;
  /** The command, looked up in the image along the PATH of {@link env}. */
  readonly argv: readonly string[];
  /** The whole environment: the runner adds nothing to it. */
  readonly env: Readonly<Record<string, string>>;
  /** An absolute path of the image. It has to exist. */
  readonly workingDirectory: string;
  /** A name of the image's /etc/passwd or a number, and optionally `:` and a group, as in a Dockerfile. */
  readonly user: string;
  /** What the step reads from its standard input; empty without it. */
  readonly stdin?: string;
}

const STEP_LIST_VERSION = 1;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown, what: string, where: string): string {
  if (typeof value !== 'string') throw new UserError(`${where}: "${what}" is not a text`);
  if (value.includes('\0'))
    throw new UserError(`${where}: "${what}" holds a NUL character, which no command can take`);
  return value;
}

function parseEnvironment(value: unknown, where: string): Record<string, string> {
  if (!isObject(value)) throw new UserError(`${where}: "env" is not an object`);
  return Object.fromEntries(
    Object.entries(value).map(([name, content]) => {
      if (name === '' || /[=\0]|^-/.test(name)) {
        throw new UserError(`${where}: "${name}" cannot be the name of an environment variable`);
      }
      return [name, text(content, `env.${name}`, where)];
    }),
  );
}

function parseStep(value: unknown, index: number, file: string): Step {
  const place = `${file}: step ${index + 1}`;
  if (!isObject(value)) throw new UserError(`${place}: not an object`);
  const name = text(value['name'], 'name', place);
  const where = `${place} (${name})`;
  const known = ['name', 'argv', 'env', 'workingDirectory', 'user', 'stdin'];
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw new UserError(`${where}: unknown key "${unknown}"; a step has ${known.join(', ')}`);
  const argv = value['argv'];
  if (!Array.isArray(argv) || argv.length === 0)
    throw new UserError(`${where}: "argv" is not a list of at least one text`);
  const workingDirectory = text(value['workingDirectory'], 'workingDirectory', where);
  if (!workingDirectory.startsWith('/')) {
    throw new UserError(`${where}: the working directory ${workingDirectory} does not begin with a slash`);
  }
  const user = text(value['user'], 'user', where);
  if (!/^[^:\n]+(:[^:\n]+)?$/.test(user)) {
    throw new UserError(`${where}: the user "${user}" is not of the form USER or USER:GROUP`);
  }
  return {
    name,
    argv: argv.map((word: unknown) => text(word, 'argv', where)),
    env: parseEnvironment(value['env'], where),
    workingDirectory,
    user,
    ...(value['stdin'] === undefined ? {} : { stdin: text(value['stdin'], 'stdin', where) }),
  };
}

/**
 * Reads a step list.
 *
 * @param file the list's name for errors
 * @throws UserError where it is not a step list of the version that this reader knows
 */
export function parseStepList(json: string, file: string): Step[] {
  let list: unknown;
  try {
    list = JSON.parse(json);
  } catch (error) {
    throw new UserError(`${file}: not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(list) || !Array.isArray(list['steps'])) throw new UserError(`${file}: not a step list`);
  if (list['version'] !== STEP_LIST_VERSION) {
    throw new UserError(
      `${file}: step list of version ${String(list['version'])}; this tool knows version 1`,
    );
  }
  return list['steps'].map((step, index) => parseStep(step, index, file));
}
