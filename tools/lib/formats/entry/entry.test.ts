import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { baseName, comparePaths, normalizePath, parentPath } from './entry.ts';

describe('normalizePath', () => {
  test.each([
    ['./etc/passwd', 'etc/passwd'],
    ['/etc/passwd', 'etc/passwd'],
    ['etc//passwd', 'etc/passwd'],
    ['etc/', 'etc'],
    ['./', ''],
    ['/', ''],
    ['', ''],
    ['etc/..passwd', 'etc/..passwd'],
    ['...', '...'],
  ])('%j becomes %j', (path, normal) => {
    expect(normalizePath(path)).toBe(normal);
  });

  test.each(['..', '../etc', 'etc/../../etc', 'etc/..', '/..', 'a\0b'])('%j is refused', (path) => {
    expect(normalizePath(path)).toBeUndefined();
  });

  test('does not change a normal path', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', '.', '..', '', 'b.c')), (components) => {
        const normal = normalizePath(components.join('/'));
        fc.pre(normal !== undefined);
        expect(normalizePath(normal)).toBe(normal);
        expect(normal.split('/')).not.toContain('..');
      }),
    );
  });
});

describe('the order of paths', () => {
  test('puts a directory before everything in it', () => {
    expect(['a/b', 'a.b', '', 'a', 'a-b'].sort(comparePaths)).toEqual(['', 'a', 'a-b', 'a.b', 'a/b']);
  });

  test('is the order of the UTF-8 bytes, which differs from the order of UTF-16', () => {
    const beyondTheBasicPlane = '\u{1f600}';
    const highInTheBasicPlane = '\uff5e';
    expect(beyondTheBasicPlane < highInTheBasicPlane).toBe(true);
    expect(comparePaths(beyondTheBasicPlane, highInTheBasicPlane)).toBeGreaterThan(0);
  });
});

test('a path consists of its parent and its base name', () => {
  expect([parentPath('etc/ssh/config'), baseName('etc/ssh/config')]).toEqual(['etc/ssh', 'config']);
  expect([parentPath('etc'), baseName('etc')]).toEqual(['', 'etc']);
});
