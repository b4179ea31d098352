import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { realTool } from '../../testing/real-tool.ts';
import { type Entry, NO_XATTRS, normalizePath } from '../entry/entry.ts';
import { decodeName, nameBytes } from '../entry/name.ts';
import { UserError } from '../error/user-error.ts';
import { type CpioMember, readNewc, writeNewc } from './cpio.ts';
import { HEADER, HEADER_BYTES } from './format.ts';

const { c_ino: INODE, c_mode: MODE, c_filesize: FILE_SIZE, c_namesize: NAME_SIZE } = HEADER.at;

const NONE = new Uint8Array(0);
const OWNER = { mode: 0o644, uid: 0, gid: 0, xattrs: NO_XATTRS };

function file(path: string, text: string): CpioMember {
  const content = Buffer.from(text);
  return { entry: { ...OWNER, type: 'file', path, sizeBytes: content.length }, content };
}

function archive(members: readonly CpioMember[]): Buffer {
  return Buffer.concat([...writeNewc(members)]);
}

/** Makes the contents of members comparable. */
function plain(members: readonly CpioMember[]): unknown[] {
  return members.map(({ entry, content }) => ({ entry, content: Buffer.from(content).toString('latin1') }));
}

/** Archives with GNU cpio a folder with each type of entry that an ordinary user can create. */
async function gnuArchive(format: string): Promise<Buffer> {
  // A socket's path has at most 107 bytes. The path of the system's temporary folder may be longer.
  const folder = mkdtempSync('/tmp/newc-');
  const server = createServer();
  try {
    mkdirSync(join(folder, 'd'), { mode: 0o750 });
    writeFileSync(join(folder, 'd/f'), 'hello', { mode: 0o640 });
    linkSync(join(folder, 'd/f'), join(folder, 'd/g'));
    linkSync(join(folder, 'd/f'), join(folder, 'd/h'));
    symlinkSync('f', join(folder, 'd/l'));
    writeFileSync(Buffer.concat([Buffer.from(join(folder, 'd/caf')), Buffer.of(0xe9)]), 'bytes', {
      mode: 0o644,
    });
    execFileSync('mkfifo', ['-m', '600', join(folder, 'd/p')]);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(join(folder, 'd/s'), resolve);
    });
    execFileSync('chmod', ['755', join(folder, 'd/s')]);
    const script = `find d | LC_ALL=C sort | "$0" -o -H ${format} --quiet -R 0:0`;
    return execFileSync('/bin/sh', ['-c', script, realTool('cpio', 'cpio')], { cwd: folder });
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
}

/**
 * GNU cpio writes all names of a file at the place of the last one, and stores the content with
 * that name.
 */
const GNU_MEMBERS: readonly CpioMember[] = [
  { entry: { ...OWNER, type: 'directory', path: 'd', mode: 0o750 }, content: NONE },
  file('d/caf\udce9', 'bytes'),
  { ...file('d/g', 'hello'), entry: { ...OWNER, type: 'file', path: 'd/g', mode: 0o640, sizeBytes: 5 } },
  { entry: { ...OWNER, type: 'hardlink', path: 'd/f', mode: 0o640, target: 'd/g' }, content: NONE },
  { entry: { ...OWNER, type: 'hardlink', path: 'd/h', mode: 0o640, target: 'd/g' }, content: NONE },
  { entry: { ...OWNER, type: 'symlink', path: 'd/l', mode: 0o777, target: 'f' }, content: NONE },
  { entry: { ...OWNER, type: 'fifo', path: 'd/p', mode: 0o600 }, content: NONE },
  { entry: { ...OWNER, type: 'socket', path: 'd/s', mode: 0o755 }, content: NONE },
];

describe('readNewc', () => {
  test.each(['newc', 'crc'])(
    'reads the format %s of GNU cpio, with the content of a file at its first name',
    async (format) => {
      expect(plain(readNewc(await gnuArchive(format)))).toEqual(plain(GNU_MEMBERS));
    },
  );

  test('reads our archive after bsdtar converted it: devices, links and names of any bytes', () => {
    const members: CpioMember[] = [
      { entry: { ...OWNER, type: 'directory', path: 'd', mode: 0o1777, uid: 7 }, content: NONE },
      file('d/f', 'content'),
      {
        entry: { ...OWNER, type: 'character-device', path: 'null', mode: 0o666, major: 1, minor: 3 },
        content: NONE,
      },
      {
        entry: { ...OWNER, type: 'block-device', path: 'disk', mode: 0o660, major: 259, minor: 0xffff },
        content: NONE,
      },
      file('caf\udce9', 'x'),
      { entry: { ...OWNER, type: 'symlink', path: 'l', mode: 0o777, target: 'caf\udce9' }, content: NONE },
    ];
    const bytes = archive(members);
    const converted = execFileSync(
      realTool('bsdtar', 'libarchive-tools'),
      ['-cf', '-', '--format=newc', '@-'],
      {
        input: bytes,
        env: { ...process.env, LC_ALL: 'C.UTF-8' },
      },
    );
    expect(plain(readNewc(converted))).toEqual(plain(members));
  });

  test('reads concatenated archives with zeros between them, as an initramfs allows', () => {
    const one = archive([file('a', 'one')]);
    const two = archive([file('a', 'other'), file('b', 'two')]);
    const paths = (bytes: Uint8Array) => readNewc(bytes).map(({ entry }) => entry.path);
    expect(paths(Buffer.concat([one, two]))).toEqual(['a', 'a', 'b']);
    expect(paths(Buffer.concat([Buffer.alloc(8), one, Buffer.alloc(512), two, Buffer.alloc(1000)]))).toEqual([
      'a',
      'a',
      'b',
    ]);
  });

  test('keeps files of two archives apart, even if their inode numbers are equal', () => {
    const linked = archive([
      file('a', 'x'),
      { entry: { ...OWNER, type: 'hardlink', path: 'b', target: 'a' }, content: NONE },
    ]);
    const again = Buffer.from(
      linked.toString('latin1').replace('\x61\0', 'c\0').replace('b\0', 'd\0'),
      'latin1',
    );
    expect(readNewc(Buffer.concat([linked, again])).map(({ entry }) => entry.type)).toEqual([
      'file',
      'hardlink',
      'file',
      'hardlink',
    ]);
  });

  const damage = (change: (bytes: Buffer) => Buffer) => change(archive([file('ab', 'four')]));
  const text = (change: (latin1: string) => string) => (bytes: Buffer) =>
    Buffer.from(change(bytes.toString('latin1')), 'latin1');
  test.each<[string, (bytes: Buffer) => Buffer, string]>([
    ['truncated', (bytes) => bytes.subarray(0, bytes.length - 8), 'passes the end'],
    ['truncated in a header', (bytes) => bytes.subarray(0, 100), 'the header is truncated'],
    ['no trailer', (bytes) => bytes.subarray(0, 120), 'no trailer'],
    ['nothing', () => Buffer.alloc(0), 'no trailer'],
    ['the old format', text((latin1) => latin1.replace('070701', '070707')), 'not a newc header'],
    [
      'a wrong size',
      (bytes) => Buffer.from(bytes).fill('f', FILE_SIZE.offsetBytes, FILE_SIZE.endBytes),
      'passes the end',
    ],
    [
      'a name that is longer than a path',
      (bytes) =>
        Buffer.concat([
          Buffer.from(bytes).fill('00002000', NAME_SIZE.offsetBytes, NAME_SIZE.endBytes),
          Buffer.alloc(9000),
        ]),
      'the name has 8192 bytes',
    ],
    [
      'a name without its NUL',
      text((latin1) => latin1.replace('ab\0', 'abc')),
      'must have one NUL, at its end',
    ],
    [
      'a name with two NULs',
      text((latin1) => latin1.replace('ab\0', 'a\0\0')),
      'must have one NUL, at its end',
    ],
    ['a path that leaves the root', text((latin1) => latin1.replace('ab\0', '..\0')), 'leaves the root'],
    [
      'a field that is not a number',
      (bytes) => Buffer.from(bytes).fill('z', INODE.offsetBytes, INODE.endBytes),
      'not hexadecimal',
    ],
    [
      'a field with a sign',
      (bytes) => Buffer.from(bytes).fill('-0000001', INODE.offsetBytes, INODE.endBytes),
      'not hexadecimal',
    ],
    [
      'an unknown type',
      (bytes) => Buffer.from(bytes).fill('0000f000', MODE.offsetBytes, MODE.endBytes),
      'file type 170000',
    ],
    [
      'a wrong checksum',
      text((latin1) => latin1.replace('070701', '070702')),
      'the checksum of its bytes is wrong',
    ],
    [
      'other bytes after the archive',
      (bytes) => Buffer.concat([bytes, Buffer.from('rubbish')]),
      'not a newc header',
    ],
    [
      'a compressed archive after the first',
      (bytes) => Buffer.concat([bytes, Buffer.from('28b52ffd00', 'hex')]),
      'zstd data, as an initramfs has after its first archive',
    ],
    [
      'a second archive that is not aligned',
      (bytes) => Buffer.concat([bytes, Buffer.alloc(2), bytes]),
      'not at a multiple of 4',
    ],
    [
      'a component of 256 bytes',
      (bytes) =>
        Buffer.concat([
          Buffer.from(bytes.subarray(0, HEADER_BYTES)).fill(
            '00000101',
            NAME_SIZE.offsetBytes,
            NAME_SIZE.endBytes,
          ),
          Buffer.alloc(256, 'n'),
          Buffer.alloc(2),
          Buffer.from('four'),
          bytes,
        ]),
      'component longer than 255',
    ],
  ])('%s is refused', (_name, change, message) => {
    const read = () => readNewc(damage(change), 'x.cpio');
    expect(read).toThrow(message);
    expect(read).toThrow(
      expect.objectContaining({ name: 'UserError', message: expect.stringMatching(/^x\.cpio: [^\n]+$/) }),
    );
  });
});

const name = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }).map((value) => Buffer.from(value)),
    fc.uint8Array({ minLength: 1, maxLength: 30 }).map((value) => Buffer.from(value)),
  )
  .map((bytes) => decodeName(bytes))
  .filter(
    (value) => !/[/\0]/.test(value) && !['.', '..', 'TRAILER!!!'].includes(value) && nameBytes(value) <= 255,
  );
const id = fc.integer({ min: 0, max: 0xffffffff });
const common = fc.record({
  path: name,
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: id,
  gid: id,
  xattrs: fc.constant(NO_XATTRS),
});
const member: fc.Arbitrary<CpioMember> = fc.oneof(
  fc.tuple(common, fc.uint8Array({ maxLength: 50 })).map(([rest, content]) => ({
    entry: { ...rest, type: 'file', sizeBytes: content.length } as Entry,
    content,
  })),
  fc
    .tuple(common, fc.constantFrom('directory', 'fifo', 'socket'))
    .map(([rest, type]) => ({ entry: { ...rest, type } as Entry, content: NONE })),
  fc
    .tuple(common, name)
    .map(([rest, target]) => ({ entry: { ...rest, type: 'symlink', target } as Entry, content: NONE })),
  fc
    .tuple(
      common,
      fc.constantFrom('character-device', 'block-device'),
      fc.nat({ max: 4095 }),
      fc.nat({ max: 0xfffff }),
    )
    .map(([rest, type, major, minor]) => ({
      entry: { ...rest, type, major, minor } as Entry,
      content: NONE,
    })),
);

describe('any archive', () => {
  const members = fc.uniqueArray(member, { maxLength: 8, selector: ({ entry }) => entry.path });

  test('is read unchanged', () => {
    fc.assert(
      fc.property(members, (list) => {
        expect(plain(readNewc(archive(list)))).toEqual(plain(list));
      }),
      { numRuns: 300 },
    );
  });

  test('that is damaged gives entries inside the root, or an error of one line', () => {
    const change = fc.tuple(
      fc.nat(),
      fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 4 }),
        fc
          .constantFrom('../', 'ffffffff', '00000000', '0000a1ff', '\0', '070702')
          .map((value) => Buffer.from(value)),
      ),
    );
    fc.assert(
      fc.property(members, fc.array(change, { minLength: 1, maxLength: 4 }), (list, changes) => {
        const bytes = archive(list);
        for (const [place, value] of changes) {
          const start = place % bytes.length;
          bytes.set(value.subarray(0, bytes.length - start), start);
        }
        try {
          for (const { entry } of readNewc(bytes)) expect(normalizePath(entry.path)).toBe(entry.path);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          expect(error.message).not.toContain('\n');
        }
      }),
      { numRuns: 3000 },
    );
  });
});
