import { describe, expect, test } from 'vitest';
import { UserError } from '../error/user-error.ts';
import { FileContexts } from './selinux.ts';

const contexts = (text: string) => new FileContexts({ fileContexts: { name: 'file_contexts', text } });

describe('file contexts', () => {
  test.each([
    ['/a', 'file_contexts:2: "/a" has no context'],
    ['/a -x u:r:t', 'file_contexts:2: "-x" is no type of file: there are -b -c -d -p -l -s --'],
    ['/ä u:r:t', 'file_contexts:2: "/ä" has more than ASCII characters'],
    ['/a( u:r:t', 'file_contexts:2: the expression "/a(" cannot be used: a "(" is not closed'],
    ['/a) u:r:t', 'a ")" closes nothing'],
    ['/[a u:r:t', 'a "[" is not closed'],
    ['/[b-a] u:r:t', 'out of order'],
    ['/[\\d-x] u:r:t', 'a range within [...] begins with a class'],
    ['/a** u:r:t', '"*" has nothing to repeat'],
    ['/(*F) u:r:t', '"(*F)" has no equal in JavaScript'],
    ['/a++ u:r:t', 'the possessive "++"'],
    ['/(?i)a u:r:t', '"(?i)" has no equal in JavaScript'],
    ['/(?>a) u:r:t', 'has no equal in JavaScript'],
    ['/(a)\\1 u:r:t', '"\\1" has no equal in JavaScript'],
    ['/\\Qa\\E u:r:t', '"\\Q" has no equal in JavaScript'],
    ['/\\p{L} u:r:t', '"\\p" has no equal in JavaScript'],
    ['/a{,3} u:r:t', '"{,N}" means two things'],
    ['/a{70000} u:r:t', 'is no number of repetitions'],
    ['/[[.a.]] u:r:t', 'collating elements are not supported'],
    ['/.*\\ u:r:t', 'it ends with a backslash'],
  ])('names file and line of what cannot be used: %j', (line, message) => {
    expect(() => contexts(`/first u:r:t\n${line}\n`)).toThrow(UserError);
    expect(() => contexts(`/first u:r:t\n${line}\n`)).toThrow(message);
  });

  test('know names that are not UTF-8, byte by byte', () => {
    const policy = contexts('/x/.. u:r:two\n/x/... u:r:three\n');
    // The bytes FF FE, as names carry them.
    expect(policy.lookup('/x/\udcff\udcfe')).toBe('u:r:two');
    expect(policy.lookup('/x/\udcffé')).toBe('u:r:three');
  });

  test('answer for a path of any kind where none is given', () => {
    const policy = contexts('/a -d u:r:d\n/b/.* -- u:r:f\n');
    expect(policy.lookup('/a')).toBe('u:r:d');
    expect(policy.lookup('/a', 'file')).toBeUndefined();
    expect(policy.lookup('/b/c')).toBe('u:r:f');
    expect(policy.lookup('/c')).toBeUndefined();
  });
});
