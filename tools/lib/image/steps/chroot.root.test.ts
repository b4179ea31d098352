/** These tests need root, because the chroot runner mounts the image. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { realTool } from '../../testing/real-tool.ts';
import { directory, file, hardLink } from '../../testing/steps/items.ts';
import { failOn, runOn } from '../../testing/steps/runs.ts';
import { runnerRoot, shell, TestFolder } from '../../testing/steps/sample-layers.ts';

const ITEMS = [
  file('changed', 'before'),
  file('deleted', ''),
  file('linked', 'x'),
  hardLink('linked-too', 'linked'),
  directory('tree'),
  file('tree/file', 'x', { uid: 7, mode: 0o4711, xattrs: new Map([['user.a', Buffer.from('b')]]) }),
  directory('open', { mode: 0o1777 }),
];
const STEPS = [
  shell(`
    echo after >changed; rm deleted; mv tree moved; chmod 700 moved/file; echo more >>linked
    mkfifo fifo; mknod null c 1 3; ln -s x symlink; seq 1 100000 >numbers; mkdir -m 2750 d; ln numbers d/numbers
    for i in $(seq 1 300); do echo $i >d/$i; done`),
  shell('id >/open/id; echo $HOME >/open/home; umask >/open/umask; ls -l /dev >/dev/null; cat >/open/stdin', {
    user: 'app',
    env: { PATH: '/bin', HOME: '/x' },
    stdin: 'text',
  }),
  shell('hostname >/host; ls /sys/class/net >/net; (sleep 1000 &) ; echo $$ >/dev/null'),
];

test('the chroot runner writes the same bytes as user-mode Linux', async () => {
  using one = new TestFolder();
  using two = new TestFolder();
  const native = await runOn(one, ITEMS, STEPS, { runner: { kind: 'chroot', root: runnerRoot() } });
  const uml = await runOn(two, ITEMS, STEPS);
  expect(native.layer).toEqual(uml.layer);
  expect(Object.keys(native.layer).length).toBeGreaterThan(300);
  expect(readFileSync(native.outputPath).equals(readFileSync(uml.outputPath))).toBe(true);
});

/** Copies a file or a tree. Symbolic links, which all files of a build are, become files. */
function copyForAll(from: string, to: string): void {
  if (statSync(from).isDirectory()) {
    mkdirSync(to);
    for (const name of readdirSync(from)) copyForAll(join(from, name), join(to, name));
  } else {
    copyFileSync(from, to);
    chmodSync(to, 0o755);
  }
}

/**
 * Copies the files of a run to a folder that every user can read. The folders of a build may be
 * readable for root only.
 *
 * @returns the command line of the step runner
 */
function publicStepRunner(folder: string): {
  readonly node: string;
  readonly main: string;
  readonly root: string;
} {
  const tools = resolve(import.meta.dirname, '../../..');
  const copies = { node: join(folder, 'node'), tools: join(folder, 'tools'), root: join(folder, 'root') };
  copyForAll(process.execPath, copies.node);
  copyForAll(tools, copies.tools);
  copyForAll(runnerRoot(), copies.root);
  return { node: copies.node, main: join(copies.tools, 'step-runner/main.ts'), root: copies.root };
}

test('user-mode Linux writes the same bytes for a user who is not root', async () => {
  using folder = new TestFolder();
  using shared = new TestFolder('/tmp');
  chmodSync(shared.path, 0o777);
  const { outputPath, basePath } = await runOn(folder, ITEMS, STEPS);
  const { node, main, root } = publicStepRunner(shared.path);
  const base = join(shared.path, 'base.layer.tar.zst');
  const list = join(shared.path, 'a.steps.json');
  const other = join(shared.path, 'other.layer.tar.zst');
  copyFileSync(basePath, base);
  writeFileSync(list, JSON.stringify({ version: 1, steps: STEPS }));
  const args = [main, `--runner-root=${root}`, `--layer=${base}`, `--steps=${list}`, `--output=${other}`];
  const { status, stderr } = spawnSync(node, args, {
    cwd: shared.path,
    uid: 65534,
    gid: 65534,
    env: {},
    encoding: 'utf8',
  });
  expect(stderr).toContain('took');
  expect(status).toBe(0);
  expect(readFileSync(other).equals(readFileSync(outputPath))).toBe(true);
});

test('a run that reaches its time limit leaves neither processes nor loop devices', async () => {
  using folder = new TestFolder();
  const { message } = await failOn(folder, [shell('setsid sleep 1000 & sleep 1000')], {
    runner: { kind: 'chroot', root: runnerRoot() },
    timeLimitSeconds: 2,
  });
  expect(message).toMatch(/^step test \(1 of 1\) was running when it reached the time limit of 2 s/);
  expect(readdirSync(folder.path)).toEqual(['base.layer.tar.zst']);
  await expect
    .poll(() => execFileSync(realTool('losetup', 'mount'), ['-a'], { encoding: 'utf8' }))
    .not.toContain(folder.path);
});

test('the image is separate from the host: it contains only busybox', async () => {
  using folder = new TestFolder();
  const { log } = await runOn(folder, [], [shell('ls /')], {
    runner: { kind: 'chroot', root: runnerRoot() },
  });
  expect(log).toContain('bin\ndev\netc\nlost+found\nproc\nrun\nsys\ntmp\n');
});

test.each(['uml', 'chroot'] as const)(
  '%s: if the disk of the host is full, the run fails and writes no layer',
  async (kind) => {
    using folder = new TestFolder();
    const mount = (...args: string[]): void => {
      execFileSync('mount', ['-t', 'tmpfs', ...args, 'tmpfs', folder.path]);
    };
    mount('-o', 'size=40m');
    try {
      const { message } = await failOn(folder, [shell('dd if=/dev/urandom of=/big bs=1M count=100')], {
        runner: { kind, root: runnerRoot() },
      });
      expect(message).toMatch(/the disk is full|the disk of the host full/);
      expect(readdirSync(folder.path)).toEqual(['base.layer.tar.zst']);
    } finally {
      // The run keeps its layers open, so the mount disappears only when this process ends.
      execFileSync('umount', ['--lazy', folder.path]);
    }
  },
);
