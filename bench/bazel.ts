import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

export const WORKSPACE = resolve(import.meta.dirname, '..');

/** Runs tools/bazel to its end and gives what it printed; a failure ends the measurement. */
export function bazel(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(resolve(WORKSPACE, 'tools/bazel'), [...args], {
    cwd: WORKSPACE,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`tools/bazel ${args.join(' ')} exits with ${status}:\n${stderr}`);
  return stdout;
}

/** Wall time of `work` in seconds. */
export function seconds(work: () => void): number {
  const startMs = performance.now();
  work();
  return (performance.now() - startMs) / 1000;
}

/** Prints rows as a Markdown table. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  for (const row of [head, head.map(() => '---'), ...rows]) console.log(`| ${row.join(' | ')} |`);
}
