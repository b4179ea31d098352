import { describe, expect, test } from 'vitest';
import type { ImageEntry } from '../../lib/image/manifest/manifest.ts';
import type { Image } from '../image.ts';
import { loginProblems, type ReadFile, versionProblems } from './policy.ts';

/** An image whose partition `root` has these text files. */
function imageWith(files: Readonly<Record<string, string>>): { image: Image; readFile: ReadFile } {
  const entries = Object.keys(files).map(
    (path): ImageEntry => ({ partition: 'root', path, type: 'file', mode: '0600', uid: 0, gid: 0 }),
  );
  const image: Image = {
    manifest: {
      formatVersion: 1,
      os: 'guestos',
      variant: 'dev',
      version: '1',
      notes: {},
      archives: {},
      partitions: [],
      packages: [],
      entries,
    },
    layout: { file: 'disk.layout', partitions: [] },
    disk: 'disk.img',
    partitions: [],
    folder: '.',
  };
  const readFile: ReadFile = (_partition, path) => {
    const text = files[path];
    if (text === undefined) throw new Error(`${path} was read, but does not exist`);
    return Buffer.from(text);
  };
  return { image, readFile };
}

describe('loginProblems', () => {
  function problems(policy: string, files: Readonly<Record<string, string>>): string[] {
    const { image, readFile } = imageWith(files);
    return loginProblems(image, readFile, policy, 'root');
  }
  const LOCKED = 'root:*:1::::::\nbin:!:1::::::\n';
  const ROOT_ONLY = 'root:$y$j9T$x:1::::::\nbin:!*:1::::::\n';

  test.each([
    ['none', LOCKED],
    ['root', ROOT_ONLY],
  ])('policy %s is met', (policy, shadow) => {
    expect(problems(policy, { '/etc/shadow': shadow })).toEqual([]);
  });

  test.each([
    ['none', ROOT_ONLY, 'can log in with a password: root; expected: nobody'],
    ['root', LOCKED, 'can log in with a password: nobody; expected: root'],
    ['none', 'guest::1::::::\n', 'can log in with a password: guest; expected: nobody'],
  ])('policy %s is broken by %j', (policy, shadow, problem) => {
    expect(problems(policy, { '/etc/shadow': shadow })).toEqual([problem]);
  });

  test('an image without /etc/shadow is one problem', () => {
    expect(problems('none', {})).toEqual([
      'root:/etc/shadow is not a file of the image; who can log in with a password cannot be checked',
    ]);
  });
});

test('versionProblems names files with another version, and files that do not exist', () => {
  const { image, readFile } = imageWith({ '/a': '1\n', '/b': '2\n' });
  const places = [
    ['root', '/a'],
    ['root', '/b'],
    ['root', '/c'],
  ] as const;
  expect(versionProblems(image, readFile, '1', places)).toEqual([
    'root:/b has the version 2, not 1',
    'root:/c is not a file of the image',
  ]);
});
