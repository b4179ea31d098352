import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FileImage } from '../lib/formats/block/file.ts';
import { readFat } from '../lib/formats/fat/fat.ts';
import { realTool } from '../lib/testing/real-tool.ts';

const TOOL = join(import.meta.dirname, 'main.ts');

let folder = '';
let source = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vfat-image-'));
  source = join(folder, 'source');
  mkdirSync(join(source, 'EFI', 'boot'), { recursive: true });
  for (let index = 0; index < 40; index += 1) {
    writeFileSync(join(source, 'EFI', 'boot', `file number ${index}`), Buffer.alloc(index * 997, `${index}`));
  }
  writeFileSync(join(source, 'zeros'), Buffer.alloc(200_000));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Packs files of the source in the given order. */
function layer(name: string, ...order: string[]): string {
  const path = join(folder, name);
  execFileSync(realTool('tar', 'tar'), ['-C', source, '-cf', path, ...order]);
  return path;
}

function vfatImage(...args: string[]): void {
  execFileSync(process.execPath, [TOOL, '--size=8M', '--identity=test', '--label=ESP', ...args]);
}

test('a raw image is valid, holds the files, and does not depend on their order in the layer', () => {
  const [first, second] = ['first.img', 'second.img'].map((name) => join(folder, name)) as [string, string];
  vfatImage(`--layer=${layer('first.tar', 'EFI', 'zeros')}`, `--raw=${first}`);
  const list = join(folder, 'entries');
  vfatImage(`--layer=${layer('second.tar', 'zeros', 'EFI')}`, `--raw=${second}`, `--entries=${list}`);
  expect(readFileSync(first).equals(readFileSync(second))).toBe(true);
  execFileSync(realTool('fsck.vfat', 'dosfstools'), ['-n', first]);
  const image = FileImage.open(first);
  const reader = readFat(image);
  const paths = Array.from(reader.walk(), ({ entry }) => entry.path);
  expect(paths).toHaveLength(44);
  for (const path of paths.filter((name) => name === 'zeros' || name.startsWith('EFI/boot/'))) {
    const expected = readFileSync(join(source, path));
    expect(Buffer.concat([...reader.readFile(path)]).equals(expected), path).toBe(true);
  }
  image.close();
  expect(readFileSync(list, 'utf8')).toContain('EFI/boot/file number 39');
});

test('an unknown type is refused with one line, even if every object has a property of its name', () => {
  const args = ['--size=4M', '--identity=test', '--type=constructor', `--raw=${join(folder, 'typed.img')}`];
  const { status, stderr } = spawnSync(process.execPath, [TOOL, ...args], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([1, 'main.ts: --type=constructor: use one of fat12, fat16, fat32\n']);
});

test('a tree that does not fit is refused with one line, and no output is left', () => {
  const raw = join(folder, 'refused.img');
  const args = ['--size=100K', '--identity=test', `--layer=${layer('large.tar', 'zeros')}`, `--raw=${raw}`];
  const { status, stderr } = spawnSync(process.execPath, [TOOL, ...args], { encoding: 'utf8' });
  expect([status, stderr.trimEnd().split('\n').length]).toEqual([1, 1]);
  expect(stderr).toMatch(/^main.ts: FAT: the volume is \d+ bytes too small/);
  expect(existsSync(raw)).toBe(false);
});
