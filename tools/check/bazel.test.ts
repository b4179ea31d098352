import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const WRAPPER = resolve(import.meta.dirname, '../bazel');
const NPM_PACKAGES = resolve(import.meta.dirname, '../npm-packages');
const BAZEL_VERSION = '7.7.1';
/** Commands that the wrapper expects on every Debian system. */
const ESSENTIAL = [
  ...[
    'awk',
    'bash',
    'cat',
    'cmp',
    'cp',
    'cut',
    'date',
    'dirname',
    'env',
    'find',
    'flock',
    'grep',
    'head',
    'ln',
  ],
  ...['mkdir', 'mv', 'paste', 'rm', 'sed', 'tail', 'touch', 'tr', 'true'],
];

let folder: string;
let workspace: string;
let cache: string;

function write(path: string, content: string, mode = 0o644): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  chmodSync(path, mode);
}

/** Replaces a command that the wrapper calls. */
function command(name: string, script: string): void {
  write(join(folder, 'bin', name), `#!/bin/bash\n${script}\n`, 0o755);
}

const network = {
  /** Sets the hosts that answer `curl`. A Debian mirror answers with a Release file of Debian. */
  answers: (...hosts: readonly string[]) =>
    command(
      'curl',
      `url=\${*: -1}
       echo "$url" >>${folder}/curl.log
       for host in ${hosts.join(' ')}; do
         [[ $url != *$host* ]] || { [[ $url != */InRelease ]] || echo 'Origin: Debian'; exit 0; }
       done
       exit 6`,
    ),
};
const BAZEL_HOSTS = ['bcr.bazel.build', 'releases.bazel.build', 'github.com'];
const MIRROR = 'http://mirror.example/debian';

function run(args: readonly string[], variables: NodeJS.ProcessEnv = {}, cwd = workspace) {
  const env = { PATH: join(folder, 'bin'), HOME: folder, ICOS_APT_MIRRORS: MIRROR, ...variables };
  return spawnSync(join(workspace, 'tools/bazel'), args, { cwd, env, encoding: 'utf8' });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bazel-test-'));
  workspace = join(folder, 'workspace');
  cache = join(folder, '.cache/icos');
  mkdirSync(join(folder, 'bin'));
  for (const name of ESSENTIAL) {
    const path = ['/usr/bin', '/bin']
      .map((bin) => join(bin, name))
      .find((candidate) => existsSync(candidate));
    if (path === undefined) throw new Error(`${name} is neither in /usr/bin nor in /bin`);
    symlinkSync(path, join(folder, 'bin', name));
  }
  mkdirSync(join(workspace, 'tools/prebuilt'), { recursive: true });
  copyFileSync(WRAPPER, join(workspace, 'tools/bazel'));
  copyFileSync(NPM_PACKAGES, join(workspace, 'tools/npm-packages'));
  write(join(workspace, '.bazelversion'), `${BAZEL_VERSION}\n`);
  write(
    join(workspace, 'package.json'),
    '{\n  "packageManager": "pnpm@1.2.3",\n  "@bazel/bazelisk": "4.5.6"\n}\n',
  );
  write(join(workspace, 'pnpm-lock.yaml'), 'lockfileVersion: 9\n');
  write(join(workspace, 'tsconfig.json'), '{}\n');
  write(join(workspace, 'node_modules/.installed-lock.yaml'), 'lockfileVersion: 9\n');
  write(join(workspace, 'node_modules/.bin/node'), `#!/bin/bash\necho "bundles: $*" >&2\n`, 0o755);
  write(join(workspace, 'tools/prebuilt/.stamp'), '');
  command('node', 'echo "node $*"');
  command('npm', 'echo "npm $*"');
  command('unshare', `[[ \${*: -1} == true ]] || printf '%s\\n' "$@"`);
  network.answers(...BAZEL_HOSTS);
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Creates a root, as an earlier run does. */
function setUpBefore(): string {
  const [, number] = /bazel-root-\$bazel_version-(\d+)/.exec(readFileSync(WRAPPER, 'utf8')) ?? [];
  const root = join(cache, `bazel-root-${BAZEL_VERSION}-${number}`);
  mkdirSync(join(root, 'etc/ssl/certs/java'), { recursive: true });
  write(join(root, 'etc/ssl/certs/java/cacerts'), '');
  return root;
}

describe('the ordinary way', () => {
  test("runs the workspace's bazelisk if it is installed, with unchanged arguments", () => {
    const bazelisk = join(workspace, 'node_modules/@bazel/bazelisk/bazelisk.js');
    write(bazelisk, '');
    const { stdout, stderr, status } = run(['build', '//a b', '']);
    expect(stdout).toBe(`node ${bazelisk} build //a b \n`);
    expect(stderr).toBe("tools/bazel: uses bazelisk, because Bazel's release hosts and registry answer\n");
    expect(status).toBe(0);
  });

  test('runs the bazelisk that package.json pins if nothing is installed yet', () => {
    expect(run(['version']).stdout).toBe('npm exec --yes -- @bazel/bazelisk@4.5.6 version\n');
  });

  test('passes the exit code on, also in a subdirectory', () => {
    command('npm', 'pwd; exit 37');
    const { stdout, status } = run(['build'], {}, join(workspace, 'tools'));
    expect([stdout.trim(), status]).toEqual([join(workspace, 'tools'), 37]);
  });

  test('is chosen for a version that the user requests, without a network request', () => {
    network.answers();
    const { stdout, stderr } = run(['version'], { USE_BAZEL_VERSION: '8.0.0' });
    expect(stdout).toContain('@bazel/bazelisk@');
    expect(stderr).toBe('tools/bazel: uses bazelisk, because USE_BAZEL_VERSION=8.0.0 is set\n');
    expect(existsSync(join(folder, 'curl.log'))).toBe(false);
  });

  test('is tried if no host answers, because bazelisk may have everything it needs', () => {
    network.answers();
    const { stdout, stderr } = run(['version']);
    expect(stdout).toContain('@bazel/bazelisk@');
    expect(stderr).toContain('neither');
    expect(readdirSync(folder)).not.toContain('.cache');
  });
});

describe('the airgap way', () => {
  test('is chosen if Debian answers and one of the release hosts does not', () => {
    network.answers('bcr.bazel.build', 'releases.bazel.build', 'mirror.example');
    const root = setUpBefore();
    const { stdout, stderr, status } = run(['build', '//...']);
    expect(stderr).toBe(
      `tools/bazel: uses Debian's Bazel ${BAZEL_VERSION} with --config=airgap, because Bazel's release hosts and ` +
        'registry do not answer, but a Debian mirror does\n',
    );
    const bazel = stdout.split('\n').slice(stdout.split('\n').indexOf('/usr/bin/bazel'));
    expect(bazel).toEqual([
      '/usr/bin/bazel',
      `--bazelrc=${workspace}/tools/airgap/bazelrc`,
      'build',
      '//...',
      '',
    ]);
    expect(stdout).toContain(root);
    expect(status).toBe(0);
  });

  test('is chosen if the user requests it, without a network request', () => {
    setUpBefore();
    expect(run(['info'], { ICOS_AIRGAP: '1' }).stderr).toContain('because ICOS_AIRGAP=1 is set');
    expect(existsSync(join(folder, 'curl.log'))).toBe(false);
  });

  test('asks the network once a day', () => {
    setUpBefore();
    network.answers('mirror.example');
    run(['info']);
    network.answers(...BAZEL_HOSTS);
    expect(run(['info']).stderr).toContain('do not answer');
  });

  test('needs root or user namespaces, and says so in one sentence if it has neither', () => {
    setUpBefore();
    command('unshare', 'exit 1');
    const { stderr, status } = run(['info'], { ICOS_AIRGAP: '1' });
    expect(status).toBe(1);
    expect(stderr.split('\n').at(-2)).toMatch(
      /^tools\/bazel: root or user namespaces are required .* but neither is available: /,
    );
  });

  test('installs the packages of the lock file if they are missing, and bundles the tools', () => {
    setUpBefore();
    write(join(workspace, 'pnpm-lock.yaml'), 'lockfileVersion: 10\n');
    const { stderr } = run(['info'], { ICOS_AIRGAP: '1' });
    expect(stderr).toContain('npm exec --yes -- pnpm@1.2.3 install --frozen-lockfile\n');
    expect(stderr).toContain(`bundles: ${workspace}/tools/bundle/main.ts\n`);
    expect(run(['info'], { ICOS_AIRGAP: '1' }).stderr).not.toContain('npm exec');
  });

  test('needs no npm once the packages are installed', () => {
    setUpBefore();
    rmSync(join(folder, 'bin/npm'));
    expect(run(['info'], { ICOS_AIRGAP: '1' })).toMatchObject({
      status: 0,
      stderr: expect.not.stringContaining('npm'),
    });
  });

  test.each(['gpt.ts', 'guest.sh'])('bundles the tools again only after a change of a source: %s', (name) => {
    setUpBefore();
    const source = `tools/lib/gpt/${name}`;
    write(join(workspace, source), '');
    for (const path of [
      'tools',
      'tools/bazel',
      'tools/npm-packages',
      'tools/lib',
      'tools/lib/gpt',
      source,
      'pnpm-lock.yaml',
    ]) {
      spawnSync('touch', ['-d', '2020-01-01', join(workspace, path)]);
    }
    spawnSync('touch', ['-d', '2020-01-01', join(workspace, 'tsconfig.json')]);
    expect(run(['info'], { ICOS_AIRGAP: '1' }).stderr).not.toContain('bundles:');
    write(join(workspace, source), 'changed');
    expect(run(['info'], { ICOS_AIRGAP: '1' }).stderr).toContain('bundles:');
  });
});

describe('the set-up of the root', () => {
  /** Replaces mmdebstrap by one that unpacks only a Bazel of this version. */
  function mirrorHas(version: string, before = ''): void {
    network.answers('mirror.example');
    command(
      'mmdebstrap',
      `${before}
       part="\${@: -2:1}"; mkdir -p "$part"/usr/{bin,share/{bazel,doc,man}} "$part"/etc/bazel
       echo -n ${version} >"$part/usr/share/bazel/build-label.txt"
       echo 'build --sandbox_debug' >"$part/etc/bazel/bazelrc"`,
    );
  }
  const made = () => readdirSync(cache).filter((name) => /^bazel-root-[^.]*\.[^.]*\.[^.]*$/.test(name));

  test('happens once', () => {
    mirrorHas(BAZEL_VERSION);
    expect(run(['info'], { ICOS_AIRGAP: '1' }).stderr).toContain(`once: about 400 MB from ${MIRROR}\n`);
    expect(made()).toHaveLength(1);
    command('mmdebstrap', 'exit 1');
    expect(run(['info'], { ICOS_AIRGAP: '1' }).status).toBe(0);
  });

  test('leaves no files if the mirror has another Bazel, and says which', () => {
    mirrorHas('8.1.0');
    const { stderr, status } = run(['info'], { ICOS_AIRGAP: '1' });
    expect(status).toBe(1);
    expect(stderr).toContain(`${MIRROR} has Bazel 8.1.0, but this workspace needs ${BAZEL_VERSION}`);
    expect(made()).toEqual([]);
    expect(readdirSync(cache).filter((name) => name.includes('.part.'))).toEqual([]);
  });

  test('leaves no files if it fails, and names its log', () => {
    network.answers('mirror.example');
    command('mmdebstrap', `mkdir -p "\${@: -2:1}"/usr; echo 'E: no space left' >&2; exit 25`);
    const { stderr, status } = run(['info'], { ICOS_AIRGAP: '1' });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /could not set up Debian testing's Bazel: E: no space left \(full log: .*\.log\)\n$/,
    );
    expect(readdirSync(cache).filter((name) => !/\.(log|lock)$/.test(name))).toEqual([]);
  });

  test('removes the files of an earlier set-up that was killed', () => {
    mirrorHas(BAZEL_VERSION, 'kill -KILL $PPID');
    expect(run(['info'], { ICOS_AIRGAP: '1' }).signal).toBe('SIGKILL');
    expect(made()).toEqual([]);
    mirrorHas(BAZEL_VERSION);
    expect(run(['info'], { ICOS_AIRGAP: '1' }).status).toBe(0);
    expect(readdirSync(cache).filter((name) => name.includes('.part.'))).toEqual([]);
  });

  test('lists the mirrors that it asked if none has Debian testing', () => {
    mirrorHas(BAZEL_VERSION);
    network.answers();
    const { stderr, status } = run(['info'], { ICOS_AIRGAP: '1', ICOS_APT_MIRRORS: 'http://a http://b' });
    expect(status).toBe(1);
    expect(stderr).toContain('(tried: http://a http://b)');
  });

  test('names the command that installs the missing packages, for a user who is not root', () => {
    network.answers('mirror.example');
    // As root on Debian, it would be installed. Without apt-get, that is impossible.
    const { stderr, status } = run(['info'], { ICOS_AIRGAP: '1' });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /tools\/bazel: please install the missing commands: sudo apt-get install mmdebstrap\n$/,
    );
  });
});

describe('a Bazel of the user', () => {
  test('has precedence over everything', () => {
    command('my-bazel', 'printf "%s\\n" "$@"');
    const variables = { BAZEL_REAL: join(folder, 'bin/my-bazel'), USE_BAZEL_VERSION: '8.0.0' };
    expect(run(['build', '//...'], variables).stdout).toBe('build\n//...\n');
  });

  test('can be one that needs the airgap configuration', () => {
    command('my-bazel', 'printf "%s\\n" "$@"');
    const variables = { BAZEL_REAL: join(folder, 'bin/my-bazel'), ICOS_AIRGAP: '1' };
    expect(run(['build'], variables).stdout).toBe(`--bazelrc=${workspace}/tools/airgap/bazelrc\nbuild\n`);
  });
});
