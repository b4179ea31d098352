/**
 * The executable of a vitest_test (see defs.bzl). It copies the declared files to a separate
 * workspace and runs vitest there. Tests can import only declared files: no symbolic link leads
 * back to the source tree.
 *
 * $VITEST_TEST is the path of a JSON file. All paths in it are relative to the runfiles of the main
 * repository:
 *
 *     {"files": ["tools/lib/x/x.ts", ...], "tests": ["tools/lib/x/x.test.ts"],
 *      "nodeModules": "node_modules", "tools": {"E2FSCK": "../icos_tools/bin/e2fsck"}}
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, resolve } from 'node:path';

interface TestSpecification {
  readonly files: readonly string[];
  readonly tests: readonly string[];
  readonly nodeModules: string;
  readonly tools: Readonly<Record<string, string>>;
}

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set; Bazel must start this program`);
  return value;
}

function layOut(specification: TestSpecification, runfiles: string, root: string): void {
  for (const file of specification.files) {
    const copy = join(root, file);
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(join(runfiles, file), copy);
  }
  symlinkSync(realpathSync(join(runfiles, specification.nodeModules)), join(root, 'node_modules'));
}

function vitestArguments(specification: TestSpecification): string[] {
  const args = ['run', '--configLoader=native', '--no-file-parallelism', '--reporter=default'];
  const report = process.env['XML_OUTPUT_FILE'];
  if (report !== undefined) args.push('--reporter=junit', `--outputFile.junit=${report}`);
  const filter = process.env['TESTBRIDGE_TEST_ONLY'];
  if (filter !== undefined) args.push(`--testNamePattern=${filter}`);
  return [...args, ...process.argv.slice(2), ...specification.tests];
}

function environment(
  specification: TestSpecification,
  runfiles: string,
  temporary: string,
): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env, CI: '1', HOME: temporary, TMPDIR: temporary };
  for (const [name, path] of Object.entries(specification.tools)) {
    const tool = resolve(runfiles, path);
    if (!existsSync(tool)) throw new Error(`${name}: ${tool} does not exist`);
    environment[name] = tool;
  }
  return environment;
}

const runfiles = join(variable('TEST_SRCDIR'), variable('TEST_WORKSPACE'));
const temporary = variable('TEST_TMPDIR');
const specification: TestSpecification = JSON.parse(
  readFileSync(join(runfiles, variable('VITEST_TEST')), 'utf8'),
);
const root = join(temporary, 'workspace');
layOut(specification, runfiles, root);
const vitest = spawnSync(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), ...vitestArguments(specification)],
  { cwd: root, stdio: 'inherit', env: environment(specification, runfiles, temporary) },
);
if (vitest.error !== undefined) throw vitest.error;
process.exitCode = vitest.status ?? 128 + constants.signals[vitest.signal ?? 'SIGKILL'];
