import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Entry, Xattrs } from '../../formats/entry/entry.ts';
import { UserError } from '../../formats/error/user-error.ts';
import { temporaryFolder } from '../../testing/tar/archive.ts';
import { labelledTree, withLostAndFound } from './label.ts';
import type { SelectedTree } from './selection.ts';

const folder = temporaryFolder();

function tree(subtree: string, entries: readonly Entry[]): SelectedTree {
  return {
    subtree,
    entries: entries.map((entry) => ({ entry, inode: { entry, source: undefined }, implied: false })),
  };
}

const OLD = Buffer.from('old:r:t\0');
function entry(
  path: string,
  type: 'directory' | 'socket' | 'fifo',
  xattrs: Record<string, string> = {},
): Entry {
  const values: Xattrs = new Map(Object.entries(xattrs).map(([name, value]) => [name, Buffer.from(value)]));
  return { type, path, mode: 0o755, uid: 0, gid: 0, xattrs: values };
}

function attributes({ entries }: SelectedTree): Record<string, Record<string, string>> {
  return Object.fromEntries(
    entries.map(({ entry: { path, xattrs } }) => [
      path,
      Object.fromEntries([...xattrs].map(([name, value]) => [name, Buffer.from(value).toString()])),
    ]),
  );
}

let policy: string[];
beforeAll(() => {
  const base = join(folder(), 'file_contexts');
  policy = [base, `${base}.local`, `${base}.subs_dist`];
  writeFileSync(
    base,
    '/ u:r:root\n/.* u:r:all\n/boot(/.*)? u:r:boot\n/boot/s -s u:r:socket\n/none <<none>>\n',
  );
  writeFileSync(`${base}.local`, '/local u:r:local\n');
  writeFileSync(`${base}.subs_dist`, '/alias /boot\n');
});

describe('labels of a tree', () => {
  test('are those of the policy, and no other label remains', () => {
    const given = tree('', [
      entry('', 'directory'),
      entry('alias', 'directory'),
      entry('local', 'directory', { 'user.a': 'kept' }),
      entry('none', 'directory', { 'security.selinux': OLD.toString(), 'user.b': 'kept' }),
      entry('x', 'fifo', { 'security.selinux': OLD.toString() }),
    ]);
    expect(attributes(labelledTree(given, { 'file-contexts': policy }))).toEqual({
      '': { 'security.selinux': 'u:r:root\0' },
      alias: { 'security.selinux': 'u:r:boot\0' },
      local: { 'security.selinux': 'u:r:local\0', 'user.a': 'kept' },
      none: { 'user.b': 'kept' },
      x: { 'security.selinux': 'u:r:all\0' },
    });
    // The given entries are unchanged.
    expect(attributes(given)['x']).toEqual({ 'security.selinux': OLD.toString() });
  });

  test('of a subtree are those of its path, or of the given mount point', () => {
    const given = tree('boot', [entry('', 'directory'), entry('s', 'socket')]);
    expect(attributes(labelledTree(given, { 'file-contexts': policy }))).toEqual({
      '': { 'security.selinux': 'u:r:boot\0' },
      s: { 'security.selinux': 'u:r:socket\0' },
    });
    const elsewhere = labelledTree(given, { 'file-contexts': policy, 'mount-point': '/' });
    expect(attributes(elsewhere)['s']).toEqual({ 'security.selinux': 'u:r:all\0' });
  });

  test('are also on entries that the file system adds', () => {
    const given = tree('', [entry('', 'directory'), entry('a', 'directory'), entry('z', 'directory')]);
    const added = withLostAndFound(given);
    expect(added.entries.map(({ entry: { path } }) => path)).toEqual(['', 'a', 'lost+found', 'z']);
    expect(withLostAndFound(added)).toBe(added);
  });

  test('stay unchanged without a policy', () => {
    const given = tree('', [entry('', 'directory')]);
    expect(labelledTree(given, { 'file-contexts': [] })).toBe(given);
    expect(() => labelledTree(given, { 'file-contexts': [], 'mount-point': '/' })).toThrow(UserError);
  });

  test('need file_contexts, and at most one file of each kind', () => {
    const given = tree('', [entry('', 'directory')]);
    const [base = '', local = ''] = policy;
    expect(() => labelledTree(given, { 'file-contexts': [local] })).toThrow(
      /the file_contexts file that these belong to is missing/,
    );
    expect(() => labelledTree(given, { 'file-contexts': [base, base] })).toThrow(/are the same kind of file/);
    expect(() => labelledTree(given, { 'file-contexts': [base], 'mount-point': 'x' })).toThrow(
      /--mount-point=x/,
    );
  });
});
