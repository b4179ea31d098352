import { describe, expect, test } from 'vitest';
import { PathFilter } from './path-filter.ts';

describe('a pattern means the same as in dpkg', () => {
  test.each([
    ['/usr/share/doc/*', 'usr/share/doc/a/b', true],
    ['/usr/share/doc/*', 'usr/share/doc', false],
    ['/usr/share/doc/*', 'usr/share/docs/a', false],
    ['*', 'usr', true],
    ['/usr/share/?an', 'usr/share/man', true],
    ['/usr/share/?an', 'usr/share/mman', false],
    ['/usr/[a-c]*', 'usr/bin', true],
    ['/usr/[a-c]*', 'usr/sbin', false],
    ['/usr/[!a-c]*', 'usr/sbin', true],
    ['/a.b', 'axb', false],
    ['/a+(b)|c', 'a+(b)|c', true],
    ['/a[', 'a[', true],
    ['/a', 'a/b', false],
    ['/*.mo', 'usr/a\nb.mo', true],
  ])('%j on %j: %s', (pattern, path, expected) => {
    if (!pattern.startsWith('/'))
      return expect(() => new PathFilter([pattern], [])).toThrow('begin with a slash');
    return expect(new PathFilter([pattern], []).excludes(path)).toBe(expected);
  });
});

test('an included path is never excluded', () => {
  const filter = new PathFilter(['/usr/share/doc/*'], ['/usr/share/doc/*/copyright']);
  expect(filter.excludes('usr/share/doc/a/copyright')).toBe(false);
  expect(filter.excludes('usr/share/doc/a/README')).toBe(true);
});
