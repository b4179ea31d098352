import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parsePackageList, readLockRequests } from './request.ts';

describe('a package list', () => {
  test('has one name per line, comments and blank lines', () => {
    expect(parsePackageList('# why\njq\n\n  g++ # compiler\nlibc6\n', 'packages.dev')).toEqual([
      'jq',
      'g++',
      'libc6',
    ]);
  });

  test.each(['jq zstd', 'jq=1.7', 'jq/trixie', '-o', 'JQ', '?essential', 'jq-\u00e9'])(
    'refuses %j',
    (line) => {
      expect(() => parsePackageList(`zstd\n${line}\n`, 'packages.dev')).toThrow(
        `packages.dev:2: "${line}" is not a package name`,
      );
    },
  );
});

describe('locks.json', () => {
  function read(locks: unknown, names: string[] = []) {
    const directory = mkdtempSync(join(tmpdir(), 'request-test-'));
    try {
      writeFileSync(
        join(directory, 'locks.json'),
        typeof locks === 'string' ? locks : JSON.stringify({ locks }),
      );
      writeFileSync(join(directory, 'one'), 'jq\n');
      writeFileSync(join(directory, 'two'), 'zstd\njq\n');
      return readLockRequests(directory, names);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }
  const A = { suites: ['trixie'], architecture: 'amd64', sets: { common: ['one'], dev: ['one', 'two'] } };

  test('combines the lists of a set, each name once', () => {
    expect(read({ a: A })).toEqual([
      {
        name: 'a',
        suites: ['trixie'],
        architecture: 'amd64',
        essential: false,
        without: [],
        dependencies: true,
        sets: { common: ['jq'], dev: ['jq', 'zstd'] },
      },
    ]);
  });

  test('only the lists of the requested locks must exist', () => {
    const b = { ...A, sets: { all: ['missing'] } };
    expect(read({ a: A, b }, ['a']).map(({ name }) => name)).toEqual(['a']);
    expect(() => read({ a: A, b }, [])).toThrow('missing');
  });

  test.each<[unknown, string[], string]>([
    ['{', [], 'locks.json: not JSON: '],
    ['{}', [], 'locks.json: the key "locks" is missing'],
    [{ a: A }, ['b'], 'no lock is named "b"; known are: a'],
    [{ a: 1 }, [], 'locks.json: locks.a: expected an object, found 1'],
    [{ a: { ...A, suites: [] } }, [], 'locks.a.suites: the list is empty'],
    [{ a: { ...A, architecture: undefined } }, [], 'locks.a: the key "architecture" is missing'],
    [{ a: { ...A, essential: 'yes' } }, [], 'locks.a.essential: expected true or false, found "yes"'],
    [{ a: { ...A, without: 'apt' } }, [], 'locks.a.without: expected a list, found "apt"'],
    [{ a: { ...A, sets: { all: 'one' } } }, [], 'locks.a.sets.all: expected a list, found "one"'],
  ])('refuses %j %j', (locks, names, message) => {
    expect(() => read(locks, names)).toThrow(message);
  });
});
