import { describe, expect, test } from 'vitest';
import { parseJson } from '../json/json.ts';
import { DEFAULT_CONFIG, DEFAULT_PATH, ROOT_CONFIG, rootConfigText } from './root-config.ts';

describe('the configuration of a root file system', () => {
  test('has defaults for missing members, and the search path unless it is given', () => {
    expect(parseJson('{}', 'c.json', ROOT_CONFIG)).toEqual(DEFAULT_CONFIG);
    expect(parseJson('{"env":{"A":"b"}}', 'c.json', ROOT_CONFIG).env).toEqual({ PATH: DEFAULT_PATH, A: 'b' });
    expect(parseJson('{"env":{"PATH":"/bin"}}', 'c.json', ROOT_CONFIG).env).toEqual({ PATH: '/bin' });
  });

  test('is read as it was written', () => {
    const config = { ...DEFAULT_CONFIG, user: 'www', labels: { a: 'b' }, workingDirectory: '/srv' };
    expect(parseJson(rootConfigText(config), 'c.json', ROOT_CONFIG)).toEqual(config);
  });

  test.each([
    ['[]', 'c.json: expected an object, found a list'],
    ['{"workingDirectory":7}', 'c.json: workingDirectory: expected a string, found 7'],
    ['{"user":{}}', 'c.json: user: expected a string, found an object'],
    ['{"shell":"sh"}', 'c.json: shell: expected a list, found "sh"'],
    ['{"labels":{"a":[]}}', 'c.json: labels.a: expected a string, found a list'],
  ])('is refused: %s', (json, message) => {
    expect(() => parseJson(json, 'c.json', ROOT_CONFIG)).toThrow(message);
  });
});
