import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseJson } from '../lib/formats/json/json.ts';
import { gnuTar, temporaryFolder } from '../lib/testing/tar/archive.ts';
import { layerItems } from './items.ts';
import { MANIFEST } from './manifest.ts';

const folder = temporaryFolder();
const MAIN = join(import.meta.dirname, 'main.ts');

function layer(
  entries: unknown,
  name = 'out',
): { output: string; status: number | null; stderr: string; manifest: string } {
  const manifest = join(folder(), `${name}.json`);
  const output = join(folder(), `${name}.layer.tar.zst`);
  writeFileSync(manifest, JSON.stringify({ entries }));
  const { status, stderr } = spawnSync(
    process.execPath,
    [MAIN, `--manifest=${manifest}`, `--output=${output}`],
    {
      encoding: 'utf8',
    },
  );
  return { output, status, stderr, manifest };
}

function source(name: string, content: string): string {
  const path = join(folder(), name);
  writeFileSync(path, content);
  return path;
}

describe('a layer of components', () => {
  it('has the entries of the manifest with their modes and owners, and no implied parents', () => {
    const tree = join(folder(), 'tree');
    mkdirSync(join(tree, 'sub'), { recursive: true });
    writeFileSync(join(tree, 'sub/z'), 'z');
    writeFileSync(join(tree, 'a'), 'a');
    chmodSync(join(tree, 'a'), 0o777);
    symlinkSync(source('elsewhere', 'linked'), join(tree, 'linked'));
    const { output, stderr } = layer([
      {
        type: 'file',
        path: '/opt/ic/bin/replica',
        mode: '4755',
        uid: 5,
        gid: 6,
        source: source('replica', 'binary'),
        xattrs: { 'user.a': 'AAE=' },
      },
      { type: 'directory', path: '/var/lib', mode: '1777', uid: 0, gid: 0 },
      { type: 'symlink', path: 'etc/link', target: '../opt' },
      { type: 'tree', path: '/etc/tree', mode: '0600', uid: 0, gid: 7, source: tree },
    ]);
    expect(stderr).toBe('');
    const listing = gnuTar(
      ['--numeric-owner', '--xattrs', '-tvvf', '-'],
      zstdDecompressSync(readFileSync(output)),
    ).toString();
    expect(listing.replaceAll(/(?<=\S) +/g, ' ')).toBe(
      [
        'lrwxrwxrwx 0/0 0 1970-01-01 00:00 etc/link -> ../opt',
        'drwxr-xr-x 0/7 0 1970-01-01 00:00 etc/tree/',
        '-rw------- 0/7 1 1970-01-01 00:00 etc/tree/a',
        '-rw------- 0/7 6 1970-01-01 00:00 etc/tree/linked',
        'drwxr-xr-x 0/7 0 1970-01-01 00:00 etc/tree/sub/',
        '-rw------- 0/7 1 1970-01-01 00:00 etc/tree/sub/z',
        '-rwsr-xr-x* 5/6 6 1970-01-01 00:00 opt/ic/bin/replica',
        '  x: 2 user.a',
        'drwxrwxrwt 0/0 0 1970-01-01 00:00 var/lib/',
        '',
      ].join('\n'),
    );
    const tar = zstdDecompressSync(readFileSync(output));
    expect(gnuTar(['-xOf', '-', 'opt/ic/bin/replica'], tar).toString()).toBe('binary');
  });

  it('has the same bytes for every order of the manifest', () => {
    const entries = ['b', 'a', 'c'].map((path) => ({ type: 'file', path, source: source(path, path) }));
    const one = readFileSync(layer(entries).output);
    expect(readFileSync(layer(entries.toReversed()).output).equals(one)).toBe(true);
  });
});

describe('a manifest is refused with one line, and leaves no layer:', () => {
  it.each<[string, unknown, string]>([
    ['no list', undefined, 'm.json: the key "entries" is missing'],
    [
      'an owner of more than 32 bits',
      [{ type: 'directory', path: 'a', gid: 2 ** 32 }],
      'entry a: gid: expected a number from 0 to 2^32 - 1, found 4294967296',
    ],
    [
      'an xattr without a namespace',
      [{ type: 'directory', path: 'a', xattrs: { note: '' } }],
      'entry a: xattrs: "note" is not the name of an extended attribute',
    ],
    [
      'a path that leaves the root',
      [{ type: 'directory', path: '/a/../../b' }],
      'entry /a/../../b: its path leaves the root',
    ],
    ['no path', [{ type: 'directory' }], 'm.json: entries[0]: the key "path" is missing'],
    [
      'an unknown type',
      [{ type: 'pipe', path: 'a' }],
      'entry a: type: expected "file" or "tree" or "directory" or "symlink", found "pipe"',
    ],
    ['an unknown key', [{ type: 'directory', path: 'a', owner: 0 }], 'entry a: the key "owner" is unknown'],
    [
      'a mode that is a number',
      [{ type: 'directory', path: 'a', mode: 755 }],
      'entry a: mode: expected a string of three or four octal digits, such as "0755", found 755',
    ],
    [
      'an owner that is a name',
      [{ type: 'directory', path: 'a', uid: 'root' }],
      'entry a: uid: expected a whole number from 0 on, found "root"',
    ],
    ['a link without a target', [{ type: 'symlink', path: 'a' }], 'entry a: a symlink needs a target'],
    ['a file without a source', [{ type: 'file', path: 'a' }], 'entry a: a file needs a source'],
    [
      'a source that is a directory',
      [{ type: 'file', path: 'a', source: '/' }],
      'entry a: its source / is not a file',
    ],
    [
      'a path twice',
      [
        { type: 'directory', path: 'a' },
        { type: 'directory', path: '/a' },
      ],
      'entry a: its path occurs twice',
    ],
    [
      'an entry below a link',
      [
        { type: 'symlink', path: 'a', target: 'b' },
        { type: 'directory', path: 'a/c' },
      ],
      'entry a/c: a is a symbolic link',
    ],
    [
      'an xattr that is not base64',
      [{ type: 'directory', path: 'a', xattrs: { 'user.x': '!' } }],
      'entry a: xattrs.user.x: expected a value in base64, found "!"',
    ],
  ])('%s', (_what, entries, message) => {
    const read = () =>
      layerItems(parseJson(JSON.stringify({ entries }), 'm.json', MANIFEST).entries, 'm.json');
    expect(read).toThrow(message);
  });

  it('by the tool with exit status 1', () => {
    const { output, status, stderr, manifest } = layer([{ type: 'file', path: 'a' }], 'refused');
    expect(stderr).toBe(`main.ts: ${manifest}: entry a: a file needs a source\n`);
    expect(status).toBe(1);
    expect(existsSync(output)).toBe(false);
  });

  it('by the tool when a source is missing', () => {
    const { output, stderr } = layer([{ type: 'file', path: 'a', source: '/does/not/exist' }], 'refused');
    expect(stderr).toBe('main.ts: /does/not/exist: no such file or directory (ENOENT)\n');
    expect(existsSync(output)).toBe(false);
  });
});
