import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildDeb, controlText } from '../lib/testing/deb/sample-deb.ts';
import { TestSet } from './testing/package-set.ts';

const MAIN = join(import.meta.dirname, 'main.ts');

function run(set: TestSet, name: string, debs: readonly string[]) {
  const outputs = ['output', 'steps', 'packages'].map((option) => join(set.directory, `${name}.${option}`));
  const args = ['output', 'steps', 'packages'].map((option, index) => `--${option}=${outputs[index]}`);
  const result = spawnSync(process.execPath, [MAIN, ...args, ...debs.map((deb) => `--deb=${deb}`)], {
    encoding: 'utf8',
  });
  return { ...result, outputs };
}

const AAA = {
  control: { control: controlText('aaa', '1:2-3', 'Source: source-of-a (2-3)\n') },
  files: { 'usr/bin/a': 'a' },
};
const BBB = { control: { control: controlText('bbb') }, files: { 'usr/bin/b': 'b' } };

test('the order and the repetition of packages in the arguments change no byte', () => {
  using set = new TestSet();
  set.add(AAA);
  set.add(BBB);
  const one = run(set, 'one', set.files);
  const two = run(set, 'two', [...set.files.toReversed(), ...set.files]);
  expect(one.stderr).toBe('');
  for (const [index, file] of one.outputs.entries()) {
    expect(readFileSync(two.outputs[index] ?? '').equals(readFileSync(file))).toBe(true);
  }
});

test('packages.json has the package of each file', () => {
  using set = new TestSet();
  const file = set.add(AAA);
  const { outputs } = run(set, 'one', set.files);
  expect(JSON.parse(readFileSync(outputs[2] ?? '', 'utf8'))).toEqual({
    packages: [
      {
        name: 'aaa',
        version: '1:2-3',
        architecture: 'amd64',
        source: 'source-of-a (2-3)',
        sha256: createHash('sha256').update(readFileSync(file)).digest('hex'),
        files: ['usr/bin/a'],
      },
    ],
  });
});

describe('bad input gives one line and exit status 1, and leaves no output', () => {
  const good = buildDeb(AAA);
  test.each<[string, (set: TestSet) => void, RegExp]>([
    [
      'a truncated package',
      (set) => set.addBytes(good.subarray(0, -100)),
      /^main\.ts: \S+0\.deb: .*passes the end of the file/,
    ],
    [
      'a file that is not a package',
      (set) => set.addBytes(Buffer.from('rubbish')),
      /^main\.ts: \S+0\.deb: not an intact Debian package/,
    ],
    [
      'the same package twice',
      (set) => [set.add(AAA), set.add(AAA)],
      /^main\.ts: \S+1\.deb: the package aaa is also in \S+0\.deb/,
    ],
    ['no package', () => {}, /^main\.ts: --deb is missing/],
  ])('%s', (_name, fill, message) => {
    using set = new TestSet();
    fill(set);
    const { status, stderr, outputs } = run(set, 'bad', set.files);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd()).not.toContain('\n');
    expect(status).toBe(1);
    for (const output of outputs) expect(existsSync(output)).toBe(false);
  });
});
