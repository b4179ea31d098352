/** The list of steps for the step runner, and the parser of its JSON file. */
import { UserError } from '../../formats/error/user-error.ts';

export interface Step {
  /** The name in logs and errors, such as `Dockerfile:12: RUN make`. */
  readonly name: string;
  /**
   * The command and its arguments. The command is looked up in the image, in the PATH of {@link
   * env}.
   */
  readonly argv: readonly string[];
  /** The complete environment. The runner adds nothing to it. */
  readonly env: Readonly<Record<string, string>>;
  /** An absolute path in the image. It must exist. */
  readonly workingDirectory: string;
  /**
   * A name in the image's /etc/passwd or a number, optionally followed by `:` and a group, as in a
   * Dockerfile.
   */
  readonly user: string;
  /** The standard input of the step. Default: empty. */
  readonly stdin?: string;
}

const STEP_LIST_VERSION = 1;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown, what: string, where: string): string {
  if (typeof value !== 'string') throw new UserError(`${where}: "${what}" is not a string`);
  if (value.includes('\0'))
    throw new UserError(`${where}: "${what}" contains a NUL character, which no command accepts`);
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
    throw new UserError(`${where}: "argv" is not a list of at least one string`);
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
 * @param file the name of the list in error messages
 * @throws UserError if it is not a step list of the version that this parser knows
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
