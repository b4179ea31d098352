import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { directory, file, symlink, xattrs } from '../../testing/entries/entries.ts';
import { ACL } from '../../testing/entries/sample-acl.ts';
import {
  debugfs,
  e2fsckComplaints,
  ImageFolder,
  readTree,
  TEST_OPTIONS,
} from '../../testing/ext4/ext4-image.ts';
import { noise } from '../../testing/noise.ts';
import { MemoryImage } from '../block/block.ts';
import type { Entry } from '../entry/entry.ts';
import { aclFromDisk, aclToDisk } from './acl.ts';
import { Ext4Writer } from './ext4.ts';

const MIB = 2 ** 20;
const images = new ImageFolder();
afterAll(() => images.remove());

function written(entries: readonly Entry[]): string {
  const path = images.write(entries, { sizeBytes: 16 * MIB });
  expect(e2fsckComplaints(path)).toBe('');
  const byPath = new Map(readTree(path).map((entry) => [entry.path, sorted(entry.xattrs)]));
  for (const entry of entries) expect(byPath.get(entry.path), entry.path).toEqual(sorted(entry.xattrs));
  return path;
}

function sorted(values: ReadonlyMap<string, Uint8Array>): [string, string][] {
  return Array.from(values, ([name, value]): [string, string] => [
    name,
    Buffer.from(value).toString('hex'),
  ]).sort();
}

describe('extended attributes are read back', () => {
  test('of every namespace, on every kind of entry', () => {
    const values = xattrs({
      'security.capability': Buffer.from('0100000200200000000000000000000000000000', 'hex'),
      'security.selinux': 'system_u:object_r:etc_t:s0',
      'trusted.overlay.opaque': 'y',
      'user.empty': '',
      'user.größe': 'non-ASCII name',
    });
    const path = written([
      directory('d', { xattrs: new Map([...values, ['system.posix_acl_default', ACL]]) }),
      file('f', 0, { mode: 0o640, xattrs: new Map([...values, ['system.posix_acl_access', ACL]]) }),
      symlink('l', 'f', { xattrs: values }),
      symlink('m', 'x'.repeat(80), { xattrs: values }),
    ]);
    expect(debugfs(path, 'ea_list /f')).toContain('security.selinux (26) = "system_u:object_r:etc_t:s0"');
    // `-r` reads the raw value. Without it, debugfs adds ids to entries that have none.
    debugfs(path, `ea_get -r -f ${images.file('acl')} /f system.posix_acl_access`);
    expect(readFileSync(images.file('acl')).equals(aclToDisk(ACL) as Uint8Array)).toBe(true);
  });

  // 256 bytes minus 160 for fields, 4 for the magic number and 4 for the end, and minus 16 for the
  // entry and 4 for its name, are 68.
  test.each([
    [68, false],
    [69, true],
  ])('of %d bytes: in a block %s', (valueBytes, isInBlock) => {
    const path = written([file('f', 0, { xattrs: xattrs({ 'user.name': noise(valueBytes) }) })]);
    expect(debugfs(path, 'stat /f').includes('File ACL: 0\n')).toBe(!isInBlock);
  });

  // 4096 bytes minus 32 for the header, 4 for the end, 16 for the entry and 4 for its name.
  test('of 4040 bytes, the largest value', () => {
    written([file('f', 0, { xattrs: xattrs({ 'user.name': noise(4040) }) })]);
  });

  test('with the longest name', () => {
    written([file('f', 0, { xattrs: xattrs({ [`user.${'n'.repeat(250)}`]: 'x' }) })]);
  });

  test('of 1,025 files that share two blocks', () => {
    const values = xattrs({ 'user.name': noise(200) });
    const path = written(
      Array.from({ length: 1025 }, (_, index) => file(`f${index}`, 0, { xattrs: values })),
    );
    const blocks = new Set<string>();
    for (let index = 0; index < 1025; index += 128) {
      blocks.add(/File ACL: (\d+)/.exec(debugfs(path, `stat /f${index}`))?.[1] as string);
    }
    blocks.add(/File ACL: (\d+)/.exec(debugfs(path, 'stat /f999'))?.[1] as string);
    expect(blocks.size).toBeLessThanOrEqual(2);
  });
});

describe('extended attributes that ext4 does not support are refused', () => {
  test.each<[string, Record<string, string | Uint8Array>, string]>([
    [
      'one byte more than fits',
      { 'user.name': noise(4041) },
      '/f: its extended attributes are 4 bytes too large',
    ],
    ['an unknown namespace', { 'other.name': '' }, '/f: its extended attribute other.name is in a namespace'],
    ['another system attribute', { 'system.nfs4_acl': '' }, 'is in a namespace'],
    ['a name that ends with its namespace', { 'user.': '' }, 'has no name'],
    ['a name of 256 bytes', { [`user.${'n'.repeat(251)}`]: '' }, 'has a name of over 255 bytes'],
    ['a broken access control list', { 'system.posix_acl_access': 'xx' }, 'is not an access control list'],
  ])('%s', (_, values, message) => {
    const entries = [file('f', 0, { xattrs: xattrs(values) })];
    expect(() => new Ext4Writer(new MemoryImage(MIB), entries, { ...TEST_OPTIONS, sizeBytes: MIB })).toThrow(
      message,
    );
  });
});

describe('access control lists', () => {
  test('are stored without unused ids', () => {
    const disk = aclToDisk(ACL) as Uint8Array;
    expect(Buffer.from(disk).toString('hex')).toBe(
      '01000000' + '01000600' + '02000400e8030000' + '04000400' + '10000400' + '20000000',
    );
    expect(Buffer.from(aclFromDisk(disk) as Uint8Array).equals(ACL)).toBe(true);
  });

  test.each(['', '01000000', '0200000001', '0200000003000600ffffffff'])(
    'the bytes %s are not a list',
    (hex) => {
      expect(aclToDisk(Buffer.from(hex, 'hex'))).toBeUndefined();
    },
  );

  test.each(['', '02000000', '01000000020004', '010000000200040001', '0100000003000400'])(
    'the bytes %s are not a list in the form of ext4',
    (hex) => {
      expect(aclFromDisk(Buffer.from(hex, 'hex'))).toBeUndefined();
    },
  );
});
