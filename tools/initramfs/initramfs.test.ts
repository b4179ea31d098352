import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CpioMember } from '../lib/formats/cpio/newc.ts';
import { readNewc } from '../lib/formats/cpio/read.ts';
import { baseName, type Entry, parentPath } from '../lib/formats/entry/entry.ts';
import { type LayerItem, writeLayer } from '../lib/image/layer/writer.ts';
import { type SampleElf, sampleElf } from '../lib/testing/elf/sample-elf.ts';
import * as sample from '../lib/testing/entries/entries.ts';
import { realTool } from '../lib/testing/real-tool.ts';
import { collect, type InitramfsSpec } from './build.ts';
import type { RootTree } from './root-tree.ts';

const LOADER = 'usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2';
const VERSION = '6.12.1';
const MODULES = `usr/lib/modules/${VERSION}`;

/**
 * Text or bytes mean a file, and `-> TARGET` means a symbolic link. Parent directories are added.
 */
type Files = Readonly<Record<string, string | Uint8Array>>;

function xz(text: string): Buffer {
  return execFileSync(realTool('xz', 'xz-utils'), ['-c', '--check=crc32', '--lzma2=dict=1MiB'], {
    input: text,
  });
}

function elf(sample: SampleElf): Buffer {
  return sampleElf(sample);
}

const BUSYBOX = Buffer.concat([
  sampleElf({}),
  Buffer.from('\0usage\0[\0[[\0acpid\0ash\0cat\0dd\0insmod\0ls\0modprobe\0mount\0sh\0switch_root\0\0tail'),
]);

/** A small Debian with merged /usr, a dynamic program, BusyBox and a kernel with modules. */
const ROOT: Files = {
  bin: '-> usr/bin',
  lib: '-> usr/lib',
  lib64: '-> usr/lib64',
  sbin: '-> usr/sbin',
  'usr/lib64/ld-linux-x86-64.so.2': '-> ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2',
  [LOADER]: elf({ soname: 'ld-linux-x86-64.so.2' }),
  'usr/lib/x86_64-linux-gnu/libc.so.6': elf({ soname: 'libc.so.6', needed: ['ld-linux-x86-64.so.2'] }),
  'usr/lib/x86_64-linux-gnu/libcryptsetup.so.12': '-> libcryptsetup.so.12.10',
  'usr/lib/x86_64-linux-gnu/libcryptsetup.so.12.10': elf({
    needed: ['libc.so.6', 'libprivate.so'],
    runpath: '$ORIGIN/cs',
  }),
  'usr/lib/x86_64-linux-gnu/cs/libprivate.so': elf({ needed: ['libc.so.6'] }),
  'usr/sbin/veritysetup': elf({
    interpreter: '/lib64/ld-linux-x86-64.so.2',
    needed: ['libcryptsetup.so.12', 'libc.so.6'],
  }),
  'usr/bin/busybox': BUSYBOX,
  'usr/bin/dangling': '-> nowhere',
  'usr/bin/loop': '-> loop',
  'usr/bin/broken': elf({ needed: ['libgone.so.1'] }),
  'usr/bin/local': elf({ needed: ['liblocal.so.1'] }),
  'opt/lib/liblocal.so.1': elf({}),
  'etc/ld.so.conf': 'include /etc/ld.so.conf.d/*.conf\n',
  'etc/ld.so.conf.d/local.conf': '# a comment\n/opt/lib\n',
  [`${MODULES}/kernel/dm-verity.ko.xz`]: xz('the module dm-verity'),
  [`${MODULES}/kernel/dm-bufio.ko.zst`]: zstdCompressSync('the module dm-bufio'),
  [`${MODULES}/kernel/dm-mod.ko.gz`]: gzipSync('the module dm-mod'),
  [`${MODULES}/kernel/virtio_blk.ko`]: 'the module virtio_blk',
  [`${MODULES}/kernel/crc32c.ko`]: 'the module crc32c',
  [`${MODULES}/modules.dep`]: [
    'kernel/dm-verity.ko.xz: kernel/dm-bufio.ko.zst kernel/dm-mod.ko.gz',
    'kernel/dm-bufio.ko.zst: kernel/dm-mod.ko.gz',
    'kernel/dm-mod.ko.gz:',
    'kernel/virtio_blk.ko:',
    'kernel/crc32c.ko:',
    'kernel/gone.ko:',
    '',
  ].join('\n'),
  [`${MODULES}/modules.builtin`]: 'kernel/fs/ext4/ext4.ko\nkernel/drivers/nvme/host/nvme-core.ko\n',
  [`${MODULES}/modules.softdep`]: '# made by depmod\nsoftdep virtio_blk pre: crc32c not-there\n',
};

function entryOf(path: string, value: string | Uint8Array): Entry {
  if (typeof value === 'string' && value.startsWith('-> ')) {
    return sample.symlink(path, value.slice(3));
  }
  return sample.file(path, Buffer.byteLength(value), { mode: path.includes('bin/') ? 0o755 : 0o644 });
}

function tree(files: Files): RootTree {
  const entries = new Map(Object.entries(files).map(([path, value]) => [path, entryOf(path, value)]));
  for (const path of Object.keys(files)) {
    for (let parent = parentPath(path); parent !== ''; parent = parentPath(parent)) {
      entries.set(parent, sample.directory(parent));
    }
  }
  return {
    get: (path) => entries.get(path),
    names: (path) =>
      [...entries.keys()]
        .filter((other) => parentPath(other) === path)
        .map(baseName)
        .sort(),
    read: async (path) => Buffer.from(files[path] as string),
  };
}

const NOTHING: InitramfsSpec = {
  binaries: [],
  modules: [],
  files: [],
  directories: [],
  symlinks: [],
  applets: [],
};

async function members(spec: Partial<InitramfsSpec>, files: Files = ROOT): Promise<Map<string, CpioMember>> {
  const archive = await collect(tree(files), { ...NOTHING, ...spec });
  return new Map(archive.members().map((member) => [member.entry.path, member]));
}

async function nonDirectories(spec: Partial<InitramfsSpec>): Promise<string[]> {
  const found = [...(await members(spec)).values()].filter(({ entry }) => entry.type !== 'directory');
  const before = new Set(['bin', 'dev/console', 'dev/null', 'lib', 'lib64', 'sbin']);
  return found.map(({ entry }) => entry.path).filter((path) => !before.has(path));
}

const textOf = (member: CpioMember | undefined) => Buffer.from(member?.content ?? []).toString();

describe('collect', () => {
  test('an empty specification gives mount points, console, null and the links of a merged /usr', async () => {
    const found = [...(await members({})).values()].map(({ entry }) => `${entry.type} ${entry.path}`);
    expect(found).toEqual([
      'symlink bin',
      'directory dev',
      'character-device dev/console',
      'character-device dev/null',
      'symlink lib',
      'symlink lib64',
      'directory proc',
      'directory run',
      'symlink sbin',
      'directory sys',
    ]);
  });

  test('a program is added with its loader and libraries, found through links, run paths and other libraries', async () => {
    expect(await nonDirectories({ binaries: ['sbin/veritysetup'] })).toEqual([
      'usr/lib/x86_64-linux-gnu/cs/libprivate.so',
      LOADER,
      'usr/lib/x86_64-linux-gnu/libc.so.6',
      'usr/lib/x86_64-linux-gnu/libcryptsetup.so.12',
      'usr/lib/x86_64-linux-gnu/libcryptsetup.so.12.10',
      'usr/lib64/ld-linux-x86-64.so.2',
      'usr/sbin/veritysetup',
    ]);
  });

  test('a library that is found only through ld.so.conf gets a link in a directory that the loader searches without a cache', async () => {
    const found = await members({ binaries: ['usr/bin/local'] });
    expect(found.get('usr/lib/x86_64-linux-gnu/liblocal.so.1')?.entry).toMatchObject({
      target: '/opt/lib/liblocal.so.1',
    });
    expect(found.has('opt/lib/liblocal.so.1')).toBe(true);
  });

  test('modules are decompressed and listed after their dependencies; a built-in module needs no file', async () => {
    const found = await members({ modules: ['ext4', 'nvme_core', 'dm_verity', 'virtio-blk', 'dm-mod'] });
    expect(textOf(found.get('etc/modules-load'))).toBe('dm_mod\ndm_bufio\ndm_verity\ncrc32c\nvirtio_blk\n');
    for (const name of ['dm-verity', 'dm-bufio', 'dm-mod', 'virtio_blk', 'crc32c']) {
      expect(textOf(found.get(`${MODULES}/kernel/${name}.ko`))).toBe(`the module ${name}`);
    }
    expect(textOf(found.get(`${MODULES}/modules.dep`))).toBe(
      [
        'kernel/crc32c.ko:',
        'kernel/dm-bufio.ko: kernel/dm-mod.ko',
        'kernel/dm-mod.ko:',
        'kernel/dm-verity.ko: kernel/dm-bufio.ko kernel/dm-mod.ko',
        'kernel/virtio_blk.ko:',
        '',
      ].join('\n'),
    );
  });

  test('BusyBox is linked under all of its names or the chosen ones, and never replaces a program', async () => {
    const all = await nonDirectories({ binaries: ['usr/bin/busybox'] });
    expect(all).toContain('usr/bin/switch_root');
    expect(all).toContain('usr/bin/[');
    expect(all).toContain('usr/sbin/modprobe');
    const some = await members({
      binaries: ['bin/busybox'],
      applets: ['sh', 'ls'],
      files: [file('bin/ls', 'my own')],
    });
    expect(some.get('usr/bin/sh')?.entry).toMatchObject({ type: 'symlink', target: '/usr/bin/busybox' });
    expect(textOf(some.get('usr/bin/ls'))).toBe('my own');
    expect(some.has('usr/bin/cat')).toBe(false);
  });

  test('a file is placed through the links of the root file system', async () => {
    const found = await members({
      files: [file('init', '#!/bin/sh\n'), file('sbin/tool', 'x')],
      directories: ['newroot'],
    });
    expect(found.get('init')?.entry).toMatchObject({ type: 'file', mode: 0o755 });
    expect(found.get('usr/sbin/tool')?.entry.type).toBe('file');
    expect(found.get('newroot')?.entry.type).toBe('directory');
  });

  test.each<[string, Partial<InitramfsSpec>, Files, string]>([
    [
      'a missing program',
      { binaries: ['usr/bin/none'] },
      {},
      'binary usr/bin/none: it is not in the root file system',
    ],
    [
      'a dangling link',
      { binaries: ['usr/bin/dangling'] },
      {},
      'usr/bin/dangling is a symbolic link to nowhere',
    ],
    ['a link to itself', { binaries: ['usr/bin/loop'] }, {}, 'too many symbolic links'],
    ['a directory', { binaries: ['usr/bin'] }, {}, 'a directory in the root file system, not a file'],
    [
      'a missing library',
      { binaries: ['usr/bin/broken'] },
      {},
      'usr/bin/broken: needs the library libgone.so.1',
    ],
    ['an unknown module', { modules: ['zfs'] }, {}, `module zfs: kernel ${VERSION} has no such module`],
    [
      'a listed module without a file',
      { modules: ['gone'] },
      {},
      'gone.ko: modules.dep names it, but it is not',
    ],
    ['two kernels', { modules: ['ext4'] }, { 'usr/lib/modules/6.13.0/x': '' }, '2 kernels (6.12.1, 6.13.0)'],
    [
      'a damaged module',
      { modules: ['virtio_blk'] },
      {
        [`${MODULES}/kernel/crc32c.ko`]: '',
        [`${MODULES}/modules.dep`]: 'kernel/dm-verity.ko.xz:\nkernel/virtio_blk.ko: kernel/dm-verity.ko.xz\n',
        [`${MODULES}/kernel/dm-verity.ko.xz`]: 'rubbish',
      },
      'damaged .xz data',
    ],
    [
      'an unknown applet',
      { binaries: ['usr/bin/busybox'], applets: ['vi'] },
      {},
      'this BusyBox has no applet vi',
    ],
    [
      'another program in place of BusyBox',
      { binaries: ['opt/busybox'] },
      { 'opt/busybox': elf({}) },
      'is it BusyBox?',
    ],
    [
      'a file below a file',
      { files: [file('init', ''), file('init/x', '')] },
      {},
      'init is a file in the initramfs',
    ],
  ])('%s is an error of one line', async (_name, spec, more, message) => {
    const error = await members(spec, { ...ROOT, ...more }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: 'UserError' });
    expect(String(error)).toContain(message);
    expect(String(error)).not.toContain('\n');
  });

  test('modules without a kernel are an error', async () => {
    await expect(members({ modules: ['ext4'] }, {})).rejects.toThrow('no kernel is in the root file system');
  });

  test('a kernel without the files of depmod is an error', async () => {
    const files = { lib: '-> usr/lib', [`${MODULES}/kernel/x.ko`]: '' };
    await expect(members({ modules: ['x'] }, files)).rejects.toThrow('which runs depmod');
  });
});

function file(path: string, text: string) {
  return { path, content: Buffer.from(text), mode: 0o755 };
}

describe('the tool', () => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'initramfs-'));
    const items: LayerItem[] = Object.entries(ROOT).map(([path, value]) => {
      const entry = entryOf(path, value);
      return entry.type === 'file'
        ? { kind: 'entry', entry, content: Buffer.from(value as string) }
        : { kind: 'entry', entry };
    });
    const chunks: Uint8Array[] = [];
    await writeLayer((bytes) => chunks.push(Uint8Array.from(bytes)), items);
    writeFileSync(join(folder, 'root.layer.tar.zst'), Buffer.concat(chunks));
    writeFileSync(join(folder, 'init'), '#!/bin/sh\n');
    writeFileSync(join(folder, 'modules'), '# disks\n\nvirtio_blk\ndm-verity\n');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function run(...args: string[]) {
    const options = { cwd: folder, encoding: 'utf8' } as const;
    return spawnSync(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], options);
  }
  const GOOD = [
    '--layer=root.layer.tar.zst',
    '--binary=/usr/sbin/veritysetup',
    '--module-list=modules',
    '--binary=/bin/busybox',
    '--file=/init=init:0700',
  ];

  test('writes one zstd frame that zstd and cpio read, with the same bytes each time', () => {
    const digests = ['a.img', 'b.img'].map((name) => {
      expect(run(...GOOD, `--output=${name}`)).toMatchObject({ status: 0, stderr: '' });
      return createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex');
    });
    expect(digests[0]).toBe(digests[1]);
    const zstd = realTool('zstd', 'zstd');
    expect(execFileSync(zstd, ['-lv', 'a.img'], { cwd: folder, encoding: 'utf8' })).toMatch(
      /Zstandard Frames: 1\n/,
    );
    const archive = execFileSync(zstd, ['-dc', 'a.img'], { cwd: folder });
    const listing = execFileSync(realTool('cpio', 'cpio'), ['-it', '--quiet'], {
      input: archive,
      encoding: 'utf8',
    });
    expect(listing.trimEnd().split('\n')).toEqual(readNewc(archive).map(({ entry }) => entry.path));
    expect(readNewc(archive).find(({ entry }) => entry.path === 'init')?.entry.mode).toBe(0o700);
  });

  test.each([
    [
      ['--binary=/usr/bin/none'],
      'main.ts: binary usr/bin/none: it is not in the root file system; add its package, or correct the path\n',
    ],
    [['--binary=/../etc'], 'main.ts: --binary=/../etc: it is not a path inside the root file system\n'],
    [['--file=/x=missing'], 'main.ts: missing: no such file or directory (ENOENT)\n'],
  ])('%s fails in one line and leaves no output', (args, message) => {
    expect(run(...GOOD, ...args, '--output=bad.img')).toMatchObject({ status: 1, stderr: message });
    expect(existsSync(join(folder, 'bad.img'))).toBe(false);
  });
});
