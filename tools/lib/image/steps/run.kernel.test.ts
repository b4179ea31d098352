import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { directory, file, symlink } from '../../testing/steps/items.ts';
import { failOn, runOn } from '../../testing/steps/runs.ts';
import { readMerged, runnerRoot, shell, TestFolder } from '../../testing/steps/sample-layers.ts';

/** The output of the steps in a log, without the runner's lines about them. */
function outputOf(log: string): string {
  return log
    .split('\n')
    .filter((line) => !/^\[\d+\/\d+\]/.test(line))
    .join('\n');
}

describe('a step', () => {
  test('has exactly the environment, the working directory and the input of its description', async () => {
    using folder = new TestFolder();
    const { log } = await runOn(
      folder,
      [directory('srv'), directory('srv/it s')],
      [
        {
          name: 'environment',
          argv: ['env'],
          env: { PATH: '/bin', QUOTED: `a 'b' "c" $d \\e \`f\``, LINES: 'one\ntwo', EMPTY: '', UMLAUT: 'ä' },
          workingDirectory: '/',
          user: 'root',
        },
        shell('pwd; umask; cat; hostname', {
          workingDirectory: '/srv/it s',
          stdin: "from stdin 'x'\n\tlast",
        }),
        { ...shell(''), argv: ['printf', '%s|', '', 'a b', "'", '-n', '$PATH', '\n'] },
      ],
    );
    expect(outputOf(log)).toBe(
      `${[
        'PATH=/bin',
        `QUOTED=a 'b' "c" $d \\e \`f\``,
        'LINES=one',
        'two',
        'EMPTY=',
        `UMLAUT=${Buffer.from('ä').toString('latin1')}`,
        '/srv/it s',
        '0022',
        "from stdin 'x'",
        '\tlastlocalhost',
        "|a b|'|-n|$PATH|",
        '|',
      ].join('\n')}\n`,
    );
  });

  test.each([
    ['root', 'uid=0(root) gid=0(root)'],
    ['app', 'uid=1000(app) gid=1001(apps) groups=50(staff),60(log)'],
    ['1000', 'uid=1000(app) gid=1001(apps) groups=50(staff),60(log)'],
    ['app:staff', 'uid=1000(app) gid=50(staff)'],
    ['app:60', 'uid=1000(app) gid=60(log)'],
    ['4711', 'uid=4711 gid=0(root)'],
    ['4711:4712', 'uid=4711 gid=4712'],
  ])('runs as the user that %s means to Docker', async (user, expected) => {
    using folder = new TestFolder();
    const { log, layer } = await runOn(
      folder,
      [directory('open', { mode: 0o1777 })],
      [shell('id; touch /open/file; touch /file 2>/dev/null || true', { user })],
    );
    const output = outputOf(log).split('\n');
    expect(output[0]).toBe(expected);
    const ids = /uid=(\d+).* gid=(\d+)/.exec(expected);
    const owner = user === 'root' ? '' : ` ${ids?.[1]}:${ids?.[2]}`;
    expect(layer['open/file']).toBe(`file 0644${owner} 0`);
    expect(layer['file']).toBe(user === 'root' ? 'file 0644 0' : undefined);
  });

  test('can run as a user that an earlier step created, in a passwd file that is a symbolic link', async () => {
    using folder = new TestFolder();
    const { log } = await runOn(
      folder,
      [directory('usr'), file('usr/passwd', '')],
      [
        shell('echo new:x:77:78::/:/bin/sh >/usr/passwd; ln -sf /usr/passwd /etc/passwd'),
        shell('id', { user: 'new' }),
      ],
    );
    expect(outputOf(log)).toBe('uid=77(new) gid=78\n');
  });

  test('has its output passed on byte by byte, also if it is not text', async () => {
    using folder = new TestFolder();
    const octal = Array.from({ length: 256 }, (_, byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
    const { log } = await runOn(
      folder,
      [],
      [
        shell(`printf '${octal}'; printf '${octal}' >&2; seq 1 300000; printf 'no newline at the end'`),
        shell('echo next'),
      ],
    );
    const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join('');
    const numbers = Array.from({ length: 300_000 }, (_, index) => index + 1).join('\n');
    expect(log.startsWith(`[1/2] test\n${bytes}${bytes}${numbers}\nno newline at the end\n[1/2] took `)).toBe(
      true,
    );
    expect(log).toMatch(/\n\[2\/2\] test\nnext\n\[2\/2\] took [0-9.]+ s\n$/);
  });

  test('leaves no process running that could write later', async () => {
    using folder = new TestFolder();
    const { layer, log } = await runOn(
      folder,
      [],
      [
        shell(
          '(sleep 1; echo late >/late) & setsid sh -c "sleep 1; echo later >/later" & (trap "" TERM HUP; sleep 1000) & echo started',
        ),
        shell('sleep 2; ps | grep -c "[s]leep 1" || true'),
      ],
    );
    expect(layer).toEqual({});
    expect(outputOf(log)).toBe('started\n0\n');
  });

  test('sees a clock that starts at the same second in every run, and cannot set it', async () => {
    using folder = new TestFolder();
    const { log } = await runOn(folder, [], [shell('date +%Y-%m-%dT%H:%M; date -s @0 2>&1 || true')]);
    expect(outputOf(log)).toMatch(/^2025-01-01T00:00\ndate: can't set date: Operation not permitted\n/);
  });

  test('sees no network and no file of the host', async () => {
    using folder = new TestFolder();
    const { log } = await runOn(
      folder,
      [],
      [
        shell(
          'ls /bin/busybox; for i in /proc/sys/net/ipv4/conf/*; do echo $(basename $i); done; mkdir h; /bin/busybox mount -t hostfs none h 2>&1 || rmdir h',
        ),
      ],
    );
    expect(outputOf(log)).toMatch(/^\/bin\/busybox\nall\ndefault\nlo\nmount: .*\n$/);
  });

  test('may mount file systems, which are unmounted when it ends', async () => {
    using folder = new TestFolder();
    const { layer } = await runOn(
      folder,
      [directory('m')],
      [shell('/bin/busybox mount -t tmpfs none /m; echo >/m/x; sleep 1000 >/m/y &'), shell('test ! -e /m/x')],
    );
    expect(layer).toEqual({});
  });

  test('works in a tree without mount points, and adds none to the layer', async () => {
    using folder = new TestFolder();
    const { layer } = await runOn(
      folder,
      [],
      [shell('test -e /proc/self && test -e /sys/kernel && echo >/dev/null')],
    );
    expect(layer).toEqual({});
  });
});

describe('a run that fails', () => {
  function expectNothingLeft(folder: TestFolder): void {
    expect(readdirSync(folder.path)).toEqual(['base.layer.tar.zst']);
  }

  test('reports the step, its command, its status and its last lines', async () => {
    using folder = new TestFolder();
    const steps = [
      shell('echo fine', { name: 'first' }),
      shell('seq 1 100; echo reason >&2; exit 3', { name: 'Dockerfile:7: RUN make' }),
      shell('echo never', { name: 'last' }),
    ];
    const { message, log } = await failOn(folder, steps);
    expect(message).toBe('step Dockerfile:7: RUN make (2 of 3) exited with status 3');
    expect(log).toContain('the command was: /bin/sh -euc "seq 1 100; echo reason >&2; exit 3"\n');
    expect(log).toMatch(
      /the last 20 lines of its output were:\n {2}82\n {2}83\n[\s\S]*\n {2}100\n {2}reason\n$/,
    );
    expect(log).not.toContain('never');
    expectNothingLeft(folder);
  });

  test('names the signal that ended the step', async () => {
    using folder = new TestFolder();
    const { message } = await failOn(folder, [shell('kill -SEGV $$')]);
    expect(message).toBe('step test (1 of 1) was ended by SIGSEGV (status 139)');
  });

  test('at its time limit reports which step was running', async () => {
    using folder = new TestFolder();
    const { message } = await failOn(
      folder,
      [shell('true'), shell('echo waiting; sleep 1000', { name: 'slow' })],
      {
        timeLimitSeconds: 4,
      },
    );
    expect(message).toBe(
      'step slow (2 of 2) was running when it reached the time limit of 4 s; set another with --time-limit',
    );
    expectNothingLeft(folder);
  });

  test('on a full disk reports that, and the remedy', async () => {
    using folder = new TestFolder();
    const { message } = await failOn(folder, [shell('dd if=/dev/zero of=/big bs=1M')], { freeMebibytes: 32 });
    expect(message).toMatch(
      /^step test \(1 of 1\) exited with status 1; the disk that the steps run on is full: it has 32 MiB .*--free-space/,
    );
  });

  test('without memory reports that, and the remedy', async () => {
    using folder = new TestFolder();
    const { message } = await failOn(folder, [shell('x=$(tr "\\0" x </dev/zero)')], {
      runner: { kind: 'uml', root: runnerRoot(), memoryMebibytes: 96 },
    });
    expect(message).toMatch(/^step test \(1 of 1\) .*; the 96 MiB of memory .*--memory/);
  });

  test.each([
    [{ user: 'nobody' }, "cannot start: user nobody is not in the image's /etc/passwd"],
    [{ user: 'app:nogroup' }, "cannot start: group nogroup is not in the image's /etc/group"],
    [{ workingDirectory: '/missing' }, 'exited with status 1'],
    [{ argv: ['missing'] }, 'exited with status 127'],
    [{ argv: ['/etc/passwd'] }, 'exited with status 126'],
  ])('because a step cannot start gives the reason: %j', async (given, expected) => {
    using folder = new TestFolder();
    const { message } = await failOn(folder, [shell('true', given)]);
    expect(message).toBe(`step test (1 of 1) ${expected}`);
  });

  test('by a crash of the kernel shows its last lines', async () => {
    using folder = new TestFolder();
    const { message, log } = await failOn(folder, [shell('echo c >/proc/sysrq-trigger; sleep 1000')]);
    expect(message).toMatch(
      /^the step runner's kernel stopped: Kernel panic - not syncing: sysrq triggered crash \(step test/,
    );
    expect(log).toContain("the last lines of the step runner's console were:\n");
    expectNothingLeft(folder);
  });

  test('because a mount point is not a directory names its type', async () => {
    using folder = new TestFolder();
    await expect(runOn(folder, [symlink('tmp', 'var')], [shell('true')])).rejects.toThrow(
      '/tmp is a symlink in the layers; steps need a directory there as a mount point',
    );
  });

  test('because its caller aborts it leaves no process and no file', async () => {
    using folder = new TestFolder();
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('enough')), 2500);
    const { message } = await failOn(folder, [shell('sleep 1000')], { signal: controller.signal });
    expect(message).toBe('enough');
    expectNothingLeft(folder);
  });

  test('because the runner root lacks a program names the package', async () => {
    using folder = new TestFolder();
    const { message } = await failOn(folder, [shell('true')], { runner: { kind: 'uml', root: folder.path } });
    expect(message).toBe(
      `${folder.path}: usr/lib/x86_64-linux-gnu/libc.so.6 is missing; unpack Debian's libc6 into this runner root`,
    );
  });
});

test('an empty list of steps starts no guest and writes an empty layer', async () => {
  using folder = new TestFolder();
  const { layer, outputPath } = await runOn(folder, [], [], { runner: { kind: 'uml', root: '/nowhere' } });
  expect(layer).toEqual({});
  expect(existsSync(outputPath)).toBe(true);
});

test('a later run sees the changes of an earlier one', async () => {
  using folder = new TestFolder();
  const { basePath, outputPath } = await runOn(folder, [], [shell('echo one >/file')]);
  expect(String(await readMerged([basePath, outputPath], 'file'))).toBe('one\n');
});
