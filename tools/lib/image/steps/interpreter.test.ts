import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runnerRoot } from '../../testing/steps/sample-layers.ts';
import { withInterpreter } from './interpreter.ts';
import { chooseMemoryFolder } from './memory-folder.ts';

const DEBIAN_LOADER = '/lib64/ld-linux-x86-64.so.2';

test('the copy differs from the program only in the path of its interpreter', () => {
  const program = readFileSync(join(runnerRoot(), 'usr/bin/linux.uml'));
  const copy = withInterpreter(program, 'ld.so', 'linux.uml');
  const start = program.indexOf(`${DEBIAN_LOADER}\0`);
  expect(copy.toString('latin1', start, start + DEBIAN_LOADER.length)).toBe('ld.so'.padEnd(27, '\0'));
  copy.write(DEBIAN_LOADER, start);
  expect(copy.equals(program)).toBe(true);
});

test('a path that does not fit is refused, and so is a program without an interpreter', () => {
  const program = readFileSync(join(runnerRoot(), 'usr/bin/linux.uml'));
  expect(() => withInterpreter(program, `/${'x'.repeat(27)}`, 'linux.uml')).toThrow(
    'linux.uml: the interpreter',
  );
  const busybox = readFileSync(join(runnerRoot(), 'usr/bin/busybox'));
  expect(() => withInterpreter(busybox, 'ld.so', 'busybox')).toThrow(
    'busybox: it is not a dynamically linked program',
  );
});

test('memory that does not fit into /dev/shm is kept beside the output', () => {
  expect(chooseMemoryFolder(2 ** 53, '/beside/the/output')).toBe('/beside/the/output');
});
