/** The list of steps for the step runner, and the parser of its JSON file. */
import {
  closedObject,
  listOf,
  mapOf,
  matching,
  nonEmptyListOf,
  object,
  oneOf,
  parseJson,
  type Reader,
  text,
} from '../../formats/json/json.ts';

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

/** Reads a string that can be an argument or a value of a command. */
const word: Reader<string> = (value, place) => {
  const found = text(value, place);
  return found.includes('\0') ? place.fail('it contains a NUL character, which no command accepts') : found;
};

const environment: Reader<Record<string, string>> = (value, place) => {
  const variables = mapOf(word)(value, place);
  for (const name of Object.keys(variables)) {
    if (name === '' || /[=\0]|^-/.test(name)) {
      place.fail(`"${name}" cannot be the name of an environment variable`);
    }
  }
  return variables;
};

const STEP_LIST = object({
  version: oneOf(STEP_LIST_VERSION),
  steps: listOf(
    closedObject(
      {
        name: word,
        argv: nonEmptyListOf(word),
        env: environment,
        workingDirectory: matching(/^\/[^\0]*$/, 'an absolute path'),
        user: matching(/^[^:\n\0]+(:[^:\n\0]+)?$/, 'a user of the form USER or USER:GROUP'),
      },
      { stdin: word },
    ),
  ),
});

/**
 * Reads a step list.
 *
 * @param file the name of the list in error messages
 * @throws UserError if it is not a step list of the version that this parser knows
 */
export function parseStepList(json: string, file: string): Step[] {
  return parseJson(json, file, STEP_LIST).steps;
}
