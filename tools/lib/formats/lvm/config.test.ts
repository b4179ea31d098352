import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../error/user-error.ts';
import { type ConfigSection, type ConfigValue, formatSection, formatValues, parseConfig } from './config.ts';

type Tree = { readonly values: Record<string, ConfigValue>; readonly sections: Record<string, Tree> };

function tree({ values, sections }: ConfigSection): Tree {
  return {
    values: Object.fromEntries(values),
    sections: Object.fromEntries([...sections].map(([name, section]) => [name, tree(section)])),
  };
}

function lines({ values, sections }: Tree): string[] {
  return [
    ...formatValues(values),
    ...Object.entries(sections).flatMap(([name, section]) => formatSection(name, lines(section))),
  ];
}

describe('the text of the metadata', () => {
  test('has sections, numbers, strings and lists, as libdevmapper reads them', () => {
    const text = `# a comment
      vg { id="a\\"b\\\\c\\d" seqno = 7 # after a value
        empty = [] one = 'it\\'
        list = [ "a", 1,-2 "no comma" ]
        octal = 010 float = 1.5 bare = word
        1st { } "quoted name" { x = +1 }
      }
      last = 0\0 and text after a NUL is not read {`;
    expect(tree(parseConfig(text, 'test'))).toEqual({
      values: { last: 0 },
      sections: {
        vg: {
          values: {
            id: 'a"b\\c\\d',
            seqno: 7,
            empty: [],
            one: 'it\\',
            list: ['a', 1, -2, 'no comma'],
            octal: 8,
            float: 1.5,
            bare: 'word',
          },
          sections: {
            '1st': { values: {}, sections: {} },
            'quoted name': { values: { x: 1 }, sections: {} },
          },
        },
      },
    });
  });

  test('reads back as written, with any contents', () => {
    const name = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9._+-]{0,8}$/).filter((text) => text !== '__proto__');
    const scalar = fc.oneof(
      fc.maxSafeInteger(),
      fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')),
    );
    const value = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }));
    const named = (letter: string) => name.map((text) => `${letter}${text}`);
    const dictionary = <T>(letter: string, content: fc.Arbitrary<T>) =>
      fc.dictionary(named(letter), content, { maxKeys: 3, noNullPrototype: true });
    const empty: fc.Arbitrary<Tree> = fc.record({
      values: dictionary('v', value),
      sections: fc.constant({}),
    });
    const group = [1, 2, 3].reduce<fc.Arbitrary<Tree>>(
      (inner) => fc.record({ values: dictionary('v', value), sections: dictionary('s', inner) }),
      empty,
    );
    fc.assert(
      fc.property(group, (written) => {
        expect(tree(parseConfig(lines(written).join('\n'), 'test'))).toEqual(written);
      }),
      { numRuns: 100 },
    );
  });

  test.each([
    ['a {', 'line 1: a section has no end'],
    ['a {\n}\n}', 'line 3: a name is expected, not "}"'],
    ['a = "b', 'line 1: a string has no end'],
    ['a = "b\\', 'line 1: a string has no end'],
    ['a\n=\n', 'line 3: a value is expected'],
    ['a = [1, {', 'a value is expected'],
    ['a = [1', 'a value is expected'],
    ['a 1', '"=" is expected, not "1"'],
    ['a = 1\na = 2', 'line 2: "a" occurs twice'],
    ['a {}\na {}', 'line 2: "a" occurs twice'],
    ['a/b = 1', '"a/b" is not a name'],
    ['a = 1-2', '"1-2" is not a number'],
    ['a = 09', '"09" is not a number'],
    ['a = 99999999999999999999', 'is too large'],
    ['a {'.repeat(40), 'nested more than 16 deep'],
  ])('is refused with its line number: %j', (text, message) => {
    expect(() => parseConfig(text, 'disk.img')).toThrow(UserError);
    expect(() => parseConfig(text, 'disk.img')).toThrow(/^disk\.img: metadata text, line/);
    expect(() => parseConfig(text, 'disk.img')).toThrow(message);
  });

  test('with any contents is read or refused, in linear time', () => {
    const pieces = fc.constantFrom(
      'a',
      '=',
      '{',
      '}',
      '[',
      ']',
      ',',
      '"',
      "'",
      '\\',
      '#',
      '\n',
      ' ',
      '1',
      '-',
      '.',
      '\0',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (text) => {
        try {
          parseConfig(text.join(''), 'test');
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 3000 },
    );
    expect(() => parseConfig('#'.repeat(1 << 20), 'test')).not.toThrow();
    expect(() => parseConfig(`a = "${'\\\\'.repeat(1 << 19)}"`, 'test')).not.toThrow();
    expect(() => parseConfig(`a = [${'1,'.repeat(1 << 18)}]`, 'test')).not.toThrow();
  });
});
