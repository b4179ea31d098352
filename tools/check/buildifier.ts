/**
 * Checks every Starlark file of the workspace against buildifier's format and its warnings.
 *
 *     node tools/check/buildifier.ts [--fix]
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { WORKSPACE, workspaceFiles } from './workspace-files.ts';

const mode = process.argv.includes('--fix') ? ['--mode=fix', '--lint=fix'] : ['--mode=check', '--lint=warn'];
const buildifier = createRequire(import.meta.url).resolve('@bazel/buildifier/buildifier.js');
const starlark = workspaceFiles(['*.bzl', '*.bazel']);
const { status } = spawnSync(process.execPath, [buildifier, ...mode, ...starlark], {
  cwd: WORKSPACE,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
