import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { directory, file } from '../../testing/entries/entries.ts';
import { IDENTITY, writeVolume } from '../../testing/fat/volume.ts';
import { noise } from '../../testing/noise.ts';
import { type BlockSource, MemoryImage } from '../block/block.ts';
import { FileImage } from '../block/file.ts';
import { UserError } from '../error/user-error.ts';
import { type FatType, planGeometry, readFat, writeFat } from './fat.ts';
import {
  BACKUP_BOOT_SECTOR,
  BOOT_SECTOR_16,
  INFO,
  INFO_SECTOR,
  SECTOR_BYTES,
  SLOT,
  SLOT_BYTES,
} from './format.ts';

const MEBIBYTE = 1024 ** 2;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fat-damage-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

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
    writeFat(image, entries, () => [Buffer.alloc(4096)], { ...IDENTITY, sizeBytes: image.sizeBytes });
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
      'esp.img: not a FAT volume: sector 0 does not end in 55 AA',
    ],
    [
      'an unsupported sector size',
      () => [[boot.BPB_BytsPerSec.offsetBytes, 513]],
      'esp.img: not a FAT volume: the boot sector has impossible',
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
    ['a chain that is too short', entry(3, 0xffff), '"D/ONE": it has 4096 bytes in a chain of 1 clusters'],
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
      'a directory that has no clusters',
      ({ dataStart }) => [
        [dataStart + slotTwo + DIR_Attr.offsetBytes, 0x10],
        [dataStart + slotTwo + DIR_FstClusLO.offsetBytes, 0],
      ],
      '"D/TWO": the directory has no clusters',
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
    writeFat(whole, entries, (path) => [Buffer.alloc(path === 'E/F/G' ? 100 : 5000)], {
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
