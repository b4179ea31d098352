import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildDeb, controlText } from '../../testing/deb/sample-deb.ts';
import { realTool } from '../../testing/real-tool.ts';
import { MemoryImage } from '../block/block.ts';
import { type Entry, normalizePath } from '../entry/entry.ts';
import { readArMembers } from './ar.ts';
import { controlParagraph, Deb, textOf } from './deb.ts';

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

/** Converts a line of `dpkg-deb --contents` to the form of {@link listed}. */
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

/** Replaces the content of one member of a package. */
function withMember(bytes: Buffer, index: number, content: string): Buffer {
  const members = readArMembers(image(bytes), 'x.deb');
  const parts = members.map(({ name, offsetBytes, sizeBytes }, at) => {
    const data = at === index ? Buffer.from(content) : bytes.subarray(offsetBytes, offsetBytes + sizeBytes);
    const header = `${name.padEnd(16)}${'0'.padEnd(12)}0     0     100644  ${String(data.length).padEnd(10)}\`\n`;
    return Buffer.concat([Buffer.from(header), data, Buffer.alloc(data.length % 2, '\n')]);
  });
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}

describe('an unusual package is read as dpkg-deb reads it', () => {
  const paths = async (bytes: Uint8Array) => {
    const found: string[] = [];
    for await (const { entry } of openDeb(bytes).dataFiles()) found.push(listed(entry));
    return found;
  };
  const expected = (bytes: Uint8Array) =>
    dpkgDeb(bytes, '--contents').trimEnd().split('\n').map(parseListing);

  test.each([['--no-uniform-compression'], ['-z9'], ['-Sextreme'], ['--threads-max=2']])(
    'made with %s',
    async (option) => {
      const bytes = buildDeb({ ...SAMPLE, options: [option] });
      expect(await paths(bytes)).toEqual(expected(bytes));
      expect((await openDeb(bytes).controlFiles()).has('postinst')).toBe(true);
    },
  );

  test.each(['2.0\n', '2.10\n', '2.1\nmore for later versions\n'])('with the format %j', async (format) => {
    const bytes = withMember(buildDeb(SAMPLE), 0, format);
    expect(await paths(bytes)).toEqual(expected(bytes));
  });

  test('with a member of a future format between the others', async () => {
    const good = buildDeb(SAMPLE);
    const [, control] = readArMembers(image(good), 'x.deb');
    const at = (control?.offsetBytes ?? 0) - 60;
    const extra = Buffer.from(
      `${'_future'.padEnd(16)}${'0'.padEnd(12)}0     0     100644  ${'2'.padEnd(10)}\`\nxx`,
    );
    const bytes = Buffer.concat([good.subarray(0, at), extra, good.subarray(at)]);
    expect(await paths(bytes)).toEqual(expected(bytes));
  });

  test('with a name that is not UTF-8', async () => {
    const bytes = buildDeb({ ...SAMPLE, script: 'mkdir -p usr; : >"usr/$(printf "caf\\351")"' });
    expect((await paths(bytes)).some((line) => line.endsWith(' usr/caf\udce9'))).toBe(true);
  });
});

test.each(['gzip', 'zstd', 'xz', 'none'])(
  'any damage to a package with %s is reported in one line, or has no effect',
  async (compression) => {
    const good = buildDeb({ ...SAMPLE, compression });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 })), {
          minLength: 1,
          maxLength: 4,
        }),
        fc.option(fc.nat({ max: good.length }), { freq: 10 }),
        async (changes, cut) => {
          const bytes = Buffer.from(good);
          for (const [place, value] of changes) bytes[place] = value;
          const read = async () => {
            const deb = openDeb(cut === null ? bytes : bytes.subarray(0, cut));
            await deb.controlFiles();
            for await (const { entry, content } of deb.dataFiles()) {
              expect(normalizePath(entry.path)).toBe(entry.path);
              for await (const _ of content());
            }
          };
          const error = await read().catch((reason: unknown) => reason);
          if (error !== undefined)
            expect(error).toMatchObject({
              name: 'UserError',
              message: expect.stringMatching(/^x\.deb: [^\n]+$/),
            });
        },
      ),
      { numRuns: 250 },
    );
  },
);

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
    ['no bytes', new Uint8Array(), /the magic string of an ar archive is missing/],
    ['a web page', Buffer.from('<html>404</html>'), /the magic string of an ar archive is missing/],
    ['truncated in the first header', good.subarray(0, 30), /the member header is truncated/],
    [
      'truncated in a member',
      good.subarray(0, dataOffset + 100),
      /the member "data.tar.xz" of [0-9]+ bytes passes the end/,
    ],
    ['truncated between members', good.subarray(0, dataOffset - 60), /data.tar is missing/],
    ['a damaged header', flipped(dataOffset - 2), /the member header is damaged/],
    ['a size that is not a number', flipped(dataOffset - 12), /the member size is not a number/],
    ['no format member', renamed('debian-binary', 'something-else'), /its first member is not debian-binary/],
    ['another format', Buffer.from(good).fill('3', 68, 69), /its format is "3.0", but only 2 is supported/],
    [
      'members in another order',
      renamed('control.tar.xz', 'data.tar.xz'),
      /it has the member "data.tar.xz" in the place of control.tar/,
    ],
    ['a long name of GNU ar', renamed('data.tar.xz', '/0'), /a long name, which no package has/],
    ['a long name of BSD ar', renamed('data.tar.xz', '#1/20'), /a long name, which no package has/],
    ['a historical compression', renamed('data.tar.xz', 'data.tar.bz2'), /data.tar.bz2 has a compression/],
    [
      'an unknown compression',
      renamed('data.tar.xz', 'data.tar.lzo'),
      /data.tar.lzo has a compression that is not supported/,
    ],
    ['a wrong compression', renamed('data.tar.xz', 'data.tar.gz'), /data.tar.gz: its gzip data is damaged/],
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
    await expect(openDeb(bytes).controlFiles()).rejects.toThrow(/^x\.deb: .* its control data contain etc/);
  });
});
