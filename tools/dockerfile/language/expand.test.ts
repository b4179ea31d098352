// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the variables of Dockerfiles
import { describe, expect, test } from 'vitest';
import { expandHeredoc, expandWord } from './expand.ts';
import type { EscapeCharacter } from './source.ts';

const VALUES: Readonly<Record<string, string>> = {
  foo: '/bar',
  set: 'value',
  empty: '',
  path: 'usr/lib/libc.so.6',
  dots: 'foobarbaz',
  abc: 'hello',
};

function expand(word: string, escapeCharacter: EscapeCharacter = '\\'): string {
  return expandWord(word, { escapeCharacter, lookup: (name) => VALUES[name], where: 'Dockerfile:3' });
}

describe('expandWord', () => {
  test.each([
    // The examples of the reference.
    ['${foo}', '/bar'],
    ['$foo', '/bar'],
    ['\\$foo', '$foo'],
    ['\\${foo}', '${foo}'],
    ['${foo}_bar', '/bar_bar'],
    ['${variable:-word}', 'word'],
    ['${set:-word}', 'value'],
    ['${variable:+word}', ''],
    ['${set:+word}', 'word'],
    // An empty value counts as not set if the modifier has a colon.
    ['${empty:-word}', 'word'],
    ['${empty-word}', ''],
    ['${empty:+word}', ''],
    ['${empty+word}', 'word'],
    ['${unset-word}', 'word'],
    ['${unset+word}', ''],
    ['${set:?must be set}', 'value'],
    ['${unset:-${foo}}', '/bar'],
    ['${unset:-a b}', 'a b'],
    ['a$unset-b', 'a-b'],
    // Patterns, as the reference describes them.
    ['${dots#f*b}', 'arbaz'],
    ['${dots##f*b}', 'az'],
    ['${dots%b*}', 'foobar'],
    ['${dots%%b*}', 'foo'],
    ['${path##*/}', 'libc.so.6'],
    ['${path%/*}', 'usr/lib'],
    ['${dots/ba/X}', 'fooXrbaz'],
    ['${dots//ba/X}', 'fooXrXz'],
    ['${dots/?o/-}', '-obarbaz'],
    ['${path//\\//_}', 'usr_lib_libc.so.6'],
    ['${unset#x}', ''],
    // Quotes.
    ["'$foo'", '$foo'],
    ['"$foo"', '/bar'],
    ['"a b"', 'a b'],
    ["'a\\b'", 'a\\b'],
    ['"a\\b"', 'a\\b'],
    ['"a\\"b"', 'a"b'],
    ['"\\$foo"', '$foo'],
    ['a\\ b', 'a b'],
    ['a\\\\b', 'a\\b'],
    ["it\\'s", "it's"],
    ['"${unset:-"x"}"', 'x'],
    ['$', '$'],
    ['a$ b', 'a$ b'],
    ['$1x', 'x'],
  ])('%s gives %s', (word, result) => {
    expect(expand(word)).toBe(result);
  });

  test('the escape directive sets the escape character', () => {
    expect(expand('c:\\$foo`$foo', '`')).toBe('c:\\/bar$foo');
  });

  test.each([
    ["'open", "Dockerfile:3: the closing ' is missing in 'open"],
    ['"open', 'Dockerfile:3: the closing " is missing in "open'],
    ['${open', 'Dockerfile:3: } is missing in ${open'],
    ['${open:-x', 'Dockerfile:3: } is missing in ${open:-x'],
    ['${}', 'Dockerfile:3: a variable without name in ${}'],
    ['${x:=y}', 'Dockerfile:3: ${x:=...} is not a modifier that Docker supports, in ${x:=y}'],
    ['${x:#y}', 'Dockerfile:3: ${x:#...} is not a modifier that Docker supports, in ${x:#y}'],
    ['${unset:?say it}', 'Dockerfile:3: unset: say it: in ${unset:?say it}'],
    ['${empty:?}', 'Dockerfile:3: empty: is not set: in ${empty:?}'],
  ])('%s is an error', (word, message) => {
    expect(() => expand(word)).toThrow(message);
  });
});

test.each([
  ['hello $set\n', 'hello value\n'],
  ['"${set}" \'$set\'\n', '"value" \'value\'\n'],
  ['\\$set \\\\ \\n\n', '$set \\ \\n\n'],
  ['a$unset ${unset:-d}\n', 'a d\n'],
  ['100 $ and $(pwd)\n', '100 $ and $(pwd)\n'],
])('in a here-document %j becomes %j', (content, result) => {
  const options = { escapeCharacter: '`', lookup: (name: string) => VALUES[name], where: 'x:1' } as const;
  expect(expandHeredoc(content, options)).toBe(result);
});
