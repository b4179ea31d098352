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
  ['[]', 'a.steps.json: expected an object, found a list'],
  ['{"version":2,"steps":[]}', 'a.steps.json: version: expected 1, found 2'],
])('a file that is not a step list is refused: %s', (json, message) => {
  expect(() => parseStepList(json, 'a.steps.json')).toThrow(message);
});

test.each([
  [{ argv: [] }, '.argv: the list is empty'],
  [{ argv: ['a', 1] }, '.argv[1]: expected a string, found 1'],
  [{ argv: ['a\0'] }, '.argv[0]: it contains a NUL character'],
  [{ env: undefined }, ': the key "env" is missing'],
  [{ env: { 'A=B': '' } }, '.env: "A=B" cannot be the name of an environment variable'],
  [{ env: { '-i': '' } }, '.env: "-i" cannot be the name'],
  [{ env: { A: 1 } }, '.env.A: expected a string, found 1'],
  [{ workingDirectory: 'srv' }, '.workingDirectory: expected an absolute path, found "srv"'],
  [{ user: '' }, '.user: expected a user of the form USER or USER:GROUP, found ""'],
  [{ user: 'a:b:c' }, '.user: expected a user of the form USER or USER:GROUP, found "a:b:c"'],
  [{ shell: 'x' }, ': the key "shell" is unknown; known are name, argv'],
])('a step with a mistake is refused: %j', (mistake, message) => {
  expect(() => parse({ ...STEP, ...mistake })).toThrow(`a.steps.json: steps[0]${message}`);
});
