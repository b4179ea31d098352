import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  DISK,
  DISK_UUID,
  diskInMemory,
  EFI_SYSTEM,
  LINUX_DATA,
  sgdisk,
  diskFile as writeDiskFile,
} from '../../testing/gpt/disk.ts';
import { realTool } from '../../testing/real-tool.ts';
import { MemoryImage } from '../block/block.ts';
import { FileImage } from '../block/file.ts';
import { viewOf } from '../structure/view.ts';
import { ENTRY, HEADER, MBR, MBR_RECORD, PRIMARY_ENTRIES_SECTOR } from './format.ts';
import { encodeGpt, type GptDisk, SECTOR_BYTES } from './gpt.ts';
import { readGpt } from './read.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gpt-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function diskFile(name: string, disk: GptDisk): string {
  return writeDiskFile(join(folder, name), disk);
}

/** Returns the published GuestOS disk: nine partitions, expanded to 50 GiB. */
function guestDisk(): GptDisk {
  const sizesMib = [100, 100, 100, 1024, 10240, 10240, 1024, 10240, 10240];
  let startSector = 2048;
  const partitions = sizesMib.map((sizeMib, index) => {
    const partition = {
      name: `p${index + 1}`,
      startSector,
      sizeSectors: sizeMib * 2048,
      typeUuid: index === 0 ? EFI_SYSTEM : LINUX_DATA,
      uuid: `00000000-0000-4000-8000-00000000000${index + 1}`,
    };
    startSector += partition.sizeSectors;
    return partition;
  });
  return { diskSectors: 50 * 2 ** 21, diskUuid: DISK_UUID, partitions };
}

describe('gpt', () => {
  test('sgdisk finds no problem, and shows every field as given', () => {
    const path = diskFile('two.img', DISK);
    expect(sgdisk('-v', path)).toContain('No problems found');
    expect(sgdisk('-p', path).toLowerCase()).toContain(`disk identifier (guid): ${DISK_UUID}`);
    const first = sgdisk('-i', '1', path).toLowerCase();
    expect(first).toContain(`partition guid code: ${EFI_SYSTEM} (efi system partition)`);
    expect(first).toContain('partition unique guid: b78084e2-3363-1346-8c25-d426f26b8928');
    expect(first).toContain('first sector: 2048 ');
    expect(first).toContain('last sector: 4095 ');
    expect(first).toContain('attribute flags: 0000000000000001');
    expect(sgdisk('-i', '2', path)).toContain("Partition name: 'Größe_A'");
  });

  test('sfdisk reads the same table', () => {
    const path = diskFile('sfdisk.img', DISK);
    const dump = execFileSync(realTool('sfdisk', 'fdisk'), ['-d', path], { encoding: 'utf8' });
    expect(dump).toContain(`label-id: ${DISK_UUID.toUpperCase()}`);
    expect(dump).toMatch(
      /img1 : start= +2048, size= +2048, type=C12A7328-.*, name="esp", attrs="RequiredPartition"/,
    );
    expect(dump).toMatch(/img2 : start= +4096, size= +2048, type=0FC63DAF-.*, uuid=6788E4CF-/);
  });

  test('sgdisk accepts a disk of 50 GiB and one of more than 2 TiB', () => {
    expect(sgdisk('-v', diskFile('guest.img', guestDisk()))).toContain('No problems found');
    const large = { ...DISK, diskSectors: 2 ** 32 + 4096 };
    const path = diskFile('large.img', large);
    expect(sgdisk('-v', path)).toContain('No problems found');
    rmSync(path);
  });

  test('sgdisk accepts a full table of 128 partitions, and it is read back', () => {
    const partitions = Array.from({ length: 128 }, (_, index) => ({
      name: `p${index}`.padEnd(36, 'x'),
      startSector: 34 + index,
      sizeSectors: 1,
      typeUuid: LINUX_DATA,
      uuid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      attributes: 0n,
    }));
    const disk = { diskSectors: 34 + 128 + 33, diskUuid: DISK_UUID, partitions };
    expect(sgdisk('-v', diskFile('full.img', disk))).toContain('No problems found');
    expect(readGpt(diskInMemory(disk)).partitions.map(({ number: _number, ...rest }) => rest)).toEqual(
      partitions,
    );
  });

  test('a written table is read back', () => {
    const parsed = readGpt(diskInMemory());
    expect(parsed.diskUuid).toBe(DISK_UUID);
    expect(parsed.diskSectors).toBe(DISK.diskSectors);
    expect(parsed.partitions).toEqual([
      { ...DISK.partitions[0], number: 1 },
      { ...DISK.partitions[1], number: 2, attributes: 0n },
    ]);
  });

  test('a table of sgdisk is read', () => {
    const path = join(folder, 'theirs.img');
    FileImage.create(path, 8 * 2 ** 20).close();
    sgdisk('-n', '3:2048:4095', '-c', '3:data', '-t', '3:8300', '-U', DISK_UUID, path);
    const parsed = readGpt(FileImage.open(path));
    expect(parsed.diskUuid).toBe(DISK_UUID);
    expect(parsed.partitions).toMatchObject([
      { number: 3, name: 'data', startSector: 2048, sizeSectors: 2048, typeUuid: LINUX_DATA },
    ]);
  });

  test('a disk has the same encoding every time', () => {
    expect(encodeGpt(DISK)).toEqual(encodeGpt(DISK));
  });
});

describe('a damaged table is refused with the copy and the reason', () => {
  const last = DISK.diskSectors - 1;

  test.each([
    [MBR.at.Signature.offsetBytes, 0, 'disk.img: no partition table: sector 0 does not end in 55 AA'],
    [
      MBR.at.PartitionRecord.offsetBytes + MBR_RECORD.at.OSType.offsetBytes,
      0x83,
      'disk.img: the MBR has no protective partition',
    ],
    [512, 0, 'disk.img: primary GPT at sector 1: no signature "EFI PART"'],
    [512 + 70, 0, 'disk.img: primary GPT at sector 1: header CRC32 is 0x'],
    [1024 + 56, 0, 'disk.img: primary GPT at sector 1: entries CRC32 is 0x'],
    [last * 512, 0, `disk.img: backup GPT at sector ${last}: no signature`],
    [last * 512 + 70, 0, `disk.img: backup GPT at sector ${last}: header CRC32 is 0x`],
    [last * 512 - 1, 1, `disk.img: backup GPT at sector ${last}: entries CRC32 is 0x`],
  ])('byte %i set to %i', (offsetBytes, value, message) => {
    const image = diskInMemory();
    image.write(offsetBytes, Uint8Array.of(value));
    expect(() => readGpt(image, 'disk.img')).toThrow(message);
  });

  test('copies that are valid but differ', () => {
    const image = diskInMemory();
    const other = encodeGpt({ ...DISK, partitions: DISK.partitions.slice(0, 1) });
    image.write(other.backupStartSector * SECTOR_BYTES, other.backup);
    expect(() => readGpt(image)).toThrow('the primary and the backup GPT differ');
  });

  test('a disk that was cut', () => {
    const cut = new MemoryImage((DISK.diskSectors - 8) * SECTOR_BYTES);
    cut.write(0, encodeGpt(DISK).primary);
    expect(() => readGpt(cut)).toThrow('the sector of the other copy is 8191, expected 8183');
    expect(() => readGpt(new MemoryImage(100))).toThrow('100 bytes are not a disk');
  });

  test('partitions that overlap, with correct checksums', () => {
    const image = diskInMemory();
    for (const [headerSector, entriesSector] of [
      [1, PRIMARY_ENTRIES_SECTOR],
      [last, last - 32],
    ] as const) {
      const entries = image.read(entriesSector * SECTOR_BYTES, 32 * SECTOR_BYTES);
      ENTRY.at.StartingLBA.set(viewOf(entries), 3072, ENTRY.sizeBytes);
      image.write(entriesSector * SECTOR_BYTES, entries);
      const header = image.read(headerSector * SECTOR_BYTES, HEADER.sizeBytes);
      HEADER.at.PartitionEntryArrayCRC32.set(viewOf(header), crc32(entries));
      HEADER.at.HeaderCRC32.set(viewOf(header), 0);
      HEADER.at.HeaderCRC32.set(viewOf(header), crc32(header));
      image.write(headerSector * SECTOR_BYTES, header);
    }
    expect(() => readGpt(image)).toThrow(
      'partition 2 ("Größe_A", 3072 sectors from 3072) overlaps partition 1',
    );
  });
});

describe('an impossible table is refused', () => {
  const [first, second] = DISK.partitions as [GptDisk['partitions'][0], GptDisk['partitions'][0]];

  test.each<[string, Partial<GptDisk>, string]>([
    ['a disk that is too small', { diskSectors: 67 }, 'has no room for a partition table'],
    [
      'a partition past the end',
      { diskSectors: 6144 },
      'partition "Größe_A" (sectors 4096 to 6143) is not within',
    ],
    [
      'a partition that overlaps the table',
      { partitions: [{ ...first, startSector: 33 }] },
      'is not within the usable sectors 34 to',
    ],
    ['a partition without sectors', { partitions: [{ ...first, sizeSectors: 0 }] }, 'is not within'],
    [
      'an overlap',
      { partitions: [first, { ...second, startSector: 4095 }] },
      '"esp" and "Größe_A" overlap at sector 4095',
    ],
    ['a UUID used twice', { partitions: [first, { ...second, uuid: first.uuid }] }, 'have the same UUID'],
    [
      'a name that is too long',
      { partitions: [{ ...first, name: 'n'.repeat(37) }] },
      'does not fit: up to 36 UTF-16 units',
    ],
    ['an invalid disk UUID', { diskUuid: 'x' }, '"x" is not a UUID'],
  ])('%s', (_title, change, message) => {
    expect(() => encodeGpt({ ...DISK, ...change })).toThrow(message);
  });
});
