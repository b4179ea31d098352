import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Entry } from '../entry/entry.ts';
import { realTool } from '../testing/real-tool.ts';
import { type CpioMember, writeNewc } from './newc.ts';
import { readNewc } from './read.ts';

const NONE = new Uint8Array(0);
const ROOT = { mode: 0o755, uid: 0, gid: 0, xattrs: new Map() };

function directory(path: string, mode = 0o755): CpioMember {
  return { entry: { ...ROOT, path, mode, type: 'directory' }, content: NONE };
}

function file(path: string, text: string, mode = 0o644): CpioMember {
  const content = Buffer.from(text);
  return { entry: { ...ROOT, path, mode, type: 'file', sizeBytes: content.length }, content };
}

function other(entry: Entry): CpioMember {
  return { entry, content: NONE };
}

const EVERY_KIND: CpioMember[] = [
  directory('bin'),
  file('bin/busybox', 'four', 0o4755),
  other({ ...ROOT, path: 'bin/hard', type: 'hardlink', target: 'bin/busybox' }),
  other({ ...ROOT, path: 'bin/sh', mode: 0o777, type: 'symlink', target: 'busybox' }),
  directory('dev'),
  other({ ...ROOT, path: 'dev/console', mode: 0o600, type: 'character-device', major: 5, minor: 1 }),
  other({ ...ROOT, path: 'dev/vda', mode: 0o660, gid: 6, type: 'block-device', major: 254, minor: 0 }),
  file('empty', ''),
  other({ ...ROOT, path: 'fifo', mode: 0o600, type: 'fifo' }),
  {
    entry: { ...ROOT, path: 'owned', uid: 1000, gid: 100, type: 'file', sizeBytes: 5 },
    content: Buffer.from('12345'),
  },
  directory('tmp', 0o1777),
];

function archive(members: readonly CpioMember[]): Buffer {
  return Buffer.concat([...writeNewc(members)]);
}

function gnuCpio(bytes: Uint8Array, ...args: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'newc-'));
  try {
    return execFileSync(realTool('cpio', 'cpio'), args, {
      cwd: folder,
      input: bytes,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { TZ: 'UTC', LC_ALL: 'C' },
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('writeNewc', () => {
  test('GNU cpio lists every kind of entry with its mode, owner, size and time 0', () => {
    const listing = gnuCpio(archive(EVERY_KIND), '-itv', '--quiet', '--numeric-uid-gid');
    expect(listing.replaceAll(/ +/g, ' ').trimEnd().split('\n')).toEqual([
      'drwxr-xr-x 2 0 0 0 Jan 1 1970 bin',
      '-rwsr-xr-x 2 0 0 4 Jan 1 1970 bin/busybox',
      '-rwsr-xr-x 2 0 0 0 Jan 1 1970 bin/hard',
      'lrwxrwxrwx 1 0 0 7 Jan 1 1970 bin/sh -> busybox',
      'drwxr-xr-x 2 0 0 0 Jan 1 1970 dev',
      'crw------- 1 0 0 5, 1 Jan 1 1970 dev/console',
      'brw-rw---- 1 0 6 254, 0 Jan 1 1970 dev/vda',
      '-rw-r--r-- 1 0 0 0 Jan 1 1970 empty',
      'prw------- 1 0 0 0 Jan 1 1970 fifo',
      '-rwxr-xr-x 1 1000 100 5 Jan 1 1970 owned',
      'drwxrwxrwt 2 0 0 0 Jan 1 1970 tmp',
    ]);
  });

  test('GNU cpio gives back the bytes of each file, whatever their length modulo 4', () => {
    const members = Array.from({ length: 9 }, (_, length) => file(`f${length}`, 'x'.repeat(length)));
    for (const [length] of members.entries()) {
      expect(gnuCpio(archive(members), '-i', '--quiet', '--to-stdout', `f${length}`)).toBe(
        'x'.repeat(length),
      );
    }
  });

  test('the reader gives back what was written', () => {
    expect(readNewc(archive(EVERY_KIND))).toEqual(
      EVERY_KIND.map(({ entry, content }) => ({
        entry: entry.type === 'hardlink' ? { ...entry, mode: 0o4755 } : entry,
        content: Buffer.from(content),
      })).map((member) => ({ ...member, content: expect.toSatisfy((got) => member.content.equals(got)) })),
    );
  });

  test('every member begins at a multiple of 4 bytes, as the kernel demands', () => {
    const bytes = archive(EVERY_KIND);
    for (let at = bytes.indexOf('070701'); at >= 0; at = bytes.indexOf('070701', at + 1))
      expect(at % 4).toBe(0);
  });

  test('a hard link before its file is refused', () => {
    const members = [other({ ...ROOT, path: 'a', type: 'hardlink', target: 'b' }), file('b', '')];
    expect(() => archive(members)).toThrow('a: hard link to b, which is not a file that comes before it');
  });

  test('a file with the name of the trailer is refused', () => {
    expect(() => archive([file('TRAILER!!!', '')])).toThrow('TRAILER!!!');
  });

  test('a path longer than the kernel takes is refused', () => {
    expect(() => archive([file('a/'.repeat(2048), '')])).toThrow('the kernel takes 4095');
  });
});

describe('readNewc', () => {
  test('reads what GNU cpio writes', () => {
    const folder = mkdtempSync(join(tmpdir(), 'newc-'));
    try {
      const script =
        'mkdir d; printf hello > d/f; ln d/f d/g; ln -s f d/l; find d | LC_ALL=C sort | "$0" -o -H newc --quiet';
      const bytes = execFileSync('/bin/sh', ['-c', script, realTool('cpio', 'cpio')], { cwd: folder });
      const members = readNewc(bytes);
      expect(members.map(({ entry }) => [entry.type, entry.path])).toEqual([
        ['directory', 'd'],
        ['file', 'd/f'],
        ['hardlink', 'd/g'],
        ['symlink', 'd/l'],
      ]);
      expect(Buffer.concat(members.map(({ content }) => content)).toString()).toBe('hello');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length - 8), 'passes the end'],
    ['no trailer', (bytes: Buffer) => bytes.subarray(0, 116), 'no trailer'],
    [
      'another format',
      (bytes: Buffer) => Buffer.from(bytes.toString('latin1').replace('070701', '070707'), 'latin1'),
      'no newc header',
    ],
    [
      'a size that lies',
      (bytes: Buffer) => Buffer.from(bytes).fill('f', 6 + 6 * 8, 6 + 7 * 8),
      'passes the end',
    ],
    [
      'a path that leaves the root',
      (bytes: Buffer) => Buffer.from(bytes.toString('latin1').replace('ab', '..'), 'latin1'),
      'leaves the root',
    ],
    ['a field that is no number', (bytes: Buffer) => Buffer.from(bytes).fill('z', 6, 14), 'not hexadecimal'],
  ])('%s is refused', (_name, damage, message) => {
    expect(() => readNewc(damage(archive([file('ab', '')])))).toThrow(message);
  });
});
