import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { directory, file } from '../../testing/entries/entries.ts';
import { fsck, IDENTITY, mtools, writeVolume } from '../../testing/fat/volume.ts';
import { noise } from '../../testing/noise.ts';
import { type BlockSource, MemoryImage } from '../block/block.ts';
import { FileImage } from '../block/file.ts';
import type { Entry } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';
import { type FatOptions, type FatType, planGeometry, readFat, writeFat } from './fat.ts';
import {
  BACKUP_BOOT_SECTOR,
  BOOT_SECTOR_16,
  CLUSTER_LIMITS,
  FAT_ENTRY_BITS,
  INFO,
  INFO_SECTOR,
  SECTOR_BYTES,
  SLOT,
  SLOT_BYTES,
} from './format.ts';

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
      'the root directory needs 513 slots (long names take several), and FAT16 has 512: move files into directories, or use fat32',
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
      /^FAT: the volume is \d+ bytes too small: .*do not support a larger one: choose others, or put less into it$/,
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
      'FAT12: 536870912 bytes do not make between 1 and 4084 clusters',
    ],
    [
      'clusters that are too small',
      { type: 'fat12', clusterBytes: 512 },
      'FAT12 with clusters of 512 bytes: 16777216 bytes do not make',
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

/** Reads all files of a volume. */
function readAll(image: BlockSource): void {
  const reader = readFat(image, 'esp.img');
  for (const { entry } of reader.walk()) if (entry.type === 'file') [...reader.readFile(entry.path)];
}

describe('the reader refuses a damaged volume', () => {
  /**
   * Writes a FAT16 volume with `D/ONE` and `D/TWO`, each of two clusters of 2 KiB, and changes
   * bytes of it.
   */
  function damaged(
    changes: (geometry: {
      tableStart: number;
      table2Start: number;
      rootStart: number;
      dataStart: number;
    }) => readonly (readonly [number, number])[],
  ): MemoryImage {
    const image = new MemoryImage(16 * MEBIBYTE);
    const entries = [directory('D'), file('D/ONE', 4096), file('D/TWO', 4096)];
    writeFat(image, entries, () => zeros(4096), { ...IDENTITY, sizeBytes: image.sizeBytes });
    const plan = planGeometry({ sizeBytes: image.sizeBytes });
    const tableStart = plan.reservedSectors * 512;
    for (const [offset, value] of changes({
      tableStart,
      table2Start: tableStart + plan.fatSectors * 512,
      rootStart: plan.rootStartSector * 512,
      dataStart: plan.dataStartSector * 512,
    })) {
      image.write(offset, Uint8Array.of(value & 0xff, value >> 8));
    }
    return image;
  }

  /** Changes the entry of `cluster` in both copies of the table. */
  function entry(cluster: number, value: number) {
    return (at: { tableStart: number; table2Start: number }) =>
      [
        [at.tableStart + cluster * 2, value],
        [at.table2Start + cluster * 2, value],
      ] as const;
  }

  // Cluster 2 is the directory, 3 and 4 are ONE, 5 and 6 are TWO. The slots of D are ., .., ONE,
  // TWO.
  const boot = BOOT_SECTOR_16.at;
  const { DIR_Attr, DIR_FstClusLO } = SLOT.at;
  const slotTwo = 3 * SLOT_BYTES;
  test.each<[string, Parameters<typeof damaged>[0], string]>([
    [
      'no signature',
      () => [[boot.signature.offsetBytes, 0]],
      'esp.img: no FAT volume: sector 0 does not end in 55 AA',
    ],
    [
      'an unsupported sector size',
      () => [[boot.BPB_BytsPerSec.offsetBytes, 513]],
      'esp.img: no FAT volume: the boot sector has impossible',
    ],
    [
      'more sectors than the image has',
      () => [[boot.BPB_TotSec16.offsetBytes, 0xffff]],
      'esp.img: a FAT volume of 65535 sectors does not fit into',
    ],
    [
      'no FAT sectors',
      () => [[boot.BPB_FATSz16.offsetBytes, 1]],
      'esp.img: the table of 512 bytes is too small',
    ],
    [
      'tables that differ',
      ({ tableStart }) => [[tableStart + 200, 1]],
      'esp.img: the copies of the file allocation table differ',
    ],
    ['a chain that is a cycle', entry(4, 3), 'esp.img: "D/ONE": cluster 3 occurs twice in its chain'],
    [
      'a chain that leaves the volume',
      entry(3, 0xfff0),
      'esp.img: "D/ONE": its chain of clusters leaves the volume',
    ],
    [
      'a chain that leads to a free cluster',
      entry(4, 100),
      '"D/ONE": its chain of clusters leads to a free cluster after 100',
    ],
    ['a chain that is too short', entry(3, 0xffff), '"D/ONE": 4096 bytes in a chain of 1 clusters'],
    [
      'two files with the same chain',
      ({ dataStart }) => [[dataStart + slotTwo + DIR_FstClusLO.offsetBytes, 3]],
      '"D/TWO": cluster 3 occurs twice in its chain, or also in another file',
    ],
    [
      'a directory in itself',
      ({ dataStart }) => [
        [dataStart + slotTwo + DIR_Attr.offsetBytes, 0x10],
        [dataStart + slotTwo + DIR_FstClusLO.offsetBytes, 2],
      ],
      '"D/TWO": cluster 2 occurs twice in its chain, or also in another file',
    ],
    [
      'a directory without clusters',
      ({ dataStart }) => [
        [dataStart + slotTwo + DIR_Attr.offsetBytes, 0x10],
        [dataStart + slotTwo + DIR_FstClusLO.offsetBytes, 0],
      ],
      '"D/TWO": a directory without clusters',
    ],
    [
      'a slash in a name',
      ({ dataStart }) => [[dataStart + 2 * SLOT_BYTES, 0x2f2e]],
      'FAT names cannot contain the character "/"',
    ],
  ])('%s', (_title, changes, message) => {
    const image = damaged(changes);
    expect(() => readAll(image)).toThrow(UserError);
    expect(() => readAll(image)).toThrow(message);
  });

  test('the undamaged volume is read, and has the clusters that the table above assumes', () => {
    const image = damaged(() => []);
    expect(
      Array.from(readFat(image).walk(), ({ entry, firstCluster }) => [entry.path, firstCluster]),
    ).toEqual([
      ['', 0],
      ['D', 2],
      ['D/ONE', 3],
      ['D/TWO', 5],
    ]);
  });

  test('a FAT32 volume with a damaged information sector or backup is refused', () => {
    const path = join(folder, 'fat32.img');
    writeVolume(path, { x: noise(10) }, { sizeBytes: 40 * MEBIBYTE, type: 'fat32' });
    const bytes = readFileSync(path);
    for (const [offset, message] of [
      [INFO_SECTOR * SECTOR_BYTES + INFO.at.FSI_Free_Count.offsetBytes, 'the information sector says'],
      [INFO_SECTOR * SECTOR_BYTES, 'the information sector of FAT32 has no signature'],
      [
        BACKUP_BOOT_SECTOR * SECTOR_BYTES + boot.BS_OEMName.offsetBytes,
        'the boot sector and its backup differ',
      ],
    ] as const) {
      const image = new MemoryImage(bytes.length);
      image.write(0, bytes);
      image.write(offset, Uint8Array.of((bytes[offset] ?? 0) ^ 1));
      expect(() => readFat(image)).toThrow(message);
    }
    const source = FileImage.open(path);
    expect(() => [...readFat(source, 'v').readFile('nothing')]).toThrow(
      'v: "nothing" is not a file of the volume',
    );
    source.close();
  });

  test('any damage is read or refused with a UserError', () => {
    const whole = new MemoryImage(MEBIBYTE);
    const entries = [file('D/a long name.txt', 5000), file('E/F/G', 100)];
    writeFat(whole, entries, (path) => zeros(path === 'E/F/G' ? 100 : 5000), {
      ...IDENTITY,
      sizeBytes: MEBIBYTE,
    });
    const bytes = whole.read(0, MEBIBYTE);
    const usedBytes = 40 * 1024;
    const change = fc.tuple(fc.integer({ min: 0, max: usedBytes }), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 20 }), (changes) => {
        const image = new MemoryImage(MEBIBYTE);
        image.write(0, bytes);
        for (const [offset, value] of changes) image.write(offset, Uint8Array.of(value));
        try {
          readAll(image);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 4000 },
    );
  });

  test.each<[FatType, number]>([
    ['fat16', 9],
    ['fat32', 34],
  ])('any damage to %s is read or refused with a UserError, without a read past the end', (type, sizeMib) => {
    const sizeBytes = sizeMib * MEBIBYTE;
    const whole = new MemoryImage(sizeBytes);
    const entries = [file('D/a long name.txt', 5000), file('E/F/G', 100), file('large', 300_000)];
    const sizes = new Map(entries.map((entry) => [entry.path, entry.type === 'file' ? entry.sizeBytes : 0]));
    writeFat(whole, entries, (path) => [noise(sizes.get(path) ?? 0)], { ...IDENTITY, sizeBytes, type });
    const plan = planGeometry({ sizeBytes, type });
    const tables = [0, 1].map((copy) => (plan.reservedSectors + copy * plan.fatSectors) * SECTOR_BYTES);
    const within = (start: number, length: number) => fc.integer({ min: start, max: start + length - 1 });
    const place = fc.oneof(
      within(0, 1024),
      ...tables.map((start) => within(start, 64)),
      within(plan.rootStartSector * SECTOR_BYTES, 128),
      within(plan.dataStartSector * SECTOR_BYTES, 4096),
    );
    const change = fc.tuple(place, fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), fc.boolean(), (changes, isMirrored) => {
        const patches = new Map(changes);
        // The reader compares the copies of the table, so a mirrored change is made in both.
        const [first = 0, second = 0] = tables;
        for (const [offset, value] of changes) {
          if (isMirrored && offset >= first && offset < second) patches.set(offset - first + second, value);
        }
        const source = {
          sizeBytes,
          read(offsetBytes: number, lengthBytes: number): Uint8Array {
            const bytes = whole.read(offsetBytes, lengthBytes);
            for (const [offset, value] of patches) {
              if (offset >= offsetBytes && offset < offsetBytes + lengthBytes)
                bytes[offset - offsetBytes] = value;
            }
            return bytes;
          },
        };
        try {
          readAll(source);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 1500 },
    );
  });
});
