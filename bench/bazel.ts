import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

/** The repository: the workspace of the rules and the operating systems. */
export const WORKSPACE = resolve(import.meta.dirname, '..');
/** This directory: the workspace of the packages that the benchmark uses. */
export const BENCH_WORKSPACE = import.meta.dirname;

/**
 * Runs tools/bazel in a workspace and returns its standard output.
 *
 * @throws Error if it fails, which ends the measurement
 */
export function bazel(workspace: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(resolve(WORKSPACE, 'tools/bazel'), [...args], {
    cwd: workspace,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`tools/bazel ${args.join(' ')} exits with ${status}:\n${stderr}`);
  return stdout;
}

/** Returns the wall time of `work` in seconds. */
export function seconds(work: () => void): number {
  const startMs = performance.now();
  work();
  return (performance.now() - startMs) / 1000;
}

/** Prints rows as a Markdown table. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  for (const row of [head, head.map(() => '---'), ...rows]) console.log(`| ${row.join(' | ')} |`);
}
