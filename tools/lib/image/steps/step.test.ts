import { expect, test } from 'vitest';
import { parseStepList } from './step.ts';

const STEP = {
  name: 'Dockerfile:1: RUN true',
  argv: ['/bin/true', ''],
  env: { PATH: '/bin', EMPTY: '' },
  workingDirectory: '/srv',
  user: 'app:1000',
};

function parse(step: unknown): unknown {
  return parseStepList(JSON.stringify({ version: 1, steps: [step] }), 'a.steps.json');
}

test('a step list is read as it was written', () => {
  expect(parse(STEP)).toEqual([STEP]);
  expect(parse({ ...STEP, stdin: 'text' })).toEqual([{ ...STEP, stdin: 'text' }]);
});

test.each([
  ['{', 'a.steps.json: not JSON: '],
  ['[]', 'a.steps.json: not a step list'],
  ['{"version":2,"steps":[]}', 'a.steps.json: step list of version 2; this tool knows version 1'],
])('a file that is not a step list is refused: %s', (json, message) => {
  expect(() => parseStepList(json, 'a.steps.json')).toThrow(message);
});

test.each([
  [{ argv: [] }, '"argv" is not a list of at least one string'],
  [{ argv: ['a', 1] }, '"argv" is not a string'],
  [{ argv: ['a\0'] }, '"argv" contains a NUL character'],
  [{ env: undefined }, '"env" is not an object'],
  [{ env: { 'A=B': '' } }, '"A=B" cannot be the name of an environment variable'],
  [{ env: { '-i': '' } }, '"-i" cannot be the name'],
  [{ env: { A: 1 } }, '"env.A" is not a string'],
  [{ workingDirectory: 'srv' }, 'the working directory srv does not begin with a slash'],
  [{ user: '' }, 'the user "" is not of the form USER or USER:GROUP'],
  [{ user: 'a:b:c' }, 'the user "a:b:c" is not of the form'],
  [{ shell: 'x' }, 'unknown key "shell"'],
])('a step with a mistake is refused: %j', (mistake, message) => {
  expect(() => parse({ ...STEP, ...mistake })).toThrow(
    `a.steps.json: step 1 (Dockerfile:1: RUN true): ${message}`,
  );
});
