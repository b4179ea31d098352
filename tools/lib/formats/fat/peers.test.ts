import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fsck, mtools, writeVolume } from '../../testing/fat/volume.ts';
import { noise } from '../../testing/noise.ts';
import { realTool } from '../../testing/real-tool.ts';
import { FileImage } from '../block/file.ts';
import { type FatType, readFat } from './fat.ts';

const MEBIBYTE = 1024 ** 2;
const CONTENT: Readonly<Record<string, Buffer>> = {
  'Deep folder/x/file.with.dots': Buffer.from('abc'),
  'UPPER.TXT': noise(100_000),
  'lower.txt': Buffer.from('l'),
  'Grüße aus Łódź.txt': noise(4097),
  empty: Buffer.alloc(0),
};

let folder = '';
let source = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fat-peers-'));
  source = join(folder, 'source');
  mkdirSync(join(source, 'Deep folder', 'x'), { recursive: true });
  for (const [name, content] of Object.entries(CONTENT)) writeFileSync(join(source, name), content);
});
afterAll(() => rmSync(folder, { recursive: true }));

function mkfs(path: string, sizeBytes: number, ...options: string[]): void {
  rmSync(path, { force: true });
  FileImage.create(path, sizeBytes).close();
  execFileSync(realTool('mkfs.vfat', 'dosfstools'), [...options, '-n', 'THEIRS', '-i', '89abcdef', path], {
    stdio: 'pipe',
  });
}

function filesOf(path: string): Record<string, string> {
  const image = FileImage.open(path);
  const reader = readFat(image, path);
  expect(reader).toMatchObject({ rootLabel: 'THEIRS', volume: { volumeId: 0x89abcdef, label: 'THEIRS' } });
  const files: Record<string, string> = {};
  for (const { entry } of reader.walk()) {
    if (entry.type === 'file')
      files[entry.path] = Buffer.concat([...reader.readFile(entry.path)]).toString('base64');
  }
  image.close();
  return files;
}

const EXPECTED = Object.fromEntries(
  Object.entries(CONTENT).map(([name, content]) => [name, content.toString('base64')]),
);

describe('the reader reads volumes of mkfs.vfat and mtools', () => {
  test.each<[string, number, FatType, string[]]>([
    ['FAT12', 4, 'fat12', ['-F', '12']],
    ['FAT12 with clusters of one sector', 2, 'fat12', ['-F', '12', '-s', '1']],
    ['FAT16', 48, 'fat16', ['-F', '16']],
    ['FAT16 with clusters of 64 KiB', 300, 'fat16', ['-F', '16', '-s', '128']],
    ['FAT32', 48, 'fat32', ['-F', '32']],
    ['FAT32 with fewer clusters than the specification allows', 20, 'fat32', ['-F', '32']],
    ['FAT32 with clusters of 2 KiB', 300, 'fat32', ['-F', '32', '-s', '4']],
    ['one table', 48, 'fat32', ['-F', '32', '-f', '1']],
    ['four tables', 48, 'fat16', ['-F', '16', '-f', '4']],
    ['many reserved sectors and root entries', 48, 'fat16', ['-F', '16', '-R', '100', '-r', '2000']],
    ['a backup boot sector elsewhere', 48, 'fat32', ['-F', '32', '-b', '12', '-R', '40']],
    ['no alignment', 48, 'fat16', ['-F', '16', '-a']],
    ['sectors of 1024 bytes', 48, 'fat16', ['-F', '16', '-S', '1024']],
    ['sectors of 2048 bytes', 48, 'fat12', ['-F', '12', '-S', '2048', '-s', '8']],
    ['sectors of 4096 bytes', 300, 'fat32', ['-F', '32', '-S', '4096']],
  ])('%s', (_title, sizeMib, type, options) => {
    const path = join(folder, 'theirs.img');
    mkfs(path, sizeMib * MEBIBYTE, ...options);
    const names = [...new Set(Object.keys(CONTENT).map((name) => join(source, name.split('/')[0] ?? '')))];
    mtools('mcopy', path, '-s', ...names, '::');
    expect(filesOf(path)).toEqual(EXPECTED);
    const image = FileImage.open(path);
    const { volume } = readFat(image);
    image.close();
    expect(volume.type).toBe(type);
    // fsck.vfat supports only one or two tables.
    if (options.includes('-f') && options.includes('4')) return;
    const verdict = fsck(path);
    expect(volume.clusterCount).toBe(verdict.clusterCount);
    expect(volume.clusterCount - volume.freeClusterCount).toBe(verdict.usedClusterCount);
  });

  test('sectors larger than the specification allows are refused', () => {
    const path = join(folder, 'large-sectors.img');
    mkfs(path, 600 * MEBIBYTE, '-F', '16', '-S', '8192');
    const image = FileImage.open(path);
    expect(() => readFat(image, 'v')).toThrow(
      /^v: not a FAT volume: the boot sector has impossible sizes of sectors/,
    );
    image.close();
  });
});

describe('the real tools accept our volumes with larger sectors', () => {
  test.each([
    ['fat12', 4, 1024],
    ['fat16', 40, 2048],
    ['fat16', 300, 4096],
    ['fat32', 300, 4096],
  ] as const)('%s of %i MiB with sectors of %i bytes', (type, sizeMib, sectorBytes) => {
    const path = join(folder, 'ours.img');
    writeVolume(path, CONTENT, {
      sizeBytes: sizeMib * MEBIBYTE,
      type,
      sectorBytes,
      label: 'THEIRS',
      volumeId: 0x89abcdef,
    });
    fsck(path);
    expect(mtools('minfo', path).toString()).toContain(`sector size: ${sectorBytes} bytes`);
    for (const [name, content] of Object.entries(CONTENT)) {
      expect(mtools('mtype', path, `::${name}`).equals(content), name).toBe(true);
    }
    expect(filesOf(path)).toEqual(EXPECTED);
    rmSync(path);
  });
});
