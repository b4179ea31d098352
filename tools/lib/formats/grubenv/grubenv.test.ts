import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realTool } from '../../testing/real-tool.ts';
import { MESSAGE, SIGNATURE } from './format.ts';
import {
  encodeGrubEnvironment,
  GRUB_ENVIRONMENT_BYTES,
  parseGrubEnvironment,
  setGrubVariables,
} from './grubenv.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'grubenv-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function grubEditenv(file: string, ...args: string[]): string {
  return execFileSync(realTool('grub-editenv', 'grub-common'), [file, ...args], { encoding: 'utf8' });
}

const SLOTS = new Map([
  ['boot_alternative', 'A'],
  ['boot_cycle', 'stable'],
]);

/** The largest value of a variable `x` that fits after the signature and the message. */
const LARGEST_VALUE = 'v'.repeat(GRUB_ENVIRONMENT_BYTES - SIGNATURE.length - MESSAGE.length - 'x=\n'.length);

describe('grubenv', () => {
  test('a block has the bytes that grub-editenv writes', () => {
    const file = join(folder, 'created');
    grubEditenv(file, 'create');
    expect(Buffer.from(encodeGrubEnvironment(new Map()))).toEqual(readFileSync(file));
    grubEditenv(file, 'set', 'boot_alternative=A', 'boot_cycle=stable', 'odd=back\\slash');
    const expected = readFileSync(file);
    expect(Buffer.from(encodeGrubEnvironment(new Map([...SLOTS, ['odd', 'back\\slash']])))).toEqual(expected);
  });

  test('setting a shorter, longer or new variable gives the bytes of grub-editenv', () => {
    const file = join(folder, 'set');
    let block = encodeGrubEnvironment(SLOTS);
    writeFileSync(file, block);
    for (const [name, value] of [
      ['boot_alternative', 'BB'],
      ['boot_cycle', 's'],
      ['third', 'x y'],
      ['boot_alternative', ''],
    ] as const) {
      grubEditenv(file, 'set', `${name}=${value}`);
      block = setGrubVariables(block, new Map([[name, value]]));
      expect(Buffer.from(block)).toEqual(readFileSync(file));
    }
  });

  test('grub-editenv lists the encoded variables', () => {
    const file = join(folder, 'listed');
    writeFileSync(file, encodeGrubEnvironment(SLOTS));
    expect(grubEditenv(file, 'list')).toBe('boot_alternative=A\nboot_cycle=stable\n');
  });

  test('every value is decoded unchanged, including escapes', () => {
    const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,10}$/);
    const value = fc.string({ unit: fc.constantFrom('\\', '\n', '#', '=', ' ', 'a', 'é'), maxLength: 20 });
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(name, value), { maxLength: 8, selector: ([key]) => key }),
        (pairs) => {
          const variables = new Map(pairs);
          expect(parseGrubEnvironment(encodeGrubEnvironment(variables))).toEqual(variables);
          expect(setGrubVariables(encodeGrubEnvironment(new Map()), variables)).toEqual(
            encodeGrubEnvironment(variables),
          );
        },
      ),
    );
  });

  test('a block can be filled completely, and the error says by how many bytes it is too full', () => {
    expect(parseGrubEnvironment(encodeGrubEnvironment(new Map([['x', LARGEST_VALUE]]))).get('x')).toBe(
      LARGEST_VALUE,
    );
    const tooLarge = new Map([['x', `${LARGEST_VALUE}ab`]]);
    expect(() => encodeGrubEnvironment(tooLarge)).toThrow('2 bytes too large for the block of 1024 bytes');
    expect(() => setGrubVariables(encodeGrubEnvironment(new Map()), tooLarge)).toThrow('2 bytes too large');
  });

  test.each(['', '1st', 'a=b', '#x', 'a b', 'a\nb', 'é'])(
    'a name that GRUB cannot use is refused: %j',
    (name) => {
      expect(() => encodeGrubEnvironment(new Map([[name, 'x']]))).toThrow(
        'is not the name of a GRUB variable',
      );
      expect(() => setGrubVariables(encodeGrubEnvironment(SLOTS), new Map([[name, 'x']]))).toThrow(
        'is not the name of a GRUB variable',
      );
    },
  );

  test('a block that GRUB would refuse is refused, with the file and the reason', () => {
    const good = Buffer.from(encodeGrubEnvironment(SLOTS));
    expect(() => parseGrubEnvironment(good.subarray(1), 'boot/grubenv')).toThrow(
      'boot/grubenv: a GRUB environment block has 1024 bytes, this one has 1023',
    );
    expect(() => parseGrubEnvironment(Buffer.alloc(1024, '#'))).toThrow('does not begin with');
    const noBreak = Buffer.from(good);
    noBreak.write('#'.repeat(8), good.indexOf('stable') + 6);
    expect(() => parseGrubEnvironment(noBreak)).toThrow('no line break before the padding');
    const noEquals = Buffer.from(good);
    noEquals.write('boot_cycle:stable', good.indexOf('boot_cycle'));
    expect(() => parseGrubEnvironment(noEquals)).toThrow('"boot_cycle:stable" is not name=value');
  });
});
