import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../lib/formats/error/user-error.ts';

/** The keys that Debian signs its archives with. */
const ARCHIVE_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** Fetches one file with apt's own transports, so that apt's proxy settings apply. */
const APT_HELPER = '/usr/lib/apt/apt-helper';
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;

/** One suite of one mirror. */
export interface AptSource {
  readonly mirror: string;
  readonly suite: string;
}

interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs apt in a private directory, as on a system without installed packages. Of the host's
 * configuration, only the network settings are used, not the sources and preferences.
 */
export class PrivateApt {
  readonly #directory: string;
  readonly #environment: NodeJS.ProcessEnv;

  constructor(directory: string, architecture: string) {
    this.#directory = directory;
    this.#environment = { ...process.env, LC_ALL: 'C' };
    if (this.#run('apt-get', ['--version']).status !== 0 || !existsSync(APT_HELPER)) {
      throw new UserError(
        'apt-get is missing; update the lock on Debian or Ubuntu, or in a container with one of them',
      );
    }
    if (!existsSync(ARCHIVE_KEYRING)) {
      throw new UserError(
        `${ARCHIVE_KEYRING} is missing; install it with: apt-get install debian-archive-keyring`,
      );
    }
    const network = this.#run('apt-config', ['dump', 'Acquire::http', 'Acquire::https']).stdout;
    for (const name of ['state/lists/partial', 'cache/archives/partial', 'etc/parts']) {
      mkdirSync(join(directory, name), { recursive: true });
    }
    writeFileSync(join(directory, 'status'), '');
    const configuration = join(directory, 'apt.conf');
    writeFileSync(configuration, network + this.#settings(architecture));
    this.#environment['APT_CONFIG'] = configuration;
  }

  #settings(architecture: string): string {
    const settings: Record<string, string> = {
      'APT::Architecture': architecture,
      'APT::Architectures': architecture,
      'APT::Install-Recommends': 'false',
      'APT::Install-Suggests': 'false',
      'APT::Sandbox::User': '',
      'Acquire::Languages': 'none',
      'Acquire::Retries': '3',
      // A mirror that is no longer updated has an expired suite. The signature must still be valid.
      'Acquire::Check-Valid-Until': 'false',
      // Archives may also list weak digests, which must not be written to the lock.
      'Acquire::ForceHash': 'SHA256',
      'Dir::State': join(this.#directory, 'state'),
      'Dir::State::status': join(this.#directory, 'status'),
      'Dir::Cache': join(this.#directory, 'cache'),
      'Dir::Etc': join(this.#directory, 'etc'),
      'Dir::Etc::main': '/dev/null',
      'Dir::Etc::parts': join(this.#directory, 'etc/parts'),
      'Dir::Etc::sourcelist': join(this.#directory, 'sources.list'),
      'Dir::Etc::sourceparts': '/dev/null',
      'Dir::Etc::preferences': '/dev/null',
      'Dir::Etc::preferencesparts': '/dev/null',
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`);
    return `#clear APT::Architectures;\n${lines.join('')}`;
  }

  #run(command: string, args: readonly string[]): CommandResult {
    const result = spawnSync(command, args, {
      env: this.#environment,
      encoding: 'utf8',
      maxBuffer: MAX_OUTPUT_BYTES,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return { status: result.status ?? -1, stdout: result.stdout ?? '', stderr: result.stderr ?? '' };
  }

  /** Whether the mirror has the suite. */
  hasSuite({ mirror, suite }: AptSource): boolean {
    const target = join(this.#directory, 'InRelease');
    const url = `${mirror}/dists/${suite}/InRelease`;
    const limits = ['-o', 'Acquire::Retries=0', '-o', 'Acquire::http::Timeout=15'];
    return this.#run(APT_HELPER, [...limits, 'download-file', url, target]).status === 0;
  }

  /** Downloads the package indexes of the sources and checks their signatures. */
  update(sources: readonly AptSource[]): void {
    const lines = sources.map(
      ({ mirror, suite }) => `deb [signed-by=${ARCHIVE_KEYRING}] ${mirror} ${suite} main\n`,
    );
    writeFileSync(join(this.#directory, 'sources.list'), lines.join(''));
    const result = this.#run('apt-get', ['update', '--error-on=any']);
    if (result.status !== 0) {
      throw new UserError(`apt-get update failed: ${firstComplaint(result.stderr)}`);
    }
  }

  /**
   * Returns the packages that apt would install on an empty system, by file name
   * (`NAME_VERSION_ARCHITECTURE.deb`, with the colon of the version escaped).
   */
  resolve(requested: readonly string[]): string[] {
    const result = this.#run('apt-get', ['install', '--print-uris', '--yes', ...requested]);
    if (result.status !== 0) {
      throw new UserError(
        `apt cannot install these packages together: ${firstComplaint(result.stderr + result.stdout)}`,
      );
    }
    return [...result.stdout.matchAll(/^'[^']*' (\S+) [0-9]+/gm)].map((match) => match[1] ?? '');
  }

  /** Returns the index of every source, as control data. */
  indexes(): string[] {
    const list = this.#run('apt-get', ['indextargets', '--format', '$(FILENAME)', 'Created-By: Packages']);
    return list.stdout
      .split('\n')
      .filter((name) => name !== '')
      .map((name) => this.#run(APT_HELPER, ['cat-file', name]).stdout);
  }
}

/**
 * Finds apt's own explanation: the unmet dependencies, or the first error or warning, in one line.
 */
function firstComplaint(output: string): string {
  const lines = output.split('\n').map((line) => line.trim());
  const unmet = lines.filter((line) => / : (Depends|PreDepends|Conflicts|Breaks): /.test(line));
  if (unmet.length > 0) return unmet.join('; ');
  const complaint =
    lines.find((line) => line.startsWith('E:')) ?? lines.find((line) => line.startsWith('W:'));
  return complaint?.replace(/^[EW]: */, '') ?? 'apt printed no reason';
}
