/** A Bazel beside the one that runs the test, in the consumer's workspace and with an output base of its own. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set; run this with tools/bazel test`);
  return value;
}

const runfiles = join(variable('TEST_SRCDIR'), variable('TEST_WORKSPACE'));
const workspace = dirname(realpathSync(join(runfiles, 'MODULE.bazel')));
const outputBase = join(variable('TEST_TMPDIR'), 'consumer-output-base');

/** The source tree's folder of the module that uses the rules. */
export const CONSUMER: string = join(workspace, 'test/consumer');

/** Inside the private root of the airgap way there is Debian's Bazel and no other. */
const insideAirgapRoot = existsSync('/etc/bazel/bazelrc') && existsSync('/usr/bin/bazel');

/** What --config=airgap has for a workspace that has no .bazelrc; the rest of it is about this workspace alone. */
const AIRGAP_OPTIONS = [
  `--registry=file://${workspace}/tools/airgap/registry`,
  '--lockfile_mode=off',
  '--noenable_workspace',
];
const OPTIONS = [
  ...(insideAirgapRoot ? AIRGAP_OPTIONS : []),
  '--repo_env=BAZEL_DO_NOT_DETECT_CPP_TOOLCHAIN=1',
  '--spawn_strategy=linux-sandbox,local',
  '--experimental_convenience_symlinks=ignore',
];

/** The same Bazel as the one that runs the test. */
function sameBazel(): Record<string, string> {
  if (insideAirgapRoot) {
    return { BAZEL_REAL: '/usr/bin/bazel', ICOS_AIRGAP: '0', JAVA_HOME: '/usr/lib/jvm/default-java' };
  }
  const version = readFileSync(join(workspace, '.bazelversion'), 'utf8').trim();
  return { ICOS_AIRGAP: '0', USE_BAZEL_VERSION: version };
}

function bazel(command: string, ...args: readonly string[]): string {
  const all = [`--output_base=${outputBase}`, command, ...OPTIONS, ...args];
  const { status, stdout, stderr } = spawnSync(join(workspace, 'tools/bazel'), all, {
    cwd: CONSUMER,
    encoding: 'utf8',
    env: {
      PATH: `${join(workspace, 'node_modules/.bin')}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
      HOME: homedir(),
      ...sameBazel(),
    },
    maxBuffer: 1 << 28,
  });
  if (status === 0) return stdout.trim();
  const end = stderr.split('\n').slice(-40).join('\n');
  throw new Error(`bazel ${command} ended with status ${status}:\n${end}`);
}

/** Builds everything and gives the folder of the outputs. */
export function buildConsumer(): string {
  bazel('build', '//...');
  return bazel('info', 'bazel-bin');
}

/** Ends the server and removes the output base. */
export function removeOutputs(): void {
  bazel('clean', '--expunge');
}
