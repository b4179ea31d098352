import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { afterAll, describe, expect, test } from 'vitest';
import config from '../../../bundle/config.ts';
import { UserError } from '../../formats/error/user-error.ts';
import { drain, fail, reverse, square } from '../../testing/parallel/tasks.ts';
import { type Task, TaskPool, workerCount } from './parallel.ts';

const folder = mkdtempSync(join(tmpdir(), 'parallel-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function withPool<Input, Output, Result>(
  task: Task<Input, Output>,
  workers: number,
  use: (pool: TaskPool<Input, Output>) => Promise<Result>,
): Promise<Result> {
  const pool = new TaskPool(task, workers);
  try {
    return await use(pool);
  } finally {
    await pool.close();
  }
}

describe('a pool of workers', () => {
  test.each([1, 2, 3])('gives each caller its own result with %i workers', async (workers) => {
    const inputs = Array.from({ length: 40 }, (_, index) => index);
    const outputs = await withPool(square, workers, (pool) =>
      Promise.all(inputs.map((input) => pool.run(input))),
    );
    expect(outputs).toEqual(inputs.map((input) => input * input));
  });

  test('shares memory with the caller, so that workers can take pieces of one job', async () => {
    const COUNT = 10_000;
    const next = new Int32Array(new SharedArrayBuffer(4));
    const sums = new Int32Array(new SharedArrayBuffer(4 * COUNT));
    const threads = await withPool(drain, 2, (pool) =>
      Promise.all([pool.run({ next, sums }), pool.run({ next, sums })]),
    );
    expect(new Set(threads).size).toBe(2);
    expect(threads).not.toContain(0);
    expect(sums.every((sum, index) => sum === index * index)).toBe(true);
  });

  test('moves memory to the worker and back instead of copying it', async () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const reversed = await withPool(reverse, 1, (pool) => pool.run(bytes, [bytes.buffer]));
    expect(bytes.length).toBe(0);
    expect([...reversed]).toEqual([3, 2, 1]);
  });

  test('throws the error of the task, and serves the next call', async () => {
    await withPool(fail, 1, async (pool) => {
      const userError = await pool.run('user').catch((error: unknown) => error);
      expect(userError).toBeInstanceOf(UserError);
      expect(userError).toHaveProperty('message', 'layer.tar: entry etc: it occurs twice');
      await expect(pool.run('range')).rejects.toThrow(RangeError);
      await expect(pool.run('system')).rejects.toMatchObject({ code: 'ENOSPC', path: 'image.raw' });
    });
  });

  test('rejects the call whose worker ends by itself, and starts another worker for the next', async () => {
    await withPool(fail, 1, async (pool) => {
      const calls = await Promise.allSettled([pool.run('exit'), pool.run('user')]);
      expect(calls.map((call) => call.status === 'rejected' && String(call.reason))).toEqual([
        'Error: a worker of fail ended by itself',
        'UserError: layer.tar: entry etc: it occurs twice',
      ]);
    });
  });

  test('rejects every call after it is closed', async () => {
    const pool = new TaskPool(square, 1);
    const calls = Promise.allSettled([pool.run(1), pool.run(2)]);
    await pool.close();
    expect((await calls).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(() => pool.run(3)).toThrow('the workers of square have ended');
  });

  test('has at least one worker, and at most four', () => {
    expect(workerCount()).toBeLessThanOrEqual(4);
    expect(workerCount(0)).toBe(1);
  });
});

const TOOL = resolve(import.meta.dirname, '../../testing/parallel/tool.ts');

async function bundled(): Promise<string> {
  const outfile = join(folder, 'tool.mjs');
  await build({ ...config, bundle: true, entryPoints: [TOOL], outfile, logLevel: 'warning' });
  return outfile;
}

test.each([
  ['run from source', async () => TOOL],
  ['bundled into one file', bundled],
])('a tool %s has workers, which do not run its main function', async (_how, script) => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [await script(), '3', '4', '5'], {
    encoding: 'utf8',
  });
  expect(stdout).toBe('9 16 25\n');
  expect(stderr).toMatch(/^(test-)?tool(\.ts)?: layer.tar: entry etc: it occurs twice\n$/);
  expect(status).toBe(1);
});
