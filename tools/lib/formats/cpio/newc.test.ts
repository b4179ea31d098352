import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { realTool } from '../../testing/real-tool.ts';
import type { Entry } from '../entry/entry.ts';
import { type CpioMember, readNewc, writeNewc } from './cpio.ts';

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

  test('GNU cpio extracts the bytes of each file, for any length modulo 4', () => {
    const members = Array.from({ length: 9 }, (_, length) => file(`f${length}`, 'x'.repeat(length)));
    for (const [length] of members.entries()) {
      expect(gnuCpio(archive(members), '-i', '--quiet', '--to-stdout', `f${length}`)).toBe(
        'x'.repeat(length),
      );
    }
  });

  test('the reader returns the written members', () => {
    expect(readNewc(archive(EVERY_KIND))).toEqual(
      EVERY_KIND.map(({ entry, content }) => ({
        entry: entry.type === 'hardlink' ? { ...entry, mode: 0o4755 } : entry,
        content: Buffer.from(content),
      })).map((member) => ({ ...member, content: expect.toSatisfy((got) => member.content.equals(got)) })),
    );
  });

  test('every member begins at a multiple of 4 bytes, as the kernel requires', () => {
    const bytes = archive(EVERY_KIND);
    for (let at = bytes.indexOf('070701'); at >= 0; at = bytes.indexOf('070701', at + 1))
      expect(at % 4).toBe(0);
  });

  test('a hard link before its file is refused', () => {
    const members = [other({ ...ROOT, path: 'a', type: 'hardlink', target: 'b' }), file('b', '')];
    expect(() => archive(members)).toThrow('a: hard link to b, which is not a file that precedes it');
  });

  test('a file with the name of the trailer is refused', () => {
    expect(() => archive([file('TRAILER!!!', '')])).toThrow('TRAILER!!!');
  });

  test('an entry that the kernel would skip, or attributes that it would lose, are refused', () => {
    expect(() => archive([file('d/f', '')])).toThrow('d/f: its directory d does not precede it');
    const xattrs = new Map([['user.a', Buffer.from('b')]]);
    const { entry, content } = file('f', '');
    expect(() => archive([{ entry: { ...entry, xattrs }, content }])).toThrow(
      'cannot hold the extended attribute user.a',
    );
  });

  test('a path that is too long for the kernel is refused', () => {
    const folders = Array.from({ length: 16 }, (_, index) =>
      directory(
        Array(index + 1)
          .fill('d'.repeat(255))
          .join('/'),
      ),
    );
    const deepest = folders.at(-1)?.entry.path ?? '';
    expect(() => archive([...folders.slice(0, -1), file(deepest, '')])).not.toThrow();
    expect(() => archive([...folders, file(`${deepest}/f`, '')])).toThrow('the kernel takes at most 4095');
    expect(() => archive([file('a'.repeat(256), '')])).toThrow('its name is longer than 255 bytes');
  });
});
