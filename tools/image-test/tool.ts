import { spawnSync } from 'node:child_process';
import { realTool } from '../lib/testing/real-tool.ts';

/** debugfs prints a few hundred thousand lines in total about the files of a root file system. */
const OUTPUT_LIMIT_BYTES = 1 << 30;

export interface ToolResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a real tool and waits for its end. */
export function runRealTool(
  name: string,
  debianPackage: string,
  args: readonly string[],
  input = '',
): ToolResult {
  const tool = realTool(name, debianPackage);
  const { status, stdout, stderr, error } = spawnSync(tool, [...args], {
    encoding: 'utf8',
    input,
    maxBuffer: OUTPUT_LIMIT_BYTES,
    env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
  });
  if (error !== undefined) throw new Error(`${tool} does not start: ${error.message}`);
  return { status, stdout, stderr };
}

/** Checks that a tool succeeded. Returns no problem, or one with the end of its output. */
export function failure(what: string, { status, stdout, stderr }: ToolResult): string[] {
  return status === 0
    ? []
    : [`${what} exits with ${status}: ${`${stdout}${stderr}`.trim().split('\n').slice(-10).join(' | ')}`];
}
