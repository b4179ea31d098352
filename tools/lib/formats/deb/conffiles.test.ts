import { expect, test } from 'vitest';
import { parseConffiles } from './conffiles.ts';

test('conffiles: paths with blanks, flags, and blank lines', () => {
  const text = '/etc/a\n\n/etc/with blank\nremove-on-upgrade /etc/gone\n';
  expect(parseConffiles(text, 'conffiles')).toEqual([
    { path: 'etc/a', removeOnUpgrade: false },
    { path: 'etc/with blank', removeOnUpgrade: false },
    { path: 'etc/gone', removeOnUpgrade: true },
  ]);
});

test.each([
  ['etc/a', 'conffiles:1: "etc/a" is not an absolute path'],
  ['/etc/a\n/etc/../../b', 'conffiles:2: "/etc/../../b" is not an absolute path'],
  ['/', 'conffiles:1: "/" is not an absolute path'],
  ['explode /etc/a', 'conffiles:1: the flag "explode" is unknown'],
])('conffiles: %j is refused', (text, message) => {
  expect(() => parseConffiles(text, 'conffiles')).toThrow(message);
});
