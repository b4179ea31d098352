/** Makes a small folder, which the real tools archive. */
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { realTool } from '../../../tools/lib/testing/real-tool.ts';

/**
 * Makes `FOLDER/tree`: files of many sizes, directories that fill several blocks, all types of
 * links.
 *
 * @returns its path
 */
export function makeSampleFolder(folder: string): string {
  const tree = join(folder, 'tree');
  mkdirSync(join(tree, 'etc', 'deep', 'er', 'still'), { recursive: true });
  mkdirSync(join(tree, 'many'));
  writeFileSync(join(tree, 'etc', 'empty'), '');
  writeFileSync(join(tree, 'etc', 'short'), 'short\n');
  writeFileSync(
    join(tree, 'etc', 'a rather long name, so that it needs more than one slot of a directory'),
    'x'.repeat(600),
  );
  const big = Buffer.alloc(40_000);
  for (let index = 0; index < big.length; index += 7) big[index] = index & 0xff;
  big.fill(0, 8192, 20_480);
  writeFileSync(join(tree, 'big'), big);
  writeFileSync(join(tree, 'etc', 'deep', 'er', 'still', 'file'), Buffer.alloc(5000, 0x61));
  for (let index = 0; index < 60; index++)
    writeFileSync(join(tree, 'many', `name-${index}-${'n'.repeat(index)}`), String(index));
  linkSync(join(tree, 'big'), join(tree, 'etc', 'hard'));
  symlinkSync('../big', join(tree, 'etc', 'soft'));
  symlinkSync(`/${'far/'.repeat(30)}away`, join(tree, 'etc', 'long-soft'));
  return tree;
}

/** Runs a real tool, and ignores its output. */
export function run(command: string, debianPackage: string, args: readonly string[]): void {
  execFileSync(realTool(command, debianPackage), args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
