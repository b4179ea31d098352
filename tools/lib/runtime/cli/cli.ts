import { lstatSync, readFileSync, rmSync, type Stats } from 'node:fs';
import { basename } from 'node:path';
import { printableName } from '../../formats/entry/name.ts';
import { UserError } from '../../formats/error/user-error.ts';
import { parseJson, type Reader } from '../../formats/json/json.ts';
import { isTaskWorker } from '../parallel/parallel.ts';

/** System errors with a cause outside the tool, and what the user can do about them. */
const SYSTEM_ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space and build again',
  EDQUOT: 'the disk quota is used up; free some space and build again',
  EFBIG:
    'the file grew larger than the file system or "ulimit -f" allows; raise the limit or build elsewhere',
  EROFS: 'the file system is read-only',
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory, and a file is expected',
  ENOTDIR: 'a directory of its path is a file',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'too many symbolic links',
};

/**
 * Returns one line for an error with a cause outside the tool, or `undefined` for a defect of the
 * tool itself.
 */
export function userMessage(error: unknown): string | undefined {
  if (error instanceof UserError) return error.message;
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') {
    const advice = SYSTEM_ADVICE[error.code];
    const path = 'path' in error && typeof error.path === 'string' ? `${printableName(error.path)}: ` : '';
    if (advice !== undefined) return `${path}${advice} (${error.code})`;
    if (error.code.startsWith('ERR_PARSE_ARGS')) return printableName(error.message.replaceAll('\n', ' '));
  }
  return undefined;
}

/** Replaces each `@FILE` argument by the lines of that parameter file, one argument per line. */
export function expandParamFiles(args: readonly string[]): string[] {
  return args.flatMap((arg) => {
    if (!arg.startsWith('@')) return [arg];
    const lines = readFileSync(arg.slice(1), 'utf8').split('\n');
    if (lines.at(-1) === '') lines.pop();
    return lines;
  });
}

/** The parameters of a tool's main function. */
export interface Invocation {
  /** The arguments after the script's name, parameter files expanded. */
  readonly args: readonly string[];
  /**
   * Registers a file to remove if the tool fails, and returns its path. Call it before the file is
   * created.
   */
  output(path: string): string;
}

/**
 * Removes an incomplete output. Keeps a device or a directory that was named as an output by
 * mistake.
 */
function removeOutput(path: string): void {
  let status: Stats | undefined;
  try {
    status = lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // No output was created at a path that the system refuses; the error of the tool says why.
    if (userMessage(error) === undefined) throw error;
  }
  if (status?.isFile() || status?.isSymbolicLink()) rmSync(path);
}

/**
 * Runs a tool. It exits with 0; a {@link UserError} removes the outputs, prints one line on stderr,
 * and exits with 1.
 *
 * A defect of the tool itself is thrown again, so that Node prints its stack trace and exits with
 * 1. In a worker thread, which loads the same file, this function does nothing: the worker only
 * does its task.
 */
export async function runTool(main: (invocation: Invocation) => Promise<void> | void): Promise<void> {
  if (isTaskWorker()) return;
  const outputs: string[] = [];
  try {
    await main({
      args: expandParamFiles(process.argv.slice(2)),
      output(path) {
        outputs.push(path);
        return path;
      },
    });
  } catch (error) {
    outputs.forEach(removeOutput);
    const message = userMessage(error);
    if (message === undefined) throw error;
    const tool = basename(process.argv[1] ?? 'tool', '.mjs');
    process.stderr.write(`${tool}: ${message}\n`);
    process.exitCode = 1;
  }
}

/** Returns the value of a required option. */
export function required(value: string | undefined, option: string): string {
  if (value === undefined) throw new UserError(`--${option} is missing`);
  return value;
}

/** Options for `parseArgs`: one string, a list of strings, and a switch. */
export const TEXT = { type: 'string' as const };
export const LIST = { type: 'string' as const, multiple: true as const, default: [] as string[] };
export const SWITCH = { type: 'boolean' as const, default: false };

/** Splits the values of an option of the form `--OPTION=NAME=VALUE`. */
export function nameValuePairs(values: readonly string[], option: string): [string, string][] {
  return values.map((value) => {
    const equals = value.indexOf('=');
    if (equals < 1) throw new UserError(`--${option}=${value}: write --${option}=NAME=VALUE`);
    return [value.slice(0, equals), value.slice(equals + 1)];
  });
}

/** Reads a JSON file. @throws UserError if it is not JSON, or if `read` rejects it */
export function readJson<T>(path: string, read: Reader<T>): T {
  return parseJson(readFileSync(path, 'utf8'), path, read);
}
