/**
 * Holds every Starlark file of the workspace to buildifier's format and to its warnings.
 *
 *     node tools/check/buildifier.ts [--fix]
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const WORKSPACE = resolve(import.meta.dirname, '../..');
const STARLARK = ['*.bzl', '*.bazel'];

/** Files that git knows or would add; what is ignored, deleted or not ours is not looked at. */
function starlarkFiles(): string[] {
  const git = spawnSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate', '--', ...STARLARK],
    { cwd: WORKSPACE, encoding: 'utf8' },
  );
  if (git.status !== 0) throw new Error(`git ls-files failed: ${git.stderr}`);
  const deleted = new Set(
    spawnSync('git', ['ls-files', '-z', '--deleted'], { cwd: WORKSPACE, encoding: 'utf8' }).stdout.split(
      '\0',
    ),
  );
  return git.stdout.split('\0').filter((file) => file !== '' && !deleted.has(file));
}

const mode = process.argv.includes('--fix') ? ['--mode=fix', '--lint=fix'] : ['--mode=check', '--lint=warn'];
const buildifier = createRequire(import.meta.url).resolve('@bazel/buildifier/buildifier.js');
const { status } = spawnSync(process.execPath, [buildifier, ...mode, ...starlarkFiles()], {
  cwd: WORKSPACE,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
