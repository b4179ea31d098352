/** The files of the checkout that checks read. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

export const WORKSPACE: string = resolve(import.meta.dirname, '../..');

function git(...args: readonly string[]): string[] {
  const { status, stdout, stderr } = spawnSync('git', ['ls-files', '-z', ...args], {
    cwd: WORKSPACE,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`git ls-files failed: ${stderr}`);
  return stdout.split('\0').filter((path) => path !== '');
}

/**
 * Lists the files that git tracks or would add, without deleted and ignored ones.
 *
 * @param patterns as `git ls-files` takes them, for example `*.ts`
 * @returns paths relative to the workspace, each once
 */
export function workspaceFiles(patterns: readonly string[]): string[] {
  const deleted = new Set(git('--deleted'));
  const files = git('--cached', '--others', '--exclude-standard', '--deduplicate', '--', ...patterns);
  return files.filter((path) => !deleted.has(path));
}
