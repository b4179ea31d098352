import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Step } from '../lib/image/steps/step.ts';
import {
  busyboxTree,
  describeLayer,
  runnerRoot,
  shell,
  TestFolder,
} from '../lib/testing/steps/sample-layers.ts';

const MAIN = join(import.meta.dirname, 'main.ts');

interface Ending {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

async function start(folder: TestFolder, steps: Step[], ...args: string[]): Promise<ChildProcess> {
  const layer = await folder.layer('base', busyboxTree());
  const list = join(folder.path, 'a.steps.json');
  writeFileSync(list, JSON.stringify({ version: 1, steps }));
  const output = join(folder.path, 'output.layer.tar.zst');
  return spawn(
    process.execPath,
    [
      MAIN,
      `--runner-root=${runnerRoot()}`,
      `--layer=${layer}`,
      `--steps=${list}`,
      `--output=${output}`,
      ...args,
    ],
    // Some build systems start their actions without any standard input.
    { stdio: ['ignore', 'pipe', 'pipe'], env: {} },
  );
}

async function ending(child: ChildProcess, onText: (text: string) => void = () => {}): Promise<Ending> {
  let stderr = '';
  child.stderr?.on('data', (bytes: Buffer) => {
    stderr += bytes.toString();
    onText(stderr);
  });
  return new Promise((resolve) => {
    child.once('close', (status, signal) => resolve({ status, signal, stderr }));
  });
}

/** Finds the processes whose working directory is in the folder. */
function processesIn(folder: string): string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readlinkSync(`/proc/${name}/cwd`).startsWith(folder);
    } catch {
      return false;
    }
  });
}

test('writes the layer', async () => {
  using folder = new TestFolder();
  const { status, stderr } = await ending(
    await start(folder, [shell('echo hi; mkdir -p /tmp; echo x >/tmp/x')], '--tmpfs=/run'),
  );
  expect(stderr).toMatch(/^\[1\/1\] test\nhi\n\[1\/1\] took [0-9.]+ s\n$/);
  expect(status).toBe(0);
  expect(await describeLayer(join(folder.path, 'output.layer.tar.zst'))).toEqual({
    tmp: 'directory 0755',
    'tmp/x': 'file 0644 2',
  });
});

test('a step that fails gives its output, then one line, status 1, and no layer', async () => {
  using folder = new TestFolder();
  const { status, stderr } = await ending(await start(folder, [shell('echo oh; exit 9')]));
  expect(stderr).toContain('\noh\n');
  expect(stderr).toMatch(/\nmain.ts: step test \(1 of 1\) exited with status 9\n$/);
  expect(status).toBe(1);
  expect(readdirSync(folder.path).sort()).toEqual(['a.steps.json', 'base.layer.tar.zst']);
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s ends the steps, and no file or process remains',
  async (signal) => {
    using folder = new TestFolder();
    const child = await start(folder, [shell('echo up; sleep 1000')]);
    const end = await ending(child, (text) => {
      if (text.includes('\nup\n')) child.kill(signal);
    });
    expect(end.signal).toBe(signal);
    expect(readdirSync(folder.path).sort()).toEqual(['a.steps.json', 'base.layer.tar.zst']);
    expect(processesIn(folder.path)).toEqual([]);
  },
);

test('the guest dies when the runner is killed', async () => {
  using folder = new TestFolder();
  const child = await start(folder, [shell('echo up; sleep 1000')]);
  await ending(child, (text) => {
    if (!text.includes('\nup\n')) return;
    expect(processesIn(folder.path)).not.toEqual([]);
    child.kill('SIGKILL');
  });
  await expect.poll(() => processesIn(folder.path)).toEqual([]);
});

test.each([
  ['--runner=docker', '--runner=docker is unknown; use uml or chroot'],
  ['--memory=lots', '--memory=lots is not a number above 0'],
  ['--time-limit=0', '--time-limit=0 is not a number above 0'],
  ['--tmpfs=/var/tmp', '--tmpfs=/var/tmp is not a top-level folder such as /tmp'],
])('a wrong argument is refused: %s', async (argument, message) => {
  using folder = new TestFolder();
  const { status, stderr } = await ending(await start(folder, [shell('true')], argument));
  expect(stderr).toBe(`main.ts: ${message}\n`);
  expect(status).toBe(1);
});
