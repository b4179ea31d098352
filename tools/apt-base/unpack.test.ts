import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { controlText } from '../lib/testing/deb/sample-deb.ts';
import { realTool } from '../lib/testing/real-tool.ts';
import { PathFilter } from './path-filter.ts';
import { TestSet } from './testing/package-set.ts';

const BASE_FILES = {
  control: { control: controlText('base-files') },
  files: { 'usr/lib/os-release': 'ID=test\n' },
  script:
    'mkdir -m 1777 tmp; mkdir usr/bin; ln -s usr/lib lib; ln -s usr/bin bin; ln -s /usr/lib usr/lib-too',
};

describe('links between directories', () => {
  test('files are unpacked through the links of base-files, for every order of the packages', async () => {
    using set = new TestSet();
    set.add({ control: { control: controlText('aaa') }, files: { 'lib/a/x': 'a', 'bin/tool': 'tool' } });
    set.add(BASE_FILES);
    const tree = await set.unpack();
    expect(tree.describe('lib')).toBe('symlink 777 usr/lib');
    expect(tree.describe('lib/a/x')).toBeUndefined();
    expect(await tree.text('usr/lib/a/x')).toBe('a');
    expect(await tree.text('usr/bin/tool')).toBe('tool');
    const [, aaa] = tree.packages;
    expect([...(aaa?.filePaths ?? [])].sort()).toEqual(['usr/bin/tool', 'usr/lib/a/x']);
    expect(await tree.text('var/lib/dpkg/info/aaa.list')).toBe(
      '/.\n/bin\n/bin/tool\n/lib\n/lib/a\n/lib/a/x\n',
    );
  });

  test('a hard link finds its target through them', async () => {
    using set = new TestSet();
    set.add(BASE_FILES);
    set.add({ control: { control: controlText('aaa') }, files: { 'lib/a': 'a' }, script: 'ln lib/a lib/b' });
    const tree = await set.unpack();
    expect(tree.describe('usr/lib/b')).toBe('hardlink 644 usr/lib/a');
  });

  test('a link that leads out of the root is refused', async () => {
    using set = new TestSet();
    set.add({ control: { control: controlText('a1') }, script: 'mkdir x; ln -s ../../../etc x/etc' });
    set.add({ control: { control: controlText('a2') }, files: { 'x/etc/passwd': '' } });
    await expect(set.unpack()).rejects.toThrow(
      /1\.deb: entry x\/etc: a symbolic link in its path leads out of the root/,
    );
  });

  test('links that lead in a circle are refused', async () => {
    using set = new TestSet();
    set.add({ control: { control: controlText('a1') }, script: 'ln -s b a; ln -s a b' });
    set.add({ control: { control: controlText('a2') }, files: { 'a/x': '' } });
    await expect(set.unpack()).rejects.toThrow(/entry a: its path has more than 40 symbolic links/);
  });

  test('a link to a file is not followed as a directory', async () => {
    using set = new TestSet();
    set.add({ control: { control: controlText('a1') }, files: { file: '' }, script: 'ln -s file link' });
    set.add({ control: { control: controlText('a2') }, files: { 'link/x': '' } });
    await expect(set.unpack()).rejects.toThrow(/the packages a1 and a2 both have \/file/);
  });
});

describe('a path that two packages have', () => {
  const taker = (fields: string) => ({
    control: { control: controlText('taker', '2', fields) },
    files: { 'usr/x': 'taker' },
  });
  const owner = (name: string) => ({
    control: { control: controlText(name, '1') },
    files: { 'usr/x': 'owner' },
  });

  test('is refused, with both names', async () => {
    using set = new TestSet();
    set.add(owner('owner'));
    set.add(taker(''));
    await expect(set.unpack()).rejects.toThrow(
      'the packages owner and taker both have /usr/x, and neither replaces',
    );
  });

  test.each(['owner', 'zz-owner'])('belongs to the one that replaces the other (%s)', async (name) => {
    using set = new TestSet();
    set.add(owner(name));
    set.add(taker(`Replaces: ${name} (<< 2)\n`));
    const tree = await set.unpack();
    expect(await tree.text('usr/x')).toBe('taker');
    expect(await tree.text(`var/lib/dpkg/info/${name}.list`)).toBe('/.\n/usr\n');
    expect(await tree.text('var/lib/dpkg/info/taker.list')).toBe('/.\n/usr\n/usr/x\n');
    const files = Object.fromEntries(
      tree.packages.map(({ binary, filePaths }) => [binary.name, [...filePaths]]),
    );
    expect(files).toEqual({ [name]: [], taker: ['usr/x'] });
  });

  test('is refused if the replaced package has another version', async () => {
    using set = new TestSet();
    set.add(owner('owner'));
    set.add(taker('Replaces: owner (<< 1)\n'));
    await expect(set.unpack()).rejects.toThrow('neither replaces the other');
  });

  test('is refused if one of them has a directory there', async () => {
    using set = new TestSet();
    set.add({ control: { control: controlText('a1') }, files: { 'usr/x/y': '' } });
    set.add(owner('a2'));
    await expect(set.unpack()).rejects.toThrow(
      /entry usr\/x is not a directory, but other packages have a directory there/,
    );
  });

  test('keeps the mode of the first package if it is a directory', async () => {
    using set = new TestSet();
    set.add({ control: { control: controlText('a1') }, script: 'mkdir tmp' });
    set.add(BASE_FILES);
    expect((await set.unpack()).describe('tmp')).toBe('directory 1777');
  });
});

describe('excluded paths', () => {
  const SAMPLE = {
    control: { control: controlText('aaa') },
    files: { 'usr/share/doc/aaa/copyright': 'c', 'usr/share/doc/aaa/README': 'r', 'usr/bin/a': 'a' },
  };

  test('are not unpacked, but remain in the list of the package, as in dpkg', async () => {
    using set = new TestSet();
    set.add(SAMPLE);
    const tree = await set.unpack(new PathFilter(['/usr/share/doc/*'], ['/usr/share/doc/*/copyright']));
    expect(tree.paths).toEqual([
      'usr',
      'usr/bin',
      'usr/bin/a',
      'usr/share',
      'usr/share/doc',
      'usr/share/doc/aaa/copyright',
    ]);
    expect(await tree.text('var/lib/dpkg/info/aaa.list')).toContain('/usr/share/doc/aaa/README\n');
    expect([...(tree.packages[0]?.filePaths ?? [])]).not.toContain('usr/share/doc/aaa/README');
  });

  test('a hard link to one is refused', async () => {
    using set = new TestSet();
    set.add({ ...SAMPLE, script: 'ln usr/bin/a usr/bin/b' });
    await expect(set.unpack(new PathFilter(['/usr/bin/a'], []))).rejects.toThrow(
      /usr\/bin\/b is a hard link to usr\/bin\/a, which is excluded/,
    );
  });
});

test('the lists of files are equal to those of dpkg', async () => {
  using set = new TestSet();
  set.add({
    control: { control: controlText('one', '1', 'Multi-Arch: same\n'), conffiles: '/etc/one\n' },
    files: { 'etc/one': '1', 'usr/lib/one/deep/x': 'x', 'usr/share/with blank/ő': '' },
    script:
      'ln -s x usr/lib/one/deep/link; ln usr/lib/one/deep/x usr/lib/one/deep/hard; mkdir -p var/empty; chmod 2755 var/empty',
  });
  set.add({ control: { control: controlText('two') }, files: { 'usr/lib/one/two': '2' } });
  const root = join(set.directory, 'root');
  const database = join(root, 'var/lib/dpkg');
  for (const name of ['info', 'updates', 'triggers']) mkdirSync(join(database, name), { recursive: true });
  writeFileSync(join(database, 'status'), '');
  execFileSync(
    realTool('dpkg', 'dpkg'),
    [`--root=${root}`, '--force-not-root', '--force-bad-path', '--log=/dev/null', '--unpack', ...set.files],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      // dpkg requires ldconfig and start-stop-daemon, and an ordinary user's PATH has no sbin.
      env: { ...process.env, LC_ALL: 'C.UTF-8', PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
    },
  );

  const tree = await set.unpack();
  for (const name of ['one:amd64.list', 'two.list', 'format']) {
    expect(await tree.text(`var/lib/dpkg/info/${name}`), name).toBe(
      readFileSync(join(database, 'info', name), 'utf8'),
    );
  }
  const unpacked = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => !path.startsWith('var/lib') && path !== 'var')
    // dpkg gives a configuration file its final name only when it configures the package.
    .map((path) => path.replace(/\.dpkg-new$/, ''));
  expect(tree.paths.filter((path) => path !== 'var').sort()).toEqual(unpacked.sort());
  for (const path of ['var/empty', 'usr/lib/one/deep/x', 'usr/lib/one']) {
    const mode = (lstatSync(join(root, path)).mode & 0o7777).toString(8);
    expect(tree.describe(path)?.split(' ')[1], path).toBe(mode);
  }
  expect(tree.describe('usr/lib/one/deep/link')).toBe('symlink 777 x');
});
