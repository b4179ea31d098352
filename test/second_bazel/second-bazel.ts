/** A second Bazel of the same version as the one that runs the test, with its own output base. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set; run this with tools/bazel test`);
  return value;
}

/** The directory with the files that the test declares, at their paths in the source tree. */
export const RUNFILES: string = join(variable('TEST_SRCDIR'), variable('TEST_WORKSPACE'));

/** The source tree itself. */
export const WORKSPACE: string = dirname(realpathSync(join(RUNFILES, 'MODULE.bazel')));

/** Whether the test runs in the private root of docs/bazel.md, which has only Debian's Bazel. */
export const INSIDE_AIRGAP_ROOT: boolean = existsSync('/etc/bazel/bazelrc') && existsSync('/usr/bin/bazel');

const LAST_LINES = 40;

function sameBazel(airgapConfig: boolean): Record<string, string> {
  if (INSIDE_AIRGAP_ROOT) {
    const javaHome = '/usr/lib/jvm/default-java';
    return { BAZEL_REAL: '/usr/bin/bazel', ICOS_AIRGAP: airgapConfig ? '1' : '0', JAVA_HOME: javaHome };
  }
  const version = readFileSync(join(WORKSPACE, '.bazelversion'), 'utf8').trim();
  return { ICOS_AIRGAP: '0', USE_BAZEL_VERSION: version };
}

export interface SecondBazelOptions {
  /** The workspace to build. */
  readonly workspace: string;
  /** Whether the workspace has the config `airgap`. If so, it is used inside the private root. */
  readonly hasAirgapConfig: boolean;
  /** Options for every command. */
  readonly options: readonly string[];
  /** Environment variables that differ from those of the first Bazel. */
  readonly environment: Readonly<Record<string, string>>;
}

export class SecondBazel {
  readonly #options: SecondBazelOptions;
  readonly #outputBase = join(variable('TEST_TMPDIR'), 'second-output-base');

  constructor(options: SecondBazelOptions) {
    this.#options = options;
  }

  /** Runs a command and returns its output. Throws an error with the last lines if it fails. */
  run(command: string, ...args: readonly string[]): string {
    const { workspace, hasAirgapConfig, options, environment } = this.#options;
    const all = [`--output_base=${this.#outputBase}`, command, ...options, ...args];
    // The umask must not affect the mode of any file in an image.
    const shell = ['-c', 'umask 077; exec "$@"', 'sh', join(WORKSPACE, 'tools/bazel'), ...all];
    const { status, stdout, stderr } = spawnSync('sh', shell, {
      cwd: workspace,
      encoding: 'utf8',
      env: {
        PATH: `${join(WORKSPACE, 'node_modules/.bin')}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
        HOME: homedir(),
        ...environment,
        ...sameBazel(hasAirgapConfig),
      },
      maxBuffer: 1 << 28,
    });
    if (status === 0) return stdout.trim();
    const end = stderr.split('\n').slice(-LAST_LINES).join('\n');
    throw new Error(`bazel ${command} ended with status ${status}:\n${end}`);
  }

  /** Stops the server and removes the output base. */
  remove(): void {
    this.run('clean', '--expunge');
  }
}
