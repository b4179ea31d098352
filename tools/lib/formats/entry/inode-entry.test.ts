import { expect, test } from 'vitest';
import { NO_XATTRS } from './entry.ts';
import { inodeEntry } from './inode-entry.ts';

const PARTS = {
  sizeBytes: 3,
  symlinkTarget: () => 'target',
  device: () => ({ major: 1, minor: 2 }),
  fail: (problem: string): never => {
    throw new Error(problem);
  },
};

test.each([
  [0o100644, { type: 'file', mode: 0o644, sizeBytes: 3 }],
  [0o041777, { type: 'directory', mode: 0o1777 }],
  [0o120777, { type: 'symlink', mode: 0o777, target: 'target' }],
  [0o020600, { type: 'character-device', mode: 0o600, major: 1, minor: 2 }],
  [0o060600, { type: 'block-device', mode: 0o600, major: 1, minor: 2 }],
  [0o010600, { type: 'fifo', mode: 0o600 }],
  [0o140600, { type: 'socket', mode: 0o600 }],
])('an inode with the mode %o', (mode, expected) => {
  const metadata = { path: 'a', uid: 4, gid: 5, xattrs: NO_XATTRS };
  expect(inodeEntry({ ...metadata, mode }, PARTS)).toEqual({ ...metadata, ...expected });
});

test('an inode without a known type is refused', () => {
  const inode = { path: 'a\nb', mode: 0o644, uid: 0, gid: 0, xattrs: NO_XATTRS };
  expect(() => inodeEntry(inode, PARTS)).toThrow('/a\\012b has an unknown type (mode 0644)');
});
