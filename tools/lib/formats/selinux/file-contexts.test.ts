import { describe, expect, test } from 'vitest';
import { UserError } from '../error/user-error.ts';
import { FileContexts } from './selinux.ts';

const contexts = (text: string) => new FileContexts({ fileContexts: { name: 'file_contexts', text } });

describe('file contexts', () => {
  test.each([
    ['/a', 'file_contexts:2: "/a" has no context'],
    ['/a -x u:r:t', 'file_contexts:2: "-x" is not a type of file; the types are -b -c -d -p -l -s --'],
    ['/ä u:r:t', 'file_contexts:2: "/ä" has characters that are not ASCII'],
    ['/a( u:r:t', 'file_contexts:2: the expression "/a(" cannot be used: a "(" is not closed'],
    ['/a) u:r:t', 'a ")" has no matching "("'],
    ['/[a u:r:t', 'a "[" is not closed'],
    ['/[b-a] u:r:t', 'out of order'],
    ['/[\\d-x] u:r:t', 'a range within [...] begins with a class'],
    ['/a** u:r:t', '"*" has nothing to repeat'],
    ['/(*F) u:r:t', '"(*F)" has no equivalent in JavaScript'],
    ['/a++ u:r:t', 'the possessive "++"'],
    ['/(?i)a u:r:t', '"(?i)" has no equivalent in JavaScript'],
    ['/(?>a) u:r:t', 'has no equivalent in JavaScript'],
    ['/(a)\\1 u:r:t', '"\\1" has no equivalent in JavaScript'],
    ['/\\Qa\\E u:r:t', '"\\Q" has no equivalent in JavaScript'],
    ['/\\p{L} u:r:t', '"\\p" has no equivalent in JavaScript'],
    ['/a{,3} u:r:t', '"{,N}" has different meanings'],
    ['/a{70000} u:r:t', 'is not a valid number of repetitions'],
    ['/[[.a.]] u:r:t', 'collating elements are not supported'],
    ['/.*\\ u:r:t', 'it ends with a backslash'],
    ['/a constructor u:r:t', '"constructor" is not a type of file'],
    ['/[[:constructor:]]* u:r:t', '"[:constructor:]" has no equivalent in JavaScript'],
  ])('name the file and the line of an error: %j', (line, message) => {
    expect(() => contexts(`/first u:r:t\n${line}\n`)).toThrow(UserError);
    expect(() => contexts(`/first u:r:t\n${line}\n`)).toThrow(message);
  });

  test('match names that are not UTF-8 byte by byte', () => {
    const policy = contexts('/x/.. u:r:two\n/x/... u:r:three\n');
    // The bytes FF FE, as names carry them.
    expect(policy.lookup('/x/\udcff\udcfe')).toBe('u:r:two');
    expect(policy.lookup('/x/\udcffé')).toBe('u:r:three');
  });

  test('match a path of any type if no type is given', () => {
    const policy = contexts('/a -d u:r:d\n/b/.* -- u:r:f\n');
    expect(policy.lookup('/a')).toBe('u:r:d');
    expect(policy.lookup('/a', 'file')).toBeUndefined();
    expect(policy.lookup('/b/c')).toBe('u:r:f');
    expect(policy.lookup('/c')).toBeUndefined();
  });
});
