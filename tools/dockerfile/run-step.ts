/** Converts RUN to a step of the step runner. */

import { UserError } from '../lib/formats/error/user-error.ts';
import type { Step } from '../lib/image/steps/step.ts';
import type { RunInstruction } from './language/instructions.ts';
import { parseHeredocWord } from './language/raw-words.ts';

export interface RunEnvironment {
  readonly env: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  readonly user: string;
  readonly shell: readonly string[];
}

/** execve(2): `#!interpreter [one argument]`. */
const SHEBANG = /^#![ \t]*(\S+)(?:[ \t]+(.*?))?[ \t]*(?:\n|$)/;
const SCRIPT_PATH = '/dev/stdin';

/** Returns the command and its standard input. */
function commandOf(
  { command, heredocs, where }: RunInstruction,
  shell: readonly string[],
): Pick<Step, 'argv' | 'stdin'> {
  if (command.form === 'exec') return { argv: command.argv };
  const [only] = heredocs;
  if (only === undefined) return { argv: [...shell, command.line] };
  if (heredocs.length > 1 || parseHeredocWord(command.line) === undefined) {
    // The shell itself reads here-documents, so it gets the lines unchanged.
    return {
      argv: [
        ...shell,
        `${command.line}\n${heredocs.map(({ rawContent, name }) => `${rawContent}${name}\n`).join('')}`,
      ],
    };
  }
  if (!only.content.startsWith('#!')) return { argv: [...shell, only.content] };
  const [, interpreter, argument] = SHEBANG.exec(only.content) ?? [];
  if (interpreter === undefined)
    throw new UserError(`${where}: no program after #! in the first line of the here-document`);
  return {
    argv: [interpreter, ...(argument === undefined || argument === '' ? [] : [argument]), SCRIPT_PATH],
    stdin: only.content,
  };
}

export function runStep(instruction: RunInstruction, environment: RunEnvironment): Step {
  const { env, workingDirectory, user, shell } = environment;
  return {
    name: `${instruction.where}: ${instruction.summary}`,
    ...commandOf(instruction, shell),
    env,
    workingDirectory,
    user,
  };
}
