import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const PACKAGE = 'ic-os/guestos/envs/dev';
const FILES = [
  'disk-img.tar.zst.sha256',
  'disk-img.tar.gz.sha256',
  'update-img.tar.zst.sha256',
  'update-img.tar.gz.sha256',
  'image.json',
];
/** A whole build from nothing, packages' configuration included, on a slow machine. */
const BUILD_LIMIT_MS = 45 * 60_000;

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined)
    throw new Error(`${name} is not set; run this with: tools/bazel test //test/reproducibility`);
  return value;
}

const runfiles = join(variable('TEST_SRCDIR'), variable('TEST_WORKSPACE'));
const workspace = dirname(realpathSync(join(runfiles, 'MODULE.bazel')));
const outputBase = join(variable('TEST_TMPDIR'), 'second-output-base');
/** Inside the private root of the airgap way there is Debian's Bazel and no other. */
const insideAirgapRoot = existsSync('/etc/bazel/bazelrc') && existsSync('/usr/bin/bazel');

/** Runs a second Bazel with an output base of its own, and with another umask, time zone and locale than the first. */
function secondBazel(...args: readonly string[]) {
  return spawnSync(
    'sh',
    [
      '-c',
      'umask 077; exec "$@"',
      'sh',
      join(workspace, 'tools/bazel'),
      `--output_base=${outputBase}`,
      ...args,
    ],
    {
      cwd: workspace,
      encoding: 'utf8',
      env: {
        PATH: `${join(workspace, 'node_modules/.bin')}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
        HOME: homedir(),
        TZ: 'Pacific/Auckland',
        LC_ALL: 'C',
        ...(insideAirgapRoot
          ? { BAZEL_REAL: '/usr/bin/bazel', ICOS_AIRGAP: '1', JAVA_HOME: '/usr/lib/jvm/default-java' }
          : {}),
      },
      maxBuffer: 1 << 28,
    },
  );
}

afterAll(() => {
  secondBazel('clean', '--expunge');
});

describe('a build from nothing, in another place, without any cache', () => {
  it(
    'gives the digests of the first build',
    () => {
      const build = secondBazel('build', '--disk_cache=', '--remote_cache=', `//${PACKAGE}:dev`);
      expect(build.status, build.stderr.split('\n').slice(-40).join('\n')).toBe(0);
      const bin = secondBazel('info', 'bazel-bin').stdout.trim();
      for (const file of FILES) {
        const first = readFileSync(join(runfiles, PACKAGE, file), 'utf8');
        const second = readFileSync(join(bin, PACKAGE, file), 'utf8');
        expect(second.split('\n'), file).toEqual(first.split('\n'));
        if (file.endsWith('.sha256')) console.log(`equal: ${first.trim()}`);
      }
    },
    BUILD_LIMIT_MS,
  );
});
