import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CASE_LOWER_BASE, CASE_LOWER_EXTENSION, shortNameChecksum } from './format.ts';
import { checkName, foldName, storeNames } from './names.ts';

function shortNames(...names: string[]): string[] {
  return storeNames(names).map(({ shortName }) => shortName);
}

describe('short names', () => {
  test.each([
    ['README.TXT', 'README  TXT', 0, false],
    ['readme.txt', 'README  TXT', CASE_LOWER_BASE | CASE_LOWER_EXTENSION, false],
    ['README.txt', 'README  TXT', CASE_LOWER_EXTENSION, false],
    ['readme.TXT', 'README  TXT', CASE_LOWER_BASE, false],
    ['12345678.123', '12345678123', 0, false],
    ['A', 'A          ', 0, false],
    ['Readme.txt', 'README  TXT', 0, true],
    ["$%'-_@~`.!#&", "$%'-_@~`!#&", 0, false],
    ['123456789', '123456~1   ', 0, true],
    ['a.text', 'A~1     TEX', 0, true],
    ['.profile', 'PROFIL~1   ', 0, true],
    ['..x', 'X~1        ', 0, true],
    ['a.b.c', 'AB~1    C  ', 0, true],
    ['a b', 'AB~1       ', 0, true],
    ['a+b.c', 'A_B~1   C  ', 0, true],
    ['grüße.ini', 'GR__E~1 INI', 0, true],
    ['字', '_~1        ', 0, true],
    ['ß', '_~1        ', 0, true],
  ])('%j is stored as %j', (name, shortName, caseFlags, hasLongName) => {
    expect(storeNames([name])).toEqual([{ name, shortName, caseFlags, hasLongName }]);
  });

  test('names with the same short name are numbered in their order', () => {
    expect(shortNames('long name 1', 'long name 2', 'long name 3')).toEqual([
      'LONGNA~1   ',
      'LONGNA~2   ',
      'LONGNA~3   ',
    ]);
    const many = shortNames(...Array.from({ length: 11 }, (_, index) => `long name ${index}`));
    expect(many.slice(8)).toEqual(['LONGNA~9   ', 'LONGN~10   ', 'LONGN~11   ']);
  });

  test('a number is skipped if the resulting short name is another name of the directory', () => {
    expect(shortNames('long name', 'longna~1', 'LONGNA~2')).toEqual([
      'LONGNA~3   ',
      'LONGNA~1   ',
      'LONGNA~2   ',
    ]);
  });

  test('short names in a directory are unique, and contain only valid characters', () => {
    const unit = fc.constantFrom('a', 'B', '~', '1', '.', ' ', '+', 'é', '😀');
    const name = fc.string({ unit, minLength: 1, maxLength: 12 }).filter((text) => !/[ .]$|^ /.test(text));
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 40, selector: foldName }), (names) => {
        const stored = shortNames(...names);
        expect(new Set(stored).size).toBe(stored.length);
        for (const shortName of stored) expect(shortName).toMatch(/^(?! )[A-Z0-9~_ ]{11}$/);
      }),
    );
  });

  test('the checksum is the one of the specification', () => {
    // The sum rotates right before each character is added. This value was computed by hand.
    expect(shortNameChecksum(Uint8Array.of(0x41, 0x42))).toBe((0x80 + 0x20 + 0x42) & 0xff);
  });
});

describe('names that FAT cannot hold', () => {
  test.each([...'"*:<>?\\|/\n\t\x00\x1f'])('the character %j is refused and named', (character) => {
    expect(() => checkName(`a${character}b`, 'dir/x')).toThrow(
      `FAT: "dir/x": FAT names cannot contain the character ${JSON.stringify(character)}: rename it`,
    );
  });

  test.each(['a.', 'a ', ' a', 'a. .'])('%j is refused because its dots and spaces would be lost', (name) => {
    expect(() => checkName(name, name)).toThrow('cannot begin with a space, or end with a space or a dot');
  });

  test.each(['', '.', '..'])('%j is not a name', (name) => {
    expect(() => checkName(name, name)).toThrow('is not a name');
  });

  test('a name has at most 255 UTF-16 units, and is valid Unicode', () => {
    expect(() => checkName('x'.repeat(255), 'x')).not.toThrow();
    expect(() => checkName('x'.repeat(256), 'x')).toThrow('the name has 256 UTF-16 units, FAT allows 255');
    expect(() => checkName('\ud800', 'x')).toThrow('the name is not valid Unicode');
  });

  test('case is folded character by character', () => {
    expect(foldName('straße')).toBe('STRAßE');
    expect(foldName('grüße')).toBe(foldName('GRÜßE'));
  });
});
