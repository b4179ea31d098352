import { lstatSync, readFileSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { UserError } from '../../formats/error/user-error.ts';
import { parseJson, type Reader } from '../../formats/json/json.ts';
import { isTaskWorker } from '../parallel/parallel.ts';

/** System errors that have their cause outside the tool, and what a user can do about them. */
const SYSTEM_ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space and build again',
  EDQUOT: 'the disk quota is used up; free some space and build again',
  EFBIG:
    'the file grew larger than the file system or "ulimit -f" allows; raise the limit or build elsewhere',
  EROFS: 'the file system is read-only',
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'a directory stands where a file is expected',
};

/** The one line for an error that has its cause outside the tool, or `undefined` where the tool itself is to blame. */
export function userMessage(error: unknown): string | undefined {
  if (error instanceof UserError) return error.message;
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') {
    const advice = SYSTEM_ADVICE[error.code];
    const path = 'path' in error && typeof error.path === 'string' ? `${error.path}: ` : '';
    if (advice !== undefined) return `${path}${advice} (${error.code})`;
    if (error.code.startsWith('ERR_PARSE_ARGS')) return error.message;
  }
  return undefined;
}

/** Replaces each `@FILE` argument by the lines of that parameter file, one argument a line. */
export function expandParamFiles(args: readonly string[]): string[] {
  return args.flatMap((arg) => {
    if (!arg.startsWith('@')) return [arg];
    const lines = readFileSync(arg.slice(1), 'utf8').split('\n');
    if (lines.at(-1) === '') lines.pop();
    return lines;
  });
}

/** What a tool's main function is given. */
export interface Invocation {
  /** The arguments after the script's name, parameter files expanded. */
  readonly args: readonly string[];
  /** Names a file that has to go when the tool fails, and returns the name. Call it before the file is made. */
  output(path: string): string;
}

/** Removes what was written so far. A device or a folder that was named as an output by mistake stays. */
function removeOutput(path: string): void {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status?.isFile() || status?.isSymbolicLink()) rmSync(path);
}

/**
 * Runs a tool: exit 0, or for a {@link UserError} one line on stderr, the outputs removed, and exit 1.
 *
 * A defect of the tool itself is thrown on, so that Node prints its stack trace and exits with 1 too. Where the tool was
 * started again as a worker thread of itself, nothing is run here: the worker does its task alone.
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

/** The value of an option that must be given. */
export function required(value: string | undefined, option: string): string {
  if (value === undefined) throw new UserError(`--${option} is missing`);
  return value;
}

/** Options for `parseArgs`: one text, a list of texts, and a switch. */
export const TEXT = { type: 'string' as const };
export const LIST = { type: 'string' as const, multiple: true as const, default: [] as string[] };
export const SWITCH = { type: 'boolean' as const, default: false };

/** Splits the values of an option that is given as `--OPTION=NAME=VALUE`. */
export function nameValuePairs(values: readonly string[], option: string): [string, string][] {
  return values.map((value) => {
    const equals = value.indexOf('=');
    if (equals < 1) throw new UserError(`--${option}=${value}: write --${option}=NAME=VALUE`);
    return [value.slice(0, equals), value.slice(equals + 1)];
  });
}

/** Reads a JSON file. @throws UserError if it is not JSON, or not what `read` expects */
export function readJson<T>(path: string, read: Reader<T>): T {
  return parseJson(readFileSync(path, 'utf8'), path, read);
}
