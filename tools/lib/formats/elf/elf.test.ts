import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SampleElf, sampleElf } from '../../testing/elf/sample-elf.ts';
import { realTool } from '../../testing/real-tool.ts';
import { UserError } from '../error/user-error.ts';
import { type ElfFile, isElf, readElf } from './elf.ts';
import { E_IDENT } from './format.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'elf-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Reads the same values with GNU readelf. */
function readelf(path: string): Partial<ElfFile> {
  const text = execFileSync(realTool('readelf', 'binutils'), ['-W', '-l', '-d', path], {
    encoding: 'utf8',
    env: { LC_ALL: 'C' },
  });
  const all = (pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1] ?? '');
  return {
    interpreter: all(/Requesting program interpreter: (.*)\]/g)[0],
    soname: all(/\(SONAME\).*\[(.*)\]/g)[0],
    needed: all(/\(NEEDED\).*\[(.*)\]/g),
    runpath: all(/\(RUNPATH\).*\[(.*)\]/g).flatMap((list) => list.split(':')),
    rpath: all(/\(RPATH\).*\[(.*)\]/g).flatMap((list) => list.split(':')),
  };
}

const DYNAMIC = realpathSync('/bin/sh');
const LIBRARY = realpathSync('/lib64/ld-linux-x86-64.so.2');

describe('readElf', () => {
  test.each([DYNAMIC, LIBRARY, process.execPath])('agrees with readelf about %s', (path) => {
    expect(readElf(readFileSync(path), path)).toMatchObject(readelf(path));
  });

  test.each<[string, SampleElf]>([
    ['several run paths', { runpath: '$ORIGIN/x:/opt/lib', soname: 'liba.so.1', needed: ['libc.so.6'] }],
    ['the older DT_RPATH', { rpath: '/opt/lib', needed: ['libb.so', 'liba.so'] }],
    ['an interpreter', { interpreter: '/lib64/ld-linux-x86-64.so.2', needed: ['libc.so.6'] }],
    ['no dynamic entries', {}],
  ])('agrees with readelf about %s', (name, sample) => {
    const path = join(folder, name.replaceAll(' ', '-'));
    writeFileSync(path, sampleElf(sample));
    const expected = {
      interpreter: sample.interpreter,
      soname: sample.soname,
      needed: sample.needed ?? [],
      runpath: sample.runpath?.split(':') ?? [],
      rpath: sample.rpath?.split(':') ?? [],
    };
    expect(readelf(path)).toEqual(expected);
    expect(readElf(readFileSync(path), path)).toEqual({ machine: 62, ...expected });
  });

  test('a script is not an ELF file', () => {
    expect(isElf(Buffer.from('#!/bin/sh\n'))).toBe(false);
    expect(() => readElf(Buffer.from('#!/bin/sh\n'), 'bin/x')).toThrow('bin/x: not an ELF file');
  });

  test('a 32-bit file is refused', () => {
    const bytes = Buffer.from(readFileSync(DYNAMIC).subarray(0, 64));
    bytes[E_IDENT.at.EI_CLASS.offsetBytes] = 1;
    expect(() => readElf(bytes, 'bin/x')).toThrow('not a 64-bit');
  });

  test('a damaged file gives a UserError, never another exception', () => {
    const whole = readFileSync(DYNAMIC);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(63), fc.nat(255), (length, offset, byte) => {
        const bytes = Buffer.from(whole.subarray(0, Math.max(length, 8)));
        if (offset > 5 && offset < bytes.length) bytes[offset] = byte;
        try {
          readElf(bytes, 'x');
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
    );
  });
});
