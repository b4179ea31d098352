import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { UserError } from '../../formats/error/user-error.ts';
import { expandParamFiles, required, userMessage } from './cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'cli-test-'));

afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a tool whose main function has this body, as a separate process. */
function run(body: string, args: readonly string[] = []) {
  const tool = join(folder, 'image-tool.mjs');
  const library = join(import.meta.dirname, 'cli.ts');
  writeFileSync(
    tool,
    `import { writeFileSync } from 'node:fs';
     import { runTool } from ${JSON.stringify(library)};
     import { UserError } from ${JSON.stringify(join(import.meta.dirname, '../../formats/error/user-error.ts'))};
     await runTool(async ({ args, output }) => { ${body} });`,
  );
  return spawnSync(process.execPath, [tool, ...args], { encoding: 'utf8', cwd: folder });
}

describe('a parameter file', () => {
  test('is replaced by its lines: one argument per line, and an empty argument for an empty line', () => {
    const file = join(folder, 'params');
    writeFileSync(file, '--name\nwith space\n\n--last\n');
    expect(expandParamFiles(['first', `@${file}`])).toEqual(['first', '--name', 'with space', '', '--last']);
  });

  test('that is missing gives an error of one line', () => {
    const { status, stderr } = run('', ['@missing']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^image-tool: missing: no such file or directory \(ENOENT\)\n$/);
  });
});

describe('a tool', () => {
  test('exits with 0, and keeps its output', () => {
    const { status, stderr } = run("writeFileSync(output('kept'), args.join());", ['a', 'b']);
    expect([status, stderr]).toEqual([0, '']);
    expect(existsSync(join(folder, 'kept'))).toBe(true);
  });

  test('that fails because of its input exits with 1, prints one line, and leaves no output', () => {
    const { status, stderr } = run(
      "writeFileSync(output('gone'), 'half'); throw new UserError('layout.csv:3: no such unit: Q; use K, M or G');",
    );
    expect(status).toBe(1);
    expect(stderr).toBe('image-tool: layout.csv:3: no such unit: Q; use K, M or G\n');
    expect(existsSync(join(folder, 'gone'))).toBe(false);
  });

  test('that cannot create an output below a file names that path, and leaves no other output', () => {
    const { status, stderr } = run(
      "writeFileSync(output('gone'), 'half'); writeFileSync(output('image-tool.mjs/x'), '');",
    );
    expect([status, stderr]).toEqual([
      1,
      'image-tool: image-tool.mjs/x: a directory of its path is a file (ENOTDIR)\n',
    ]);
    expect(existsSync(join(folder, 'gone'))).toBe(false);
  });

  test('that has a defect exits with 1, prints a stack trace, and leaves no output', () => {
    const { status, stderr } = run("writeFileSync(output('gone'), 'half'); throw new TypeError('a defect');");
    expect(status).toBe(1);
    expect(stderr).toContain('TypeError: a defect\n    at ');
    expect(existsSync(join(folder, 'gone'))).toBe(false);
  });
});

describe('an error from outside', () => {
  test('such as a full disk names the remedy', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    expect(userMessage(full)).toBe('the disk is full; free some space and build again (ENOSPC)');
  });

  test('is one line, whatever it quotes', () => {
    const missing = Object.assign(new Error('ENOENT'), { code: 'ENOENT', path: 'a\nb' });
    expect(userMessage(missing)).toBe('a\\012b: no such file or directory (ENOENT)');
    const ambiguous = Object.assign(new TypeError('--x is ambiguous.\nDid you forget it?'), {
      code: 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE',
    });
    expect(userMessage(ambiguous)).toBe('--x is ambiguous. Did you forget it?');
  });

  test('is distinguished from a defect', () => {
    expect(userMessage(new UserError('line'))).toBe('line');
    expect(userMessage(new RangeError('out of range'))).toBeUndefined();
    expect(userMessage('a string')).toBeUndefined();
  });
});

test('a required option that is missing is named', () => {
  expect(required('value', 'output')).toBe('value');
  expect(() => required(undefined, 'output')).toThrow(new UserError('--output is missing'));
});
