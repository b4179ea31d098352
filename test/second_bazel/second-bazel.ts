/** A Bazel beside the one that runs the test: on the source tree itself, with an output base of its own. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set; run this with tools/bazel test`);
  return value;
}

export const runfiles = join(variable('TEST_SRCDIR'), variable('TEST_WORKSPACE'));
export const workspace = dirname(realpathSync(join(runfiles, 'MODULE.bazel')));

/** Inside the private root of the airgap way there is Debian's Bazel and no other. */
export const insideAirgapRoot = existsSync('/etc/bazel/bazelrc') && existsSync('/usr/bin/bazel');

/** What of tools/bazel and .bazelrc a workspace needs that has none of them: see --config=airgap there. */
export const AIRGAP_OPTIONS: readonly string[] = [
  `--registry=file://${workspace}/tools/airgap/registry`,
  '--lockfile_mode=off',
  '--noenable_workspace',
];

/** The links bazel-bin and so on in the source tree are the first Bazel's. */
const NO_LINKS = '--experimental_convenience_symlinks=ignore';

export interface SecondBazelOptions {
  /** The workspace's folder. Default: this one. */
  readonly folder?: string;
  /** A name for the output base. */
  readonly outputBase: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export class SecondBazel {
  readonly #options: SecondBazelOptions;

  constructor(options: SecondBazelOptions) {
    this.#options = options;
  }

  #way(): Record<string, string> {
    if (!insideAirgapRoot) {
      const version = readFileSync(join(workspace, '.bazelversion'), 'utf8').trim();
      return { ICOS_AIRGAP: '0', USE_BAZEL_VERSION: version };
    }
    // Another workspace has no --config=airgap.
    const airgap = this.#options.folder === undefined ? '1' : '0';
    return { BAZEL_REAL: '/usr/bin/bazel', JAVA_HOME: '/usr/lib/jvm/default-java', ICOS_AIRGAP: airgap };
  }

  /** Runs Bazel with another umask than the first one. */
  run(...args: readonly string[]): SpawnSyncReturns<string> {
    const { folder = workspace, outputBase, environment } = this.#options;
    const command = [
      join(workspace, 'tools/bazel'),
      `--output_base=${join(variable('TEST_TMPDIR'), outputBase)}`,
    ];
    return spawnSync('sh', ['-c', 'umask 077; exec "$@"', 'sh', ...command, ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: {
        PATH: `${join(workspace, 'node_modules/.bin')}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
        HOME: homedir(),
        ...environment,
        ...this.#way(),
      },
      maxBuffer: 1 << 28,
    });
  }

  /** Builds targets and gives the folder that holds their outputs. */
  build(...args: readonly string[]): string {
    const build = this.run('build', NO_LINKS, ...args);
    if (build.status !== 0) {
      const end = build.stderr.split('\n').slice(-40).join('\n');
      throw new Error(`bazel build ${args.join(' ')} ended with status ${build.status}:\n${end}`);
    }
    const options = args.filter((arg) => arg.startsWith('-'));
    return this.run('info', ...options, 'bazel-bin').stdout.trim();
  }

  /** Ends the server and removes the output base. */
  remove(): void {
    this.run('clean', NO_LINKS, '--expunge');
  }
}
