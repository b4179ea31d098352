import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MemoryImage } from '../block/block.ts';
import type { Entry } from '../entry/entry.ts';
import { realTool } from '../testing/real-tool.ts';
import { readArMembers } from './ar.ts';
import { controlParagraph, Deb, textOf } from './deb.ts';
import { buildDeb, controlText } from './sample.ts';

function image(bytes: Uint8Array): MemoryImage {
  const memory = new MemoryImage(bytes.length);
  memory.write(0, bytes);
  return memory;
}

const openDeb = (bytes: Uint8Array) => new Deb(image(bytes), 'x.deb');

const SAMPLE = {
  control: {
    control: controlText('sample', '1:2.0-3', 'Depends: libc6\n'),
    postinst: '#!/bin/sh\nexit 0\n',
    conffiles: '/etc/sample.conf\n',
  },
  files: {
    'etc/sample.conf': 'a = 1\n',
    'usr/share/sample/long': 'x'.repeat(100_000),
    [`usr/share/sample/${'n'.repeat(120)}`]: 'long name',
    'usr/share/sample/ő': 'not ASCII',
  },
  script:
    'ln -s sample.conf etc/link; ln usr/share/sample/long usr/share/sample/same; chmod 4755 etc/sample.conf',
};

/** A line of `dpkg-deb --contents` without owner names and time. */
function listed(entry: Entry): string {
  const type = { directory: 'd', symlink: 'l', hardlink: 'h', file: '-' }[entry.type as 'file'];
  const bits = entry.mode.toString(8).padStart(4, '0');
  const size = entry.type === 'file' ? entry.sizeBytes : 0;
  const target = 'target' in entry ? ` ${entry.type === 'symlink' ? '->' : 'link to'} ${entry.target}` : '';
  return `${type} ${bits} ${size} ${entry.path}${target}`;
}

/** The same from the output of `dpkg-deb --contents`. */
function parseListing(line: string): string {
  const [, mode = '', size, rest = ''] = /^(\S{10}) \S+ +([0-9]+) \S+ \S+ (.*)$/.exec(line) ?? [];
  const bits = [1, 4, 7].map((start) => {
    const [read, write, execute = '-'] = mode.slice(start, start + 3);
    return (read === 'r' ? 4 : 0) + (write === 'w' ? 2 : 0) + (/[xst]/.test(execute) ? 1 : 0);
  });
  const special =
    (/[sS]/.test(mode[3] ?? '') ? 4 : 0) +
    (/[sS]/.test(mode[6] ?? '') ? 2 : 0) +
    (/[tT]/.test(mode[9] ?? '') ? 1 : 0);
  const path = rest
    .replace(/^\.\//, '')
    .replace(/ link to \.\//, ' link to ')
    .replace(/\/$/, '');
  return `${mode[0]} ${special}${bits.join('')} ${size} ${path}`;
}

function dpkgDeb(bytes: Uint8Array, ...args: string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'deb-test-'));
  try {
    const file = join(directory, 'x.deb');
    writeFileSync(file, bytes);
    return execFileSync(realTool('dpkg-deb', 'dpkg'), [...args, file], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe.each(['xz', 'gzip', 'zstd', 'none'])('a package compressed with %s', (compression) => {
  const bytes = buildDeb({ ...SAMPLE, compression });

  test('has the files that dpkg-deb --contents lists', async () => {
    const entries: string[] = [];
    for await (const { entry } of openDeb(bytes).dataFiles()) entries.push(listed(entry));
    const expected = dpkgDeb(bytes, '--contents').trimEnd().split('\n').map(parseListing);
    expect(entries).toEqual(expected);
  });

  test('has the contents that were packed', async () => {
    const contents: Record<string, string> = {};
    for await (const { entry, content } of openDeb(bytes).dataFiles()) {
      if (entry.type !== 'file') continue;
      const chunks: Uint8Array[] = [];
      for await (const chunk of content()) chunks.push(Uint8Array.from(chunk));
      contents[entry.path] = Buffer.concat(chunks).toString();
    }
    expect(contents).toEqual(SAMPLE.files);
  });

  test('has the control data that dpkg-deb --field shows', async () => {
    const files = await openDeb(bytes).controlFiles();
    expect([...files.keys()].sort()).toEqual(['conffiles', 'control', 'postinst']);
    expect(textOf(files, 'control')).toBe(dpkgDeb(bytes, '--field'));
    expect(controlParagraph(files, 'x.deb').get('Version')).toBe('1:2.0-3');
  });
});

describe('a damaged package is refused in one line that names the file', () => {
  const good = buildDeb(SAMPLE);
  const data = readArMembers(image(good), 'x.deb').find(({ name }) => name.startsWith('data'));
  const dataOffset = data?.offsetBytes ?? 0;
  const renamed = (from: string, to: string) => {
    const bytes = Buffer.from(good);
    bytes.write(to.padEnd(16), bytes.indexOf(from), 'latin1');
    return bytes;
  };
  const flipped = (offset: number) => Buffer.from(good).fill((good[offset] ?? 0) ^ 0xff, offset, offset + 1);
  const readAll = async (bytes: Uint8Array) => {
    const deb = openDeb(bytes);
    await deb.controlFiles();
    for await (const { content } of deb.dataFiles()) for await (const _ of content());
  };

  test.each<[string, Uint8Array, RegExp]>([
    ['no bytes', new Uint8Array(), /the mark of an ar archive is missing/],
    ['a web page', Buffer.from('<html>404</html>'), /the mark of an ar archive is missing/],
    ['cut off in the first header', good.subarray(0, 30), /a member header is cut off/],
    [
      'cut off in a member',
      good.subarray(0, dataOffset + 100),
      /the member "data.tar.xz" of [0-9]+ bytes passes the end/,
    ],
    ['cut off between members', good.subarray(0, dataOffset - 60), /data.tar is missing/],
    ['a damaged header', flipped(dataOffset - 2), /a damaged member header/],
    ['a size that is no number', flipped(dataOffset - 12), /a member size that is no number/],
    ['no format member', renamed('debian-binary', 'something-else'), /its first member is not debian-binary/],
    ['another format', Buffer.from(good).fill('3', 68, 69), /its format is "3.0\\n", and only 2 is known/],
    [
      'members in another order',
      renamed('control.tar.xz', 'data.tar.xz'),
      /it has "data.tar.xz" where control.tar is expected/,
    ],
    [
      'an unknown compression',
      renamed('data.tar.xz', 'data.tar.lzo'),
      /data.tar.lzo is compressed in a way that is not read/,
    ],
    ['a compression that is a lie', renamed('data.tar.xz', 'data.tar.gz'), /data.tar.gz: damaged .gz data/],
    ['a flipped byte in the data', flipped(dataOffset + 200), /data.tar.xz: damaged .xz data/],
  ])('%s', async (_name, bytes, message) => {
    const error = await readAll(bytes).then(
      () => new Error('it was read'),
      (reason: unknown) => reason as Error,
    );
    expect(error.name).toBe('UserError');
    expect(error.message).toMatch(/^x\.deb: [^\n]*$/);
    expect(error.message).toMatch(message);
  });

  test('control data with a directory', async () => {
    const bytes = buildDeb({ ...SAMPLE, script: 'mkdir DEBIAN/etc; echo 1 >DEBIAN/etc/passwd' });
    await expect(openDeb(bytes).controlFiles()).rejects.toThrow(/^x\.deb: .* its control data hold etc/);
  });
});
