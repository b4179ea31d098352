import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  DISK,
  DISK_UUID,
  diskFile,
  diskInMemory,
  EFI_SYSTEM,
  LINUX_DATA,
  sfdisk,
  sgdisk,
  writeDisk,
} from '../../testing/gpt/disk.ts';
import { realTool } from '../../testing/real-tool.ts';
import { FileImage } from '../block/file.ts';
import {
  ANDROID_ATTRIBUTE,
  ATTRIBUTE,
  androidSlot,
  chromeOsSlot,
  DISCOVERABLE_ATTRIBUTE,
  encodeGpt,
  type GptDisk,
  type GptPartition,
  inspectGpt,
  readAndroidSlot,
  readChromeOsSlot,
  readGpt,
} from './gpt.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gpt-peers-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function problemsOf(path: string): string[] {
  const image = FileImage.open(path);
  const { problems } = inspectGpt(image);
  image.close();
  return problems.map(({ message }) => message);
}

function read(path: string): ReturnType<typeof readGpt> {
  const image = FileImage.open(path);
  try {
    return readGpt(image, path);
  } finally {
    image.close();
  }
}

interface SfdiskTable {
  readonly partitiontable: {
    readonly id: string;
    readonly firstlba: number;
    readonly lastlba: number;
    readonly 'table-length'?: string | number;
    readonly partitions: readonly Readonly<Record<string, string | number>>[];
  };
}

describe('attributes', () => {
  test.each<[string, bigint, string | undefined]>([
    [
      'generic attributes',
      ATTRIBUTE.required | ATTRIBUTE.noBlockIo | ATTRIBUTE.legacyBiosBootable,
      'RequiredPartition NoBlockIOProtocol LegacyBIOSBootable',
    ],
    [
      'attributes that systemd supports',
      DISCOVERABLE_ATTRIBUTE.growFileSystem |
        DISCOVERABLE_ATTRIBUTE.readOnly |
        DISCOVERABLE_ATTRIBUTE.noAutomount,
      'GUID:59,60,63',
    ],
    ['a slot of ChromeOS', chromeOsSlot({ priority: 10, tries: 5, successful: true }), 'GUID:49,51,52,54,56'],
    [
      'a slot of Android',
      androidSlot({ priority: 3, tries: 7, successful: true }) |
        ANDROID_ATTRIBUTE.active |
        ANDROID_ATTRIBUTE.unbootable,
      'GUID:48,49,50,51,52,53,54,55',
    ],
    ['no attributes', 0n, undefined],
    ['all attributes', 2n ** 64n - 1n, undefined],
  ])('sgdisk, sfdisk and the reader show %s', (_title, attributes, shown) => {
    const partitions = DISK.partitions.map((partition) => ({ ...partition, attributes }));
    const path = diskFile(join(folder, 'attributes.img'), { ...DISK, partitions });
    const hexadecimal = attributes.toString(16).padStart(16, '0').toUpperCase();
    expect(sgdisk('-i', '2', path)).toContain(`Attribute flags: ${hexadecimal}`);
    const table = JSON.parse(sfdisk('--json', path)) as SfdiskTable;
    if (shown !== undefined) expect(table.partitiontable.partitions[1]?.['attrs']).toBe(shown);
    expect(read(path).partitions.map((partition) => partition.attributes)).toEqual([attributes, attributes]);
  });

  test('slots are decoded independently of other bits, and values that do not fit are refused', () => {
    const slot = (priority: number, tries: number) =>
      fc.record({
        priority: fc.integer({ min: 0, max: priority }),
        tries: fc.integer({ min: 0, max: tries }),
        successful: fc.boolean(),
      });
    fc.assert(
      fc.property(slot(15, 15), slot(3, 7), (chromeOs, android) => {
        expect(readChromeOsSlot(chromeOsSlot(chromeOs) | ATTRIBUTE.required)).toEqual(chromeOs);
        expect(readAndroidSlot(androidSlot(android) | ANDROID_ATTRIBUTE.active)).toEqual(android);
      }),
    );
    expect(() => chromeOsSlot({ priority: 16, tries: 0, successful: false })).toThrow(
      "a slot's priority 16: use 0 to 15",
    );
    expect(() => androidSlot({ priority: 0, tries: 8, successful: false })).toThrow(
      "a slot's number of tries 8: use 0 to 7",
    );
  });
});

describe('the reader reads tables of', () => {
  test('sgdisk, with attributes, names, another number of entries, and moved entries', () => {
    const path = join(folder, 'theirs.img');
    FileImage.create(path, 16 * 2 ** 20).close();
    sgdisk('-U', DISK_UUID, '-S', '256', '-j', '64', path);
    sgdisk('-n', '3:2048:4095', '-c', '3:Größe', '-t', '3:8300', '-A', '3:set:2', '-A', '3:set:63', path);
    sgdisk('-n', '200:8192:9000', '-a', '1', '-t', '200:ef00', path);
    expect(sgdisk('-v', path)).toContain('No problems found');
    expect(read(path)).toMatchObject({
      diskUuid: DISK_UUID,
      entryCount: 256,
      partitions: [
        {
          number: 3,
          name: 'Größe',
          startSector: 2048,
          sizeSectors: 2048,
          typeUuid: LINUX_DATA,
          attributes: 2n ** 63n + 4n,
        },
        { number: 200, typeUuid: EFI_SYSTEM, startSector: 8192 },
      ],
    });
  });

  test('sfdisk, with UUIDs, attributes and table length from a script', () => {
    const path = join(folder, 'sfdisk.img');
    FileImage.create(path, 16 * 2 ** 20).close();
    const uuid = '6788e4cf-f456-104e-9a34-a2c58cfb0ee6';
    execFileSync(realTool('sfdisk', 'fdisk'), [path], {
      input: `label: gpt\nlabel-id: ${DISK_UUID}\ntable-length: 4\nstart=2048, size=2048, type=${EFI_SYSTEM}, uuid=${uuid}, name=esp, attrs="RequiredPartition GUID:48,56"\nstart=8192, size=100, type=${LINUX_DATA}\n`,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    expect(read(path)).toMatchObject({
      diskUuid: DISK_UUID,
      entryCount: 4,
      partitions: [
        { number: 1, name: 'esp', uuid, sizeSectors: 2048, attributes: 1n | (1n << 48n) | (1n << 56n) },
        { number: 2, startSector: 8192, sizeSectors: 100 },
      ],
    });
  });
});

describe('the real tools accept our tables', () => {
  test('in every field that sfdisk shows', () => {
    const path = diskFile(join(folder, 'json.img'), DISK);
    expect(() => sfdisk('--verify', path)).not.toThrow();
    const { partitiontable } = JSON.parse(sfdisk('--json', path)) as SfdiskTable;
    expect(partitiontable).toMatchObject({
      id: DISK_UUID.toUpperCase(),
      firstlba: 34,
      lastlba: 8158,
      sectorsize: 512,
    });
    expect(partitiontable.partitions).toEqual(
      DISK.partitions.map(({ name, startSector, sizeSectors, typeUuid, uuid }, index) => ({
        node: `${path}${index + 1}`,
        start: startSector,
        size: sizeSectors,
        type: typeUuid.toUpperCase(),
        uuid: uuid.toUpperCase(),
        name,
        ...(index === 0 ? { attrs: 'RequiredPartition' } : {}),
      })),
    );
  });

  test('with 256 entries and with 1000', () => {
    for (const entryCount of [256, 1000]) {
      const path = diskFile(join(folder, 'entries.img'), { ...DISK, entryCount });
      expect(sgdisk('-v', path)).toContain('No problems found');
      expect(() => sfdisk('--verify', path)).not.toThrow();
      expect(read(path)).toMatchObject({ entryCount, partitions: [{ number: 1 }, { number: 2 }] });
    }
  });

  test('with sectors of 4096 bytes', () => {
    const disk = { ...DISK, sectorBytes: 4096 };
    const path = diskFile(join(folder, 'sectors.img'), disk);
    // sgdisk assumes sectors of 512 bytes for every file.
    expect(() => sfdisk('--sector-size', '4096', '--verify', path)).not.toThrow();
    const { partitiontable } = JSON.parse(sfdisk('--sector-size', '4096', '--json', path)) as SfdiskTable;
    expect(partitiontable).toMatchObject({ firstlba: 6, lastlba: 8186, sectorsize: 4096 });
    expect(partitiontable.partitions[1]).toMatchObject({ start: 4096, size: 2048, name: 'Größe_A' });
    expect(read(path)).toMatchObject({ ...disk, partitions: [{ name: 'esp' }, { name: 'Größe_A' }] });
  });

  test('with any partitions', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'Z', '_', ' ', 'é', '字'), maxLength: 36 });
    const path = join(folder, 'any.img');
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            name,
            gap: fc.nat(50),
            size: fc.integer({ min: 1, max: 100 }),
            attributes: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
          }),
          { maxLength: 20 },
        ),
        fc.constantFrom(512, 4096),
        fc.integer({ min: 128, max: 300 }),
        (sizes, sectorBytes, entryCount) => {
          let startSector = 100;
          const partitions: GptPartition[] = sizes.map(({ name: text, gap, size, attributes }, index) => {
            startSector += gap;
            const partition = {
              name: text,
              startSector,
              sizeSectors: size,
              attributes,
              typeUuid: LINUX_DATA,
              uuid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
            };
            startSector += size;
            return partition;
          });
          const disk: GptDisk = {
            diskSectors: startSector + 100,
            diskUuid: DISK_UUID,
            partitions,
            sectorBytes,
            entryCount,
          };
          diskFile(path, disk);
          const parsed = read(path);
          expect(parsed).toEqual({
            ...disk,
            partitions: partitions.map((partition, index) => ({ ...partition, number: index + 1 })),
          });
          if (sectorBytes === 512) expect(sgdisk('-v', path)).toContain('No problems found');
          rmSync(path);
        },
      ),
      { numRuns: 15 },
    );
  });
});

describe('the faults that sgdisk finds in a table are reported', () => {
  test('a disk that was enlarged, which sgdisk -e repairs', () => {
    const path = diskFile(join(folder, 'longer.img'), DISK);
    truncateSync(path, 10_000 * 512);
    expect(problemsOf(path)).toEqual([
      'primary GPT at sector 1: the sector of the other copy is 8191, expected 9999: the disk was enlarged by 1808 sectors (sgdisk -e moves the backup to its end)',
    ]);
    expect(sgdisk('-v', path)).toMatch(
      /self-pointer indicates that it doesn't reside\s+at the end of the disk/,
    );
    expect(inspectGpt(FileImage.open(path))).toMatchObject({
      goodCopies: ['primary', 'backup'],
      table: { partitions: [{}, {}] },
    });
    sgdisk('-e', path);
    expect(problemsOf(path)).toEqual([]);
  });

  test('a disk that was cut', () => {
    const path = diskFile(join(folder, 'shorter.img'), DISK);
    truncateSync(path, 5000 * 512);
    expect(problemsOf(path)).toEqual([
      'primary GPT at sector 1: the sector of the other copy is 8191, expected 4999: the disk was cut by 3192 sectors',
      'the last usable sector is 8158, and the disk ends at 4999',
    ]);
    expect(() => read(path)).toThrow(
      /^.*shorter.img: primary GPT .*\(and 1 more\); the primary copy is good$/,
    );
  });

  test('a hybrid MBR', () => {
    const path = diskFile(join(folder, 'hybrid.img'), DISK);
    sgdisk('-h', '2', path);
    expect(problemsOf(path)).toEqual([
      expect.stringMatching(
        /^the MBR is a hybrid MBR: besides the protective partition it has \d \(type 0x83, 2048 sectors from 4096\)$/,
      ),
    ]);
  });

  test.each<[string, number, string, string, 'primary' | 'backup']>([
    ['the primary header', 512 + 60, 'primary GPT at sector 1: header CRC32', 'primary', 'backup'],
    ['the primary entries', 1024 + 40, 'primary GPT at sector 1: entries CRC32', 'primary', 'backup'],
    ['the backup header', 8191 * 512 + 60, 'backup GPT at sector 8191: header CRC32', 'backup', 'primary'],
    ['the backup entries', 8159 * 512 + 40, 'backup GPT at sector 8191: entries CRC32', 'backup', 'primary'],
  ])('damage to %s is reported, and the other copy is read', (_title, offsetBytes, message, part, good) => {
    const image = diskInMemory();
    const byte = image.read(offsetBytes, 1)[0] ?? 0;
    image.write(offsetBytes, Uint8Array.of(byte ^ 1));
    const inspection = inspectGpt(image);
    expect(inspection.problems).toEqual([{ part, message: expect.stringContaining(message) }]);
    expect(inspection).toMatchObject({
      goodCopies: [good],
      table: { partitions: [{ name: 'esp' }, { name: 'Größe_A' }] },
    });
    expect(() => readGpt(image)).toThrow(`; the ${good} copy is good`);
    const path = join(folder, 'damaged.img');
    const file = FileImage.create(path, image.sizeBytes);
    file.write(0, image.read(0, image.sizeBytes));
    file.close();
    const { stdout, stderr } = spawnSync(realTool('sgdisk', 'gdisk'), ['-v', path], { encoding: 'utf8' });
    expect(stdout + stderr).toMatch(/invalid|CRC|damage|corrupt/i);
  });

  test('several faults, each in its own line, and an empty disk', () => {
    const image = diskInMemory();
    image.write(450, Uint8Array.of(0x0c));
    image.write(512, new Uint8Array(8));
    image.write(8191 * 512 + 20, Uint8Array.of(1));
    expect(inspectGpt(image)).toMatchObject({
      goodCopies: [],
      table: undefined,
      problems: [{ part: 'mbr' }, { part: 'primary' }, { part: 'backup' }],
    });
    expect(inspectGpt(diskInMemory({ ...DISK, partitions: [] })).problems).toEqual([]);
    const empty = FileImage.create(join(folder, 'empty.img'), 2 ** 20);
    expect(() => readGpt(empty, 'empty')).toThrow(
      'empty: no partition table: sector 0 does not end in 55 AA (and 2 more)',
    );
    empty.close();
  });

  test('no damage makes the inspection throw or read past the disk', () => {
    const partitions = DISK.partitions.map((partition, index) => ({
      ...partition,
      startSector: 64 + index * 64,
      sizeSectors: 50,
    }));
    const whole = diskInMemory({ ...DISK, diskSectors: 300, partitions });
    const bytes = Buffer.from(whole.read(0, whole.sizeBytes));
    const table = fc.oneof(
      fc.integer({ min: 440, max: 1500 }),
      fc.integer({ min: bytes.length - 1024, max: bytes.length - 1 }),
    );
    const change = fc.tuple(table, fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), fc.nat(40), (changes, cutSectors) => {
        const copy = Buffer.from(bytes.subarray(0, bytes.length - cutSectors * 512));
        for (const [offset, value] of changes) if (offset < copy.length) copy[offset] = value;
        const source = {
          sizeBytes: copy.length,
          read(offset: number, length: number): Uint8Array {
            if (offset < 0 || length < 0 || offset + length > copy.length || length > 2 ** 23)
              throw new RangeError('out of range');
            return copy.subarray(offset, offset + length);
          },
        };
        expect(() => inspectGpt(source)).not.toThrow();
      }),
      { numRuns: 3000 },
    );
  });
});

test('both ends of a disk are written completely, over old bytes', () => {
  const { primary, backup, backupStartSector } = encodeGpt(DISK);
  const path = join(folder, 'noise.img');
  const image = FileImage.create(path, DISK.diskSectors * 512);
  image.write(0, Buffer.alloc(DISK.diskSectors * 512, 0xee));
  writeDisk(image, DISK);
  expect(Buffer.from(image.read(0, primary.length)).equals(primary)).toBe(true);
  expect(Buffer.from(image.read(backupStartSector * 512, backup.length)).equals(backup)).toBe(true);
  expect([primary.length, backupStartSector * 512 + backup.length]).toEqual([
    34 * 512,
    DISK.diskSectors * 512,
  ]);
  image.close();
  expect(sgdisk('-v', path)).toContain('No problems found');
  expect(problemsOf(path)).toEqual([]);
});
