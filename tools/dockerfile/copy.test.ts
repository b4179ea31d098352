// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the variables of Dockerfiles
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Entry } from '../lib/formats/entry/entry.ts';
import { TAR_END, tarHeader, tarPadding } from '../lib/formats/tar/writer.ts';
import * as sample from '../lib/testing/entries/entries.ts';
import { realTool } from '../lib/testing/real-tool.ts';
import { directory, file, hardLink, symlink } from '../lib/testing/steps/items.ts';
import { runBuild, type TestBuild } from './testing/build-context.ts';

const CONTEXT = {
  $x: 'dollar',
  'home.txt': 'home',
  'homer.txt': 'homer',
  'arr[0].txt': 'array',
  'run.sh': '#!/bin/sh\n',
  'etc/hosts': 'hosts',
  'etc/ssh/config': 'ssh',
  'sub/a.conf': 'a',
  'sub/b.conf': 'b',
  'sub/deep/c.conf': 'c',
};
const BASE = [
  directory('etc'),
  file('etc/passwd', 'root:x:0:0::/root:/bin/sh\nwww:x:33:34::/var/www:/bin/sh\n'),
  file('etc/group', 'root:x:0:\nstaff:x:50:\n'),
  directory('etc/ssh', { mode: 0o700, uid: 5, gid: 6 }),
  file('etc/issue', 'base'),
  symlink('lib', 'usr/lib'),
  symlink('resolv.conf', 'run/resolv.conf'),
  directory('usr'),
  directory('usr/lib'),
];

/** Returns the changes of the Dockerfile to the base. */
async function changes(lines: string, more: Partial<TestBuild> = {}): Promise<Record<string, string>> {
  const { layer, merged } = await runBuild({
    text: `FROM base\n${lines}`,
    context: CONTEXT,
    base: [BASE],
    ...more,
  });
  return Object.fromEntries(
    Object.keys(layer).map((path) => [path, merged[path] ?? (layer[path] as string)]),
  );
}

describe('COPY', () => {
  test.each<[string, Record<string, string>]>([
    ['COPY home.txt /new', { new: '0644 0:0 home' }],
    ['COPY home.txt /new/', { new: '0755 0:0 /', 'new/home.txt': '0644 0:0 home' }],
    ['COPY home.txt relative/', { relative: '0755 0:0 /', 'relative/home.txt': '0644 0:0 home' }],
    ['COPY home.txt .', { 'home.txt': '0644 0:0 home' }],
    ['COPY home.txt /', { 'home.txt': '0644 0:0 home' }],
    ['COPY home.txt /etc', { 'etc/home.txt': '0644 0:0 home' }],
    ['COPY home.txt /etc/issue', { 'etc/issue': '0644 0:0 home' }],
    ['COPY home.txt /a/b/c', { a: '0755 0:0 /', 'a/b': '0755 0:0 /', 'a/b/c': '0644 0:0 home' }],
    [
      'COPY ./home.txt homer.txt /d/',
      { d: '0755 0:0 /', 'd/home.txt': '0644 0:0 home', 'd/homer.txt': '0644 0:0 homer' },
    ],
    ['COPY ["home.txt", "/a dir/"]', { 'a dir': '0755 0:0 /', 'a dir/home.txt': '0644 0:0 home' }],
    // Programs are recognized by their content.
    ['COPY run.sh /run.sh', { 'run.sh': '0755 0:0 #!/bin/sh' }],
    // A directory is copied without its own name. An existing directory keeps its mode and owner.
    [
      'COPY etc /etc',
      { 'etc/hosts': '0644 0:0 hosts', 'etc/ssh': '0755 0:0 /', 'etc/ssh/config': '0644 0:0 ssh' },
    ],
    ['COPY etc/ssh /etc/ssh', { 'etc/ssh/config': '0644 0:0 ssh' }],
    [
      'COPY sub /x',
      {
        x: '0755 0:0 /',
        'x/a.conf': '0644 0:0 a',
        'x/b.conf': '0644 0:0 b',
        'x/deep': '0755 0:0 /',
        'x/deep/c.conf': '0644 0:0 c',
      },
    ],
    // Patterns.
    ['COPY hom* /d/', { d: '0755 0:0 /', 'd/home.txt': '0644 0:0 home', 'd/homer.txt': '0644 0:0 homer' }],
    ['COPY hom?.txt /d', { d: '0644 0:0 home' }],
    ['COPY arr[[]0].txt /d/', { d: '0755 0:0 /', 'd/arr[0].txt': '0644 0:0 array' }],
    ['COPY */*.conf /d/', { d: '0755 0:0 /', 'd/a.conf': '0644 0:0 a', 'd/b.conf': '0644 0:0 b' }],
    ['COPY s*/d* /d/', { d: '0755 0:0 /', 'd/c.conf': '0644 0:0 c' }],
    // Links in the path of the destination are followed, including the last one.
    ['COPY home.txt /lib/x', { 'usr/lib/x': '0644 0:0 home' }],
    ['COPY home.txt /lib', { 'usr/lib/home.txt': '0644 0:0 home' }],
    ['COPY sub/deep /lib/', { 'usr/lib/c.conf': '0644 0:0 c' }],
    ['COPY home.txt /resolv.conf', { run: '0755 0:0 /', 'run/resolv.conf': '0644 0:0 home' }],
    // Owners and modes. Directories that are created for the path get the owner, not the mode.
    ['COPY --chown=www home.txt /n/x', { n: '0755 33:34 /', 'n/x': '0644 33:34 home' }],
    ['COPY --chown=www:staff home.txt /x', { x: '0644 33:50 home' }],
    ['COPY --chown=55 home.txt /x', { x: '0644 55:55 home' }],
    ['COPY --chown=1:2 --chmod=4750 home.txt /x', { x: '4750 1:2 home' }],
    ['COPY --chmod=0600 sub/deep /x', { x: '0600 0:0 /', 'x/c.conf': '0600 0:0 c' }],
    ['COPY --chmod=u=rwX,go= sub/deep /x', { x: '0700 0:0 /', 'x/c.conf': '0600 0:0 c' }],
    ['ARG M=440\nARG O=7\nCOPY --chmod=$M --chown=$O:$O home.txt /x', { x: '0440 7:7 home' }],
    // Variables.
    ['ENV D=/d F=home\nCOPY ${F}.txt $D/', { d: '0755 0:0 /', 'd/home.txt': '0644 0:0 home' }],
    ['COPY \\$x /', { $x: '0644 0:0 dollar' }],
    // Here-documents.
    ['ENV W=world\nCOPY <<EOF /x\nhello $W\nEOF', { x: '0644 0:0 hello world' }],
    ['COPY <<"EOF" /x\nhello $W\nEOF', { x: '0644 0:0 hello $W' }],
    [
      'COPY --chmod=755 <<a <<-b home.txt /d/\nA\na\n\tB\n\tb',
      { d: '0755 0:0 /', 'd/a': '0755 0:0 A', 'd/b': '0755 0:0 B', 'd/home.txt': '0755 0:0 home' },
    ],
    ['WORKDIR /w\nCOPY home.txt .', { w: '0755 0:0 /', 'w/home.txt': '0644 0:0 home' }],
    ['WORKDIR /w\nCOPY home.txt x', { w: '0755 0:0 /', 'w/x': '0644 0:0 home' }],
    // Copying the same again changes nothing.
    ['COPY etc/ssh /etc/ssh\nCOPY etc/ssh /etc/ssh', { 'etc/ssh/config': '0644 0:0 ssh' }],
  ])('%s', async (lines, expected) => {
    expect(await changes(lines)).toEqual(expected);
  });

  test.each([
    [
      'COPY none /x',
      'Dockerfile:2: none is not in the context; it has $x, arr[0].txt, etc, home.txt, homer.txt, run.sh, ...',
    ],
    [
      'COPY sub/none.conf /x',
      'Dockerfile:2: sub/none.conf is not in the context; sub has a.conf, b.conf, deep',
    ],
    ['COPY *.none /x/', 'Dockerfile:2: *.none is not in the context'],
    ['COPY ../etc/passwd /x', 'Dockerfile:2: ../etc/passwd leaves the context; .. is not followed'],
    ['COPY hom* /x', 'Dockerfile:2: 2 files match, but /x is not a directory; write /x/'],
    ['COPY home.txt /etc/issue/', 'Dockerfile:2: /etc/issue is a file, not a directory'],
    ['COPY home.txt /etc/issue/x', 'Dockerfile:2: /etc/issue is a file, not a directory'],
    ['COPY sub /etc/issue', 'Dockerfile:2: /etc/issue is a file, not a directory'],
    ['COPY --chown=nobody home.txt /x', "Dockerfile:2: no user nobody in this stage's /etc/passwd"],
    ['COPY --chmod=9 home.txt /x', 'Dockerfile:2: --chmod=9 is not a mode'],
    [
      'COPY --from=nothing /a /b',
      'Dockerfile:2: COPY --from=nothing: no earlier stage and no base has this name or number',
    ],
    ['COPY [] /x', 'Dockerfile:2: []: the character class [ ] of this pattern is invalid'],
  ])('%s is refused', async (lines, message) => {
    await expect(changes(lines)).rejects.toThrow(message);
  });

  test('a directory never replaces a link to a directory, because that would hide the rest of the system', async () => {
    const context = { 'root/lib/x': '' };
    await expect(changes('COPY root /', { context })).rejects.toThrow(
      'Dockerfile:2: the directory /lib cannot replace a symlink (to usr/lib); copy to its target',
    );
    await expect(changes('COPY root /', { context: { 'root/usr': '' } })).rejects.toThrow(
      'the file /usr cannot replace a directory',
    );
  });

  test('from a stage keeps owners, modes, links and hard links', async () => {
    const base = [
      directory('srv', { mode: 0o2750, uid: 1, gid: 2 }),
      file('srv/one', 'one', { uid: 3, gid: 4, mode: 0o4755 }),
      symlink('srv/sym', '/srv/one'),
      hardLink('srv/two', 'srv/one'),
    ];
    const text =
      'FROM base AS build\nCOPY <<EOF /srv/three\n3\nEOF\nFROM scratch\nCOPY --from=build /srv /copy\nCOPY --from=0 /srv/sym /single';
    const { merged } = await runBuild({ text, base: [base] });
    // The last stage starts from scratch, but the test shows it together with the base.
    expect(Object.fromEntries(Object.entries(merged).filter(([path]) => !path.startsWith('srv')))).toEqual({
      copy: '2750 1:2 /',
      'copy/one': '4755 3:4 one',
      'copy/sym': '0:0 -> /srv/one',
      'copy/three': '0644 0:0 3',
      'copy/two': '= copy/one',
      single: '4755 3:4 one',
    });
  });

  test('from a base by name', async () => {
    const { layer } = await runBuild({ text: 'FROM scratch\nCOPY --from=base /etc/issue /', base: [BASE] });
    expect(Object.keys(layer)).toEqual(['issue']);
  });
});

describe('the context', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'context-'));
    mkdirSync(join(folder, 'tree/sub'), { recursive: true });
    writeFileSync(join(folder, 'tree/sub/file'), 'x', { mode: 0o777 });
    writeFileSync(join(folder, 'secret'), 'secret');
    symlinkSync('sub/file', join(folder, 'tree/inside'));
    mkdirSync(join(folder, 'elsewhere/tree'), { recursive: true });
    writeFileSync(join(folder, 'elsewhere/tree/shown'), 'shown');
    for (const [name, target] of [
      ['absolute', '/etc/passwd'],
      ['relative', '../secret'],
      ['sandbox', join(folder, 'elsewhere/sandbox/shown')],
    ] as const) {
      mkdirSync(join(folder, name));
      symlinkSync(target, join(folder, name, 'shown'));
    }
    mkdirSync(join(folder, 'elsewhere/sandbox'));
    writeFileSync(join(folder, 'elsewhere/sandbox/shown'), 'shown');
    symlinkSync(join(folder, 'secret'), join(folder, 'direct'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const add = (option: string) => changes('COPY . /c', { context: {}, contextOptions: [option] });

  test('a directory is added with its contents; modes on the disk have no effect, given ones do', async () => {
    const found = await add(`t=${folder}/tree`);
    expect(found).toMatchObject({ 'c/t/sub/file': '0644 0:0 x', 'c/t/inside': '0:0 -> sub/file' });
    expect(await add(`f=${folder}/tree/sub/file:0750`)).toMatchObject({ 'c/f': '0750 0:0 x' });
  });

  test('a named link is followed, and so is a link to the same path elsewhere', async () => {
    expect(await add(`d=${folder}/direct`)).toMatchObject({ 'c/d': '0644 0:0 secret' });
    expect(await add(`d=${folder}/sandbox`)).toMatchObject({ 'c/d/shown': '0644 0:0 shown' });
  });

  test.each(['absolute', 'relative'])('a link in a directory that leaves it is refused: %s', async (name) => {
    await expect(add(`d=${folder}/${name}`)).rejects.toThrow(
      `context: ${folder}/${name}/shown is a symbolic link to `,
    );
  });

  test.each([
    [
      '../x=/etc/hosts',
      '--context=../x=/etc/hosts: write --context=PATH=FILE with a path inside the context',
    ],
    ['x', '--context=x: write --context=PATH=FILE'],
    ['x=/dev/null', 'context: /dev/null is neither a file nor a directory'],
  ])('%s is refused', async (option, message) => {
    await expect(add(option)).rejects.toThrow(message);
  });

  test('a path that occurs twice is refused', async () => {
    const contextOptions = [`a=${folder}/secret`, `a=${folder}/direct`];
    await expect(changes('COPY . /', { contextOptions })).rejects.toThrow('context: a occurs twice');
  });
});

describe('ADD', () => {
  const OWNER = { uid: 7, gid: 8 };
  function tar(entries: readonly Entry[]): Buffer {
    const parts = entries.flatMap((member) =>
      member.type === 'file'
        ? [tarHeader(member), Buffer.alloc(member.sizeBytes, 'x'), tarPadding(member.sizeBytes)]
        : [tarHeader(member)],
    );
    return Buffer.concat([...parts, TAR_END]);
  }
  const ARCHIVE = tar([
    sample.directory('', { ...OWNER, mode: 0o700 }),
    sample.directory('d', { ...OWNER, mode: 0o750 }),
    sample.file('d/f', 3, { ...OWNER, mode: 0o640 }),
    sample.hardlink('d/h', 'd/f'),
    sample.symlink('s', 'd/f', OWNER),
  ]);
  const UNPACKED = { 'x/d': '0750 7:8 /', 'x/d/f': '0640 7:8 xxx', 'x/d/h': '= x/d/f', 'x/s': '7:8 -> d/f' };
  const xz = (bytes: Buffer) => execFileSync(realTool('xz', 'xz-utils'), ['-c'], { input: bytes });

  test.each([
    ['plain', (bytes: Buffer) => bytes],
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
    ['xz', xz],
  ])('unpacks a tar archive, recognized by its content: %s', async (_name, compress) => {
    const found = await changes('ADD archive /x', { context: { archive: compress(ARCHIVE) } });
    expect(found).toEqual({ x: '0755 0:0 /', ...UNPACKED });
  });

  test('copies everything else, compressed or not; COPY copies an archive', async () => {
    const context = { 'a.gz': gzipSync('text'), text: 'text', 'b.tar': ARCHIVE, short: 'x' };
    const found = await changes('ADD a.gz text short /x/\nADD text /y\nCOPY b.tar /z/', { context });
    expect(Object.keys(found)).toEqual(['x', 'x/a.gz', 'x/short', 'x/text', 'y', 'z', 'z/b.tar']);
  });

  test('links of the stage are followed, and an entry replaces an existing one unless both are directories', async () => {
    const archive = tar([
      sample.directory('etc', { ...OWNER, mode: 0o711 }),
      sample.symlink('etc/ssh', '/x', OWNER),
      sample.file('lib/new', 1, { ...OWNER, mode: 0o640 }),
    ]);
    expect(await changes('ADD a.tar /', { context: { 'a.tar': archive } })).toEqual({
      etc: '0711 7:8 /',
      'etc/ssh': '7:8 -> /x',
      'usr/lib/new': '0640 7:8 x',
    });
  });

  test.each([
    [
      'a link out of the archive',
      tar([sample.symlink('l', '/etc', OWNER), sample.file('l/passwd', 1, { ...OWNER, mode: 0o640 })]),
      "entry l/passwd: it goes through the archive's own symbolic link to /etc",
    ],
    ['a path that leaves', tar([sample.file('../x', 1, { ...OWNER, mode: 0o640 })]), '../x'],
    [
      'a whiteout',
      tar([sample.file('.wh.x', 0, { ...OWNER, mode: 0o640 })]),
      'a layer cannot hold a file whose name begins with .wh.',
    ],
    [
      'a hard link to nothing',
      tar([sample.hardlink('h', 'none')]),
      'hard link to x/none, which does not exist',
    ],
    ['a truncated archive', ARCHIVE.subarray(0, 1100), 'truncated'],
    ['bzip2', Buffer.from('BZh91AY&SY'), 'bzip2 is not supported; compress it with gzip, xz or zstd'],
  ])('%s is refused with the line and the archive', async (_name, bytes, message) => {
    const error = await changes('ADD a.tar /x', { context: { 'a.tar': bytes } }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ name: 'UserError' });
    expect(String(error)).toContain('Dockerfile:2: a.tar: ');
    expect(String(error)).toContain(message);
  });

  test('--chown does not apply to an archive, so it is refused there', async () => {
    await expect(changes('ADD --chown=1:1 a /x', { context: { a: ARCHIVE } })).rejects.toThrow(
      'do not apply to the archive a',
    );
    expect(await changes('ADD --chown=1:1 a /x', { context: { a: 'text' } })).toEqual({ x: '0644 1:1 text' });
  });
});
