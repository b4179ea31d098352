import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { homeDirectory, lookUpOwner } from './accounts.ts';
import { globRegExp } from './glob.ts';
import { parseMode } from './mode.ts';

describe('globRegExp', () => {
  test.each([
    // The rows of Go's path/filepath match_test.go that concern one component.
    ['abc', 'abc', true],
    ['*', 'abc', true],
    ['*c', 'abc', true],
    ['a*', 'a', true],
    ['a*', 'abc', true],
    ['a*b*c*d*e*', 'axbxcxdxe', true],
    ['a*b?c*x', 'abxbbxdbxebxczzx', true],
    ['a*b?c*x', 'abxbbxdbxebxczzy', false],
    ['ab[c]', 'abc', true],
    ['ab[b-d]', 'abc', true],
    ['ab[e-g]', 'abc', false],
    ['ab[^c]', 'abc', false],
    ['ab[^b-d]', 'abc', false],
    ['ab[^e-g]', 'abc', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'ab', false],
    ['a?b', 'a☺b', true],
    ['a[^a]b', 'a☺b', true],
    ['a???b', 'a☺b', false],
    ['[a-ζ]*', 'α', true],
    ['*[a-ζ]', 'A', false],
    ['[\\]a]', ']', true],
    ['[\\-]', '-', true],
    ['[x\\-]', 'x', true],
    ['[x\\-]', 'z', false],
    ['[\\-x]', 'a', false],
    ['*x', 'xxx', true],
    // The examples of the reference.
    ['hom*', 'home.txt', true],
    ['hom?.txt', 'home.txt', true],
    ['arr[[]0].txt', 'arr[0].txt', true],
    ['a.c', 'abc', false],
    ['a+(b)|{c}$', 'a+(b)|{c}$', true],
    ['*', '.hidden', true],
  ])('%s against %s: %s', (pattern, name, expected) => {
    expect(globRegExp(pattern, 'Dockerfile:1').test(name)).toBe(expected);
  });

  test.each(['[]a]', '[-]', '[x-]', '[-x]', '[a-b-c]', '[', '[^', '[^bc', 'a[', 'a\\'])(
    '%s is a bad pattern',
    (pattern) => {
      expect(() => globRegExp(pattern, 'Dockerfile:1')).toThrow(`Dockerfile:1: ${pattern}: `);
    },
  );
});

describe('parseMode', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'mode-'));
    writeFileSync(join(folder, 'file'), '');
    mkdirSync(join(folder, 'directory'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    '644',
    '0755',
    '4755',
    '7',
    'u=rwX,go=rX',
    'a+x',
    '+x',
    'go-w',
    'u+s,g+s',
    'o=',
    'g=u',
    'u=rw,g=u,o=g',
    '+t',
    'a=rX',
    'u-x+w',
    'g+s',
    'a=rw',
    'ug=rwx,o=t',
  ])('changes the same bits as chmod: %s', (text) => {
    const change = parseMode(text, 'Dockerfile:1');
    for (const [name, before] of [
      ['file', 0o644],
      ['file', 0o755],
      ['file', 0o600],
      ['directory', 0o755],
      ['directory', 0o700],
    ] as const) {
      const path = join(folder, name);
      chmodSync(path, before);
      execFileSync('/bin/sh', ['-c', 'umask 0; chmod "$1" "$2"', 'sh', text, path]);
      const after = statSync(path).mode & 0o7777;
      expect([name, before, change(before, name === 'directory').toString(8)]).toEqual([
        name,
        before,
        after.toString(8),
      ]);
    }
  });

  test.each(['', '888', '12345', 'u', 'rwx', 'x=r', 'u=rz', 'u+r,,g+r', '0o644'])('%j is refused', (text) => {
    expect(() => parseMode(text, 'Dockerfile:7')).toThrow(`Dockerfile:7: --chmod=${text} is not a mode`);
  });
});

describe('lookUpOwner', () => {
  const accounts = {
    passwd: 'root:x:0:0:root:/root:/bin/sh\nwww:x:33:34:www:/var/www:/bin/false\nbad:x:no:0::/:\n',
    group: 'root:x:0:\nwww:x:34:\nstaff:x:50:\n',
  };

  test.each([
    ['www', { uid: 33, gid: 34 }],
    ['www:staff', { uid: 33, gid: 50 }],
    ['www:7', { uid: 33, gid: 7 }],
    ['55', { uid: 55, gid: 55 }],
    ['55:staff', { uid: 55, gid: 50 }],
    ['1:2', { uid: 1, gid: 2 }],
  ])('%s is %j', (text, owner) => {
    expect(lookUpOwner(text, accounts, 'Dockerfile:1')).toEqual(owner);
  });

  test.each([
    ['nobody', "Dockerfile:1: no user nobody in this stage's /etc/passwd"],
    ['www:nobody', "Dockerfile:1: no group nobody in this stage's /etc/group"],
    ['bad', 'Dockerfile:1: the line of bad in /etc/passwd has no number in field 3'],
    ['a:b:c', 'Dockerfile:1: a:b:c is not USER or USER:GROUP'],
    [':1', 'Dockerfile:1: :1 is not USER or USER:GROUP'],
    ['4294967295', 'Dockerfile:1: 4294967295 is too large for'],
  ])('%s is refused', (text, message) => {
    expect(() => lookUpOwner(text, accounts, 'Dockerfile:1')).toThrow(message);
  });

  test('numbers need no files, but names do', () => {
    const none = { passwd: undefined, group: undefined };
    expect(lookUpOwner('1:2', none, 'x')).toEqual({ uid: 1, gid: 2 });
    expect(() => lookUpOwner('www', none, 'x')).toThrow('no user www');
  });

  test('a home directory is found by name and by number', () => {
    expect(['www', '33', 'www:staff', 'nobody'].map((user) => homeDirectory(user, accounts))).toEqual([
      '/var/www',
      '/var/www',
      '/var/www',
      undefined,
    ]);
  });
});
