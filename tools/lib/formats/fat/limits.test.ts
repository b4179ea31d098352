import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { directory, file } from '../../testing/entries/entries.ts';
import { fsck, IDENTITY, mtools, writeVolume } from '../../testing/fat/volume.ts';
import { noise } from '../../testing/noise.ts';
import { FileImage } from '../block/file.ts';
import type { Entry } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';
import { type FatOptions, planGeometry, readFat, writeFat } from './fat.ts';
import { CLUSTER_LIMITS, FAT_ENTRY_BITS, SECTOR_BYTES } from './format.ts';

const MEBIBYTE = 1024 ** 2;
const NOWHERE = { write: (): void => {} };

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fat-limits-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes files of zeros to a sink that ignores them. */
function write(entries: readonly Entry[], options: Partial<FatOptions> = {}): void {
  const sizes = new Map(entries.map((entry) => [entry.path, entry.type === 'file' ? entry.sizeBytes : 0]));
  writeFat(NOWHERE, entries, (path) => zeros(sizes.get(path) ?? 0), {
    ...IDENTITY,
    sizeBytes: 16 * MEBIBYTE,
    ...options,
  });
}

const PIECE = Buffer.alloc(16 * MEBIBYTE);
function* zeros(sizeBytes: number): Generator<Uint8Array> {
  for (let rest = sizeBytes; rest > 0; rest -= PIECE.length)
    yield PIECE.subarray(0, Math.min(rest, PIECE.length));
}

describe('the limits of FAT', () => {
  test('any size has a plan in which all structures fit', () => {
    const sectors = fc.oneof(
      fc.integer({ min: 48, max: 2 ** 21 }),
      fc.integer({ min: 2 ** 20, max: 0xffffffff }),
      // These are the sizes at which the number of clusters changes the type.
      fc.integer({ min: 16_300, max: 16_500 }),
      fc.integer({ min: 262_000, max: 263_200 }),
    );
    fc.assert(
      fc.property(sectors, (totalSectors) => {
        const plan = planGeometry({ sizeBytes: totalSectors * SECTOR_BYTES });
        const { minimum, maximum } = CLUSTER_LIMITS[plan.type];
        expect(plan.clusterCount).toBeGreaterThanOrEqual(minimum);
        expect(plan.clusterCount).toBeLessThanOrEqual(maximum);
        expect(plan.dataStartSector + plan.clusterCount * plan.clusterSectors).toBeLessThanOrEqual(
          totalSectors,
        );
        expect(plan.dataStartSector % Math.max(8, plan.clusterSectors)).toBe(0);
        const tableSectors = (entries: number): number =>
          Math.ceil((entries * FAT_ENTRY_BITS[plan.type]) / 8 / 512);
        expect(plan.fatSectors).toBeGreaterThanOrEqual(tableSectors(plan.clusterCount + 2));
        expect(plan.fatSectors).toBeLessThanOrEqual(tableSectors(plan.clusterCount + 2) + 1);
      }),
      { numRuns: 2000 },
    );
  });

  test('fsck accepts every size around a change of type', () => {
    const path = join(folder, 'around.img');
    for (let totalSectors = 16_352; totalSectors <= 16_480; totalSectors += 8) {
      writeVolume(path, { x: noise(10_000) }, { sizeBytes: totalSectors * SECTOR_BYTES });
      expect(fsck(path).fileCount).toBe(2);
    }
  });

  test('a file of 4 GiB - 1 byte is accepted, one more byte is refused', () => {
    const sizeBytes = 5 * 1024 ** 3;
    expect(() => write([file('large', 2 ** 32 - 1)], { sizeBytes })).not.toThrow();
    expect(() => write([file('large', 2 ** 32)], { sizeBytes })).toThrow(
      'FAT: "large" has 4294967296 bytes: a file on FAT has at most 4294967295 (4 GiB - 1)',
    );
  });

  test('the largest volume, 2 TiB minus one sector, is written and read with bounded memory', () => {
    const path = join(folder, 'largest.img');
    const sizeBytes = 0xffffffff * 512;
    const content = noise(100_000);
    expect(writeVolume(path, { 'a/b.bin': content }, { sizeBytes })).toMatchObject({
      type: 'fat32',
      clusterBytes: 32768,
    });
    const image = FileImage.open(path);
    let largestReadBytes = 0;
    const source = {
      sizeBytes: image.sizeBytes,
      read(offsetBytes: number, lengthBytes: number): Uint8Array {
        largestReadBytes = Math.max(largestReadBytes, lengthBytes);
        return image.read(offsetBytes, lengthBytes);
      },
    };
    const reader = readFat(source);
    expect(Array.from(reader.walk(), ({ entry }) => entry.path)).toEqual(['', 'a', 'a/b.bin']);
    expect(Buffer.concat([...reader.readFile('a/b.bin')]).equals(content)).toBe(true);
    expect(largestReadBytes).toBeLessThanOrEqual(MEBIBYTE);
    image.close();
    expect(mtools('mtype', path, '::a/b.bin').equals(content)).toBe(true);
    rmSync(path);
    // The number of sectors would no longer fit into 32 bits.
    expect(() => planGeometry({ sizeBytes: 2 ** 41 })).toThrow('is too large: up to 2199023255040 bytes');
    expect(planGeometry({ sizeBytes: 2 ** 41, sectorBytes: 4096 })).toMatchObject({ type: 'fat32' });
  });

  test('the fixed root directory has 512 slots, one of them for the label', () => {
    const names = (count: number): Entry[] =>
      Array.from({ length: count }, (_, index) => file(`F${index}`, 0));
    const path = join(folder, 'root.img');
    const tree = Object.fromEntries(names(511).map((entry) => [entry.path, Buffer.alloc(0)]));
    writeVolume(path, tree, { sizeBytes: 16 * MEBIBYTE });
    expect(fsck(path).fileCount).toBe(512);
    expect(() => write(names(512))).toThrow(
      'the root directory needs 513 slots (long names take several), but FAT16 has room for 512; move files into directories, or use fat32',
    );
    expect(() => write(names(600), { sizeBytes: 64 * MEBIBYTE, type: 'fat32' })).not.toThrow();
  });

  test('a directory has at most 65,536 slots', () => {
    const names = (count: number): Entry[] =>
      Array.from({ length: count }, (_, index) => file(`d/F${index}`, 0));
    expect(() => write(names(65_534))).not.toThrow();
    expect(() => write(names(65_535))).toThrow('FAT: "d" needs 65537 slots (long names take several)');
  });

  test.each<[string, Partial<FatOptions>]>([
    ['FAT12', { sizeBytes: MEBIBYTE }],
    ['FAT16', { sizeBytes: 16 * MEBIBYTE, type: 'fat16' }],
    ['FAT32', { sizeBytes: 40 * MEBIBYTE, type: 'fat32' }],
    ['the last size before the type changes', { sizeBytes: 511 * MEBIBYTE }],
  ])('the error for a volume that is too small says how many bytes are missing: %s', (_title, options) => {
    const sizeBytes = options.sizeBytes ?? 0;
    const entries = [file('a', sizeBytes), file('b', 7), directory('d')];
    let missingBytes = 0;
    try {
      write(entries, options);
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      missingBytes = Number(
        /^FAT: the volume is (\d+) bytes too small/.exec((error as UserError).message)?.[1],
      );
    }
    expect(missingBytes).toBeGreaterThan(0);
    expect(() => write(entries, { ...options, sizeBytes: sizeBytes + missingBytes })).not.toThrow();
  });

  test.each<[string, Partial<FatOptions>]>([
    ['a type', { sizeBytes: 100 * MEBIBYTE, type: 'fat12' }],
    ['a cluster size', { sizeBytes: 30 * MEBIBYTE, type: 'fat16', clusterBytes: 512 }],
  ])('the error for a volume that is too small says that %s prevents a larger one', (_title, options) => {
    expect(() => write([file('a', 200 * MEBIBYTE)], options)).toThrow(
      /^FAT: the volume is \d+ bytes too small: .* clusters of \d+ bytes, but \d+ bytes have room for \d+, and no volume of the chosen type and cluster size is large enough; choose another type or cluster size, or fewer files$/,
    );
  });
});

describe('an entry that FAT cannot hold is refused with its path and the rule', () => {
  const metadata = { mode: 0o777, uid: 0, gid: 0, xattrs: new Map() };

  test.each<[string, Entry[], string]>([
    [
      'a symlink',
      [{ ...metadata, type: 'symlink', path: 'l', target: 'x' }],
      '"l" is a symlink: FAT holds only files and',
    ],
    ['a hard link', [{ ...metadata, type: 'hardlink', path: 'h', target: 'x' }], '"h" is a hardlink'],
    [
      'a device',
      [{ ...metadata, type: 'block-device', path: 'b', major: 8, minor: 0 }],
      '"b" is a block device',
    ],
    ['a pipe', [{ ...metadata, type: 'fifo', path: 'p' }], '"p" is a fifo'],
    [
      'names that differ only in case',
      [file('d/Readme', 0), file('d/README', 0)],
      '"d/README" and "d/Readme" differ only in case',
    ],
    [
      'directories that differ only in case',
      [directory('efi'), file('EFI/x', 0)],
      '"EFI" and "efi" differ only in case',
    ],
    ['a repeated path', [file('x', 0), directory('x')], '"x" occurs twice'],
    ['a file as a directory', [file('x', 0), file('x/y', 0)], '"x/y" is in "x", which is a file'],
    ['a reserved character', [file('d/a:b', 0)], '"d/a:b": FAT names cannot contain the character ":"'],
    [
      'a reserved character in a parent',
      [file('a?/b', 0)],
      '"a?": FAT names cannot contain the character "?"',
    ],
  ])('%s', (_title, entries, message) => {
    expect(() => write(entries)).toThrow(UserError);
    expect(() => write(entries)).toThrow(message);
  });

  test.each<[string, Partial<FatOptions>, string]>([
    [
      'a size that is not whole sectors',
      { sizeBytes: 1000 },
      'FAT: the size 1000 is not a multiple of 512 bytes',
    ],
    ['a size of 0', { sizeBytes: 0 }, 'FAT: the size 0 is not a multiple'],
    ['a size beyond 32 bits', { sizeBytes: 2 ** 41 }, 'is too large: up to 2199023255040 bytes'],
    [
      'a size that is too small for any type',
      { sizeBytes: 16 * 1024 },
      'FAT: the volume is 4608 bytes too small: it needs at least 20992',
    ],
    [
      'FAT32 that is too small',
      { sizeBytes: 16 * MEBIBYTE, type: 'fat32' },
      'FAT32: the volume is 17312256 bytes too small: it needs at least 34089472',
    ],
    ['FAT16 that is too small', { sizeBytes: MEBIBYTE, type: 'fat16' }, 'FAT16: the volume is'],
    [
      'FAT12 that is too large',
      { sizeBytes: 512 * MEBIBYTE, type: 'fat12' },
      'FAT12: a volume of 536870912 bytes does not have 1 to 4084 clusters',
    ],
    [
      'clusters that are too small',
      { type: 'fat12', clusterBytes: 512 },
      'FAT12 with clusters of 512 bytes: a volume of 16777216 bytes does not have',
    ],
    [
      'clusters that are not a power of two',
      { clusterBytes: 1536 },
      'clusters of 1536 bytes: use a power of two from 512 to 32768',
    ],
    ['clusters that are too large', { clusterBytes: 65536 }, 'clusters of 65536 bytes: use a power of two'],
    ['a label in lower case', { label: 'esp' }, 'the volume label "esp": use up to 11 upper-case letters'],
    ['a label that is too long', { label: 'TWELVE CHARS' }, 'the volume label "TWELVE CHARS"'],
    ['the label that means no label', { label: 'NO NAME' }, 'the volume label "NO NAME"'],
    [
      'a serial number that is too large',
      { volumeId: 2 ** 32 },
      'the volume ID 4294967296 is not an integer of 32 bits',
    ],
    ['a negative number of hidden sectors', { hiddenSectors: -1 }, 'the number of hidden sectors -1'],
  ])('%s', (_title, options, message) => {
    expect(() => write([], options)).toThrow(UserError);
    expect(() => write([], options)).toThrow(message);
  });

  test.each([
    [9, '"x" has 9 bytes of content, its entry says 10'],
    [11, '"x" has more content than the 10 bytes of its entry'],
  ])('content of %i bytes for an entry of 10', (contentBytes, message) => {
    const options = { ...IDENTITY, sizeBytes: MEBIBYTE };
    expect(() => writeFat(NOWHERE, [file('x', 10)], () => [Buffer.alloc(contentBytes)], options)).toThrow(
      message,
    );
  });
});
