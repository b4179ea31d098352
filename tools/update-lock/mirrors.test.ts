import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { configuredMirrors, hostMirrors, parseDeb822Sources, parseOneLineSources } from './mirrors.ts';

describe('one-line sources', () => {
  test.each([
    ['deb http://a/debian trixie main', ['http://a/debian']],
    ['  deb\thttp://a/debian\ttrixie main # why', ['http://a/debian']],
    ['deb [arch=amd64 signed-by=/k.gpg] http://a/debian trixie main', ['http://a/debian']],
    ['deb-src http://a/debian trixie main', []],
    ['# deb http://a/debian trixie main', []],
    ['deb', []],
  ])('%j', (text, mirrors) => expect(parseOneLineSources(text)).toEqual(mirrors));
});

describe('deb822 sources', () => {
  test.each([
    ['Types: deb\nURIs: http://a/debian http://b/debian', ['http://a/debian', 'http://b/debian']],
    [
      'types: deb deb-src\nuris:\n http://a/debian\n# no\n http://b/debian',
      ['http://a/debian', 'http://b/debian'],
    ],
    ['Types: deb-src\nURIs: http://a/debian', []],
    ['Types: deb\nURIs: http://a/debian\nEnabled: no', []],
  ])('%j', (text, mirrors) => {
    expect(parseDeb822Sources(text, 'x.sources').filter((mirror) => mirror !== '')).toEqual(mirrors);
  });
});

test("the host's mirrors are in the order of its files: only web addresses, each once", () => {
  const directory = mkdtempSync(join(tmpdir(), 'mirrors-test-'));
  try {
    mkdirSync(join(directory, 'sources.list.d'));
    writeFileSync(
      join(directory, 'sources.list'),
      'deb cdrom:[x]/ trixie main\ndeb http://c/debian/ trixie main\n',
    );
    writeFileSync(join(directory, 'sources.list.d/b.list'), 'deb http://b/debian trixie main\n');
    writeFileSync(
      join(directory, 'sources.list.d/a.sources'),
      'Types: deb\nURIs: http://a/debian http://c/debian\n',
    );
    writeFileSync(join(directory, 'sources.list.d/a.sources.save'), 'Types: deb\nURIs: http://old/debian\n');
    expect(hostMirrors(directory)).toHaveLength(5);
    const mirrors = ['http://c/debian', 'http://a/debian', 'http://b/debian'];
    expect(configuredMirrors(undefined, directory)).toEqual(mirrors);
    expect(configuredMirrors(' ', directory)).toEqual(mirrors);
    expect(configuredMirrors('http://x/debian/, http://y/debian', directory)).toEqual([
      'http://x/debian',
      'http://y/debian',
    ]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('if no mirror is known, the error names the variable to set', () => {
  expect(() => configuredMirrors(undefined, '/nonexistent')).toThrow(
    /^no mirror of Debian packages is known: set ICOS_APT_MIRRORS/,
  );
});
