import { lstatSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  device,
  directory,
  file,
  hardlink,
  special,
  symlink,
  xattrs,
} from '../../testing/entries/entries.ts';
import { archive, contentFor, gnuTar, readAll, temporaryFolder } from '../../testing/tar/archive.ts';
import { type Entry, NO_XATTRS } from '../entry/entry.ts';
import { decodeName, nameBytes } from '../entry/name.ts';
import { BLOCK_BYTES, HEADER } from './format.ts';
import { readTarSync } from './reader.ts';
import { sparseHeader } from './sparse.ts';
import { TAR_END, tarHeader, tarPadding } from './writer.ts';

const folder = temporaryFolder();

const ONE_OF_EACH: Entry[] = [
  directory(''),
  directory('dev'),
  { ...device('dev/null', 1, 3), mode: 0o666 },
  { ...device('dev/sda', 8, 0, 'block-device'), mode: 0o660, gid: 6 },
  { ...special('dev/pipe', 'fifo'), uid: 1000, gid: 1000 },
  directory('tmp', { mode: 0o1777 }),
  directory('usr'),
  file('usr/ping', 5, {
    mode: 0o4755,
    xattrs: xattrs({
      'security.capability': Buffer.from('0100000200200000000000000000000000000000', 'hex'),
      'user.text': 'a\n=b\0',
    }),
  }),
  { ...hardlink('usr/ping6', 'usr/ping'), mode: 0o4755 },
  symlink('usr/sh', '/bin/dash'),
];

describe('GNU tar reads the archives of the writer', () => {
  it('lists one entry of each type with its mode, owner, size, xattrs and the time 0', () => {
    const listing = gnuTar(
      ['--numeric-owner', '--xattrs', '--xattrs-include=*', '-tvvf', '-'],
      archive(ONE_OF_EACH),
    ).toString();
    // The width of the owner's column depends on the version.
    expect(listing.replaceAll(/(?<=\S) +/g, ' ')).toBe(
      [
        'drwxr-xr-x 0/0 0 1970-01-01 00:00 ./',
        'drwxr-xr-x 0/0 0 1970-01-01 00:00 dev/',
        'crw-rw-rw- 0/0 1,3 1970-01-01 00:00 dev/null',
        'brw-rw---- 0/6 8,0 1970-01-01 00:00 dev/sda',
        'prw------- 1000/1000 0 1970-01-01 00:00 dev/pipe',
        'drwxrwxrwt 0/0 0 1970-01-01 00:00 tmp/',
        'drwxr-xr-x 0/0 0 1970-01-01 00:00 usr/',
        '-rwsr-xr-x* 0/0 5 1970-01-01 00:00 usr/ping',
        '  x: 20 security.capability',
        '  x: 5 user.text',
        'hrwsr-xr-x 0/0 0 1970-01-01 00:00 usr/ping6 link to usr/ping',
        'lrwxrwxrwx 0/0 0 1970-01-01 00:00 usr/sh -> /bin/dash',
        '',
      ].join('\n'),
    );
  });

  it.each([
    ['99 bytes', 'a'.repeat(99), false],
    ['100 bytes, the most that the name field holds', 'a'.repeat(100), false],
    ['101 bytes without a slash', 'a'.repeat(101), true],
    ['155 + 100 bytes, the most that both fields hold', `${'p/'.repeat(77)}p/${'a'.repeat(100)}`, false],
    ['156 + 100 bytes', `${'p/'.repeat(77)}pp/${'a'.repeat(100)}`, true],
    ['100 bytes after the last slash that fits', `${'b'.repeat(60)}/${'a'.repeat(100)}`, false],
    ['101 bytes after the only slash', `b/${'a'.repeat(101)}`, true],
    ['a component of 255 bytes', `${'b/'.repeat(20)}${'a'.repeat(255)}`, true],
    ['4095 bytes', `${`${'d'.repeat(254)}/`.repeat(16)}${'e'.repeat(15)}`, true],
    ['letters beyond ASCII', 'usr/share/Főtanúsítvány', true],
    ['characters beyond 16 bits', 'usr/😀', true],
    ['a newline and a backslash', 'a\nb\\c', true],
  ])('with the same name: %s', (_what, path, pax) => {
    const bytes = archive([file(path, 3)]);
    const names = gnuTar(['--quoting-style=literal', '-tf', '-'], bytes).toString();
    expect(names).toBe(`${path}\n`);
    expect(HEADER.at.typeflag.bytes(bytes).toString()).toBe(pax ? 'x' : '0');
    expect(readAll(bytes).entries).toEqual([file(path, 3)]);
  });

  it.each([
    ['a directory of 99 bytes and its slash', 'd'.repeat(99), false],
    ['a directory of 100 bytes and its slash', 'd'.repeat(100), true],
  ])('with the same name: %s', (_what, path, pax) => {
    const bytes = archive([directory(path)]);
    expect(gnuTar(['-tf', '-'], bytes).toString()).toBe(`${path}/\n`);
    expect(HEADER.at.typeflag.bytes(bytes).toString()).toBe(pax ? 'x' : '5');
  });

  it.each([100, 101, 4095])('with a link target of %i bytes', (length) => {
    const target = 't'.repeat(length);
    const listing = gnuTar(['-tvf', '-'], archive([symlink('l', target)])).toString();
    expect(listing).toContain(`l -> ${target}\n`);
  });

  it.each([
    ['the largest of the octal field', 2097151],
    ['one more', 2097152],
    ['the largest of Linux', 4294967294],
  ])('with owners that are %s', (_what, id) => {
    const entry = file('a', 0, { uid: id, gid: id });
    const listing = gnuTar(['--numeric-owner', '-tvf', '-'], archive([entry])).toString();
    expect(listing).toContain(` ${id}/${id} `);
  });

  it.each([0o77777777777, 0o77777777777 + 1])('with a size of %i bytes in the header', (sizeBytes) => {
    const [first] = readTarSync([tarHeader(file('big', sizeBytes))], 'big.tar');
    expect(first).toMatchObject({ entry: file('big', sizeBytes) });
  });

  it('extracts contents of sizes around the block', () => {
    const sizes = [0, 1, 511, 512, 513, 1024, 100_000];
    const entries = sizes.map((sizeBytes) => file(`f${sizeBytes}`, sizeBytes, { mode: 0o640 }));
    const target = join(folder(), 'sizes');
    mkdirSync(target);
    gnuTar(['-xpf', '-', '-C', target, '--no-same-owner'], archive(entries));
    for (const sizeBytes of sizes) {
      const path = join(target, `f${sizeBytes}`);
      expect(readFileSync(path).equals(contentFor(`f${sizeBytes}`, sizeBytes))).toBe(true);
      expect(lstatSync(path).mode & 0o7777).toBe(0o640);
      expect(lstatSync(path).mtimeMs).toBe(0);
    }
  });
});

describe('the bytes', () => {
  it('depend only on the entry: xattrs in any order give the same header', () => {
    const names = ['user.b', 'user.a', 'security.selinux'];
    const values = (order: string[]) => new Map(order.map((name) => [name, Buffer.from(name)]));
    const one = tarHeader(file('a', 0, { xattrs: values(names) }));
    const other = tarHeader(file('a', 0, { xattrs: values(names.toReversed()) }));
    expect(one.equals(other)).toBe(true);
  });

  it('are one block if ustar can store everything', () => {
    for (const entry of ONE_OF_EACH.filter(({ xattrs }) => xattrs.size === 0)) {
      expect(tarHeader(entry).length).toBe(BLOCK_BYTES);
    }
  });
});

/** A name's bytes, UTF-8 or not. */
const component = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 60, unit: 'binary' }).map((text) => Buffer.from(text)),
    fc.uint8Array({ minLength: 1, maxLength: 150 }).map((bytes) => Buffer.from(bytes)),
  )
  .map((bytes) => decodeName(bytes))
  .filter((name) => !/[/\0]/.test(name) && name !== '.' && name !== '..' && nameBytes(name) <= 255);
const pathOf = fc.array(component, { minLength: 1, maxLength: 8 }).map((parts) => parts.join('/'));
const metadata = fc.record({
  path: pathOf,
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.integer({ min: 0, max: 0xffffffff }),
  gid: fc.integer({ min: 0, max: 0xffffffff }),
  xattrs: fc
    .dictionary(
      fc.string({ minLength: 1, maxLength: 20 }).filter((name) => !name.includes('\0')),
      fc.uint8Array({ maxLength: 100 }),
      { maxKeys: 3 },
    )
    .map((values): Map<string, Uint8Array> => new Map(Object.entries(values))),
});
const anyEntry: fc.Arbitrary<Entry> = fc.oneof(
  fc
    .tuple(metadata, fc.integer({ min: 0, max: 2000 }))
    .map(([m, sizeBytes]): Entry => ({ ...m, type: 'file', sizeBytes })),
  metadata.map((m): Entry => ({ ...m, type: 'directory' })),
  metadata.map((m): Entry => ({ ...m, type: 'fifo' })),
  fc.tuple(metadata, pathOf).map(([m, target]): Entry => ({ ...m, type: 'symlink', target })),
  fc
    .tuple(metadata, fc.integer({ min: 0, max: 4095 }), fc.integer({ min: 0, max: 0xfffff }))
    .map(([m, major, minor]): Entry => ({ ...m, type: 'character-device', major, minor })),
);

describe('the reader returns the written entries', () => {
  it.each(['pax', 'gnu'] as const)('for any entry, in format %s', (format) => {
    fc.assert(
      fc.property(
        fc.array(anyEntry, { maxLength: 5 }),
        fc.integer({ min: 1, max: 3000 }),
        (any, chunkBytes) => {
          const entries = format === 'pax' ? any : any.map((entry) => ({ ...entry, xattrs: NO_XATTRS }));
          const { entries: found } = readAll(archive(entries, {}, { format }), chunkBytes);
          const plain = (list: Entry[]) =>
            list.map((entry) => ({
              ...entry,
              xattrs: [...entry.xattrs]
                .map(([name, value]) => [name, Buffer.from(value).toString('hex')])
                .sort(),
            }));
          expect(plain(found)).toEqual(plain(entries));
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('a sparse member', () => {
  const MIB = 1 << 20;
  const extents = [
    [0, 512],
    [MIB, 4096],
    [9 * 1024 * MIB, 8192],
  ] as const;
  const realSizeBytes = 10 * 1024 * MIB;

  function sparseArchive(): Buffer {
    const { header, dataSizeBytes } = sparseHeader({ path: 'disk.img', mode: 0o644, realSizeBytes, extents });
    return Buffer.concat([header, Buffer.alloc(dataSizeBytes, 'x'), tarPadding(dataSizeBytes), TAR_END]);
  }

  it('of 10 GiB is extracted by GNU tar as a sparse file with its data in the right places', () => {
    const target = join(folder(), 'sparse');
    mkdirSync(target);
    gnuTar(['-xf', '-', '-C', target, '--no-same-owner'], sparseArchive());
    const status = statSync(join(target, 'disk.img'));
    expect(status.size).toBe(realSizeBytes);
    expect(status.blocks * 512).toBeLessThan(MIB);
    // GNU tar archives the file again, so that GNU tar and not our writer determines the place of
    // every byte.
    const again = gnuTar([
      '--format=posix',
      '--sparse',
      '--sparse-version=1.0',
      '-cf',
      '-',
      '-C',
      target,
      'disk.img',
    ]);
    const [member] = sparseEvents(again);
    expect(member).toEqual({
      size: realSizeBytes,
      extents: [
        [0, 4096],
        [MIB, 4096],
        [9 * 1024 * MIB, 8192],
      ],
    });
  });

  it('whose extents are not whole blocks is refused, because GNU tar pads each to a block', () => {
    expect(() => sparseHeader({ path: 'a', mode: 0, realSizeBytes: 10000, extents: [[0, 100]] })).toThrow(
      'whole blocks',
    );
  });

  it('without data is one hole', () => {
    const { header } = sparseHeader({ path: 'hole', mode: 0o600, realSizeBytes: 1 << 20, extents: [] });
    const listing = gnuTar(['--numeric-owner', '-tvf', '-'], Buffer.concat([header, TAR_END])).toString();
    expect(listing).toMatch(/^-rw------- 0\/0 +1048576 1970-01-01 00:00 hole\n$/);
  });
});

/** Lists the sparse members of an archive with our own reader. */
function sparseEvents(bytes: Uint8Array): { size: number; extents: unknown }[] {
  return [...readTarSync([bytes], 'again.tar')].flatMap((event) =>
    event.kind === 'member' && event.entry.type === 'file'
      ? [{ size: event.entry.sizeBytes, extents: event.extents }]
      : [],
  );
}
