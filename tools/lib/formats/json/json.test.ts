import { describe, expect, expectTypeOf, test } from 'vitest';
import { UserError } from '../error/user-error.ts';
import {
  anything,
  closedObject,
  count,
  flag,
  listOf,
  mapOf,
  matching,
  nonEmptyListOf,
  object,
  oneOf,
  parseJson,
  type Reader,
  text,
} from './json.ts';

const FILE = object({ path: text, sizeBytes: count }, { note: text, isLink: flag });

describe('a reader', () => {
  test('returns the value with its type', () => {
    const files = parseJson('[{"path":"a","sizeBytes":3,"note":"n"}]', 'a.json', listOf(FILE));
    expect(files).toEqual([{ path: 'a', sizeBytes: 3, note: 'n' }]);
    expectTypeOf(files[0] as (typeof files)[number]).toEqualTypeOf<
      { readonly path: string; readonly sizeBytes: number } & {
        readonly note?: string;
        readonly isLink?: boolean;
      }
    >();
  });

  test('keeps the order of the document, and leaves out unknown members', () => {
    const value = parseJson('{"note":"n","x":1,"sizeBytes":3,"path":"a"}', 'a.json', FILE);
    expect(JSON.stringify(value)).toBe('{"note":"n","sizeBytes":3,"path":"a"}');
  });

  test('keeps names that are properties of every object', () => {
    const json = '{"__proto__":"a","constructor":"b"}';
    expect(JSON.stringify(parseJson(json, 'a.json', mapOf(text)))).toBe(json);
    expect(parseJson(json, 'a.json', object({}))).toEqual({});
  });

  test.each<[string, string, Reader<unknown>, string]>([
    ['text that is not JSON', '{', anything, 'a.json: not JSON: '],
    ['null for an object', 'null', FILE, 'a.json: expected an object, found null'],
    ['a list for an object', '[]', FILE, 'a.json: expected an object, found a list'],
    ['an object for a list', '{}', listOf(text), 'a.json: expected a list, found an object'],
    ['an empty list', '{"k":[]}', mapOf(nonEmptyListOf(text)), 'a.json: k: the list is empty'],
    ['a missing key', '{"path":"a"}', FILE, 'a.json: the key "sizeBytes" is missing'],
    ['a number for a string', '{"path":1,"sizeBytes":1}', FILE, 'a.json: path: expected a string, found 1'],
    [
      'null for an optional member',
      '{"path":"a","sizeBytes":1,"note":null}',
      FILE,
      'a.json: note: expected a string, found null',
    ],
    [
      'a number beyond all limits',
      '[1e400]',
      listOf(count),
      'expected a whole number from 0 on, found Infinity',
    ],
    ['a negative count', '[[1,-1]]', listOf(listOf(count)), 'a.json: [0][1]: expected a whole number'],
    [
      'a count above 2^53',
      '9007199254740992',
      count,
      'expected a whole number from 0 on, found 9007199254740992',
    ],
    ['a fraction for a count', '1.5', count, 'found 1.5'],
    ['a string for a flag', '"yes"', flag, 'expected true or false, found "yes"'],
    ['another value', '"c"', oneOf('a', 'b'), 'expected "a" or "b", found "c"'],
    [
      'a string of another form',
      '{"k":"x"}',
      mapOf(matching(/^[0-9]+$/, 'digits')),
      'k: expected digits, found "x"',
    ],
    [
      'an unknown member of a closed object',
      '{"a":1,"c":2}',
      closedObject({ a: count }, { b: count }),
      'a.json: the key "c" is unknown; known are a, b',
    ],
  ])('refuses %s with one line', (_what, json, read, message) => {
    expect(() => parseJson(json, 'a.json', read)).toThrow(message);
    expect(() => parseJson(json, 'a.json', read)).toThrow(UserError);
  });

  test('shows the start of a long value only', () => {
    expect(() => parseJson(JSON.stringify('x'.repeat(1000)), 'a.json', count)).toThrow(/found "x{59}\.\.\.$/);
  });
});
