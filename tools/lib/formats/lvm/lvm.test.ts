import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256, writeGroup } from '../../testing/lvm/real-lvm.ts';
import { noise } from '../../testing/noise.ts';
import { MemoryImage } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import type { FieldAccess } from '../structure/structure.ts';
import { viewOf } from '../structure/view.ts';
import {
  DISK_LOCN,
  LABEL_HEADER,
  LABEL_SECTOR,
  lvmChecksum,
  MDA_HEADER,
  MDA_HEADER_BYTES,
  PV_HEADER,
  RAW_LOCN,
  SECTOR_BYTES,
} from './format.ts';
import { encodeVolumeGroup, openLogicalVolume, readPhysicalVolume, readVolumeGroup } from './lvm.ts';
import type { VolumeGroupRequest } from './plan.ts';

const MIB = 1 << 20;

const REQUEST: VolumeGroupRequest = {
  name: 'vg',
  identity: '//a:b',
  physicalVolumes: [{ sizeBytes: 16 * MIB, metadataCopies: 2 }],
  logicalVolumes: [{ name: 'root', sizeBytes: 4 * MIB }],
};

/** Writes the group to disks full of noise. A reader must not find any of the noise. */
function written(request: VolumeGroupRequest, contents: Record<string, Uint8Array> = {}): MemoryImage[] {
  const group = encodeVolumeGroup(request);
  const images = group.physicalVolumes.map(({ sizeBytes }, index) => {
    const image = new MemoryImage(sizeBytes);
    image.write(0, noise(2 * MIB, 4 * index + 1));
    image.write(sizeBytes - MIB, noise(MIB, 4 * index + 3));
    return image;
  });
  writeGroup(group, images, contents);
  return images;
}

function read(images: readonly MemoryImage[]) {
  return readVolumeGroup(images.map((source, index) => ({ name: `disk${index}.img`, source })));
}

describe('a volume group', () => {
  test('reads back as planned from disks that held other data before', () => {
    const request: VolumeGroupRequest = {
      ...REQUEST,
      tags: ['t'],
      extentBytes: MIB,
      creationHost: 'some "host"',
      creationTime: 1,
      description: 'back\\slash',
      physicalVolumes: [
        { sizeBytes: 8 * MIB, metadataCopies: 2, deviceHint: '/dev/sda', tags: ['a', 'b'] },
        { sizeBytes: 9 * MIB },
      ],
      logicalVolumes: [
        { name: 'b', sizeBytes: 9 * MIB },
        {
          name: 'a',
          sizeBytes: 2 * MIB,
          segments: [
            { physicalVolume: 0, startExtent: 3, extentCount: 1 },
            { physicalVolume: 1, startExtent: 0, extentCount: 1 },
          ],
        },
      ],
    };
    const contents = { a: noise(2 * MIB, 11), b: noise(9 * MIB, 13) };
    const found = read(written(request, contents));
    expect(found.problems).toEqual([]);
    expect(found.group).toEqual(encodeVolumeGroup(request).group);
    for (const [name, content] of Object.entries(contents)) {
      const volume = openLogicalVolume(found, name);
      expect(Buffer.compare(volume.read(0, volume.sizeBytes), content)).toBe(0);
      expect(Buffer.compare(volume.read(MIB - 7, 100), content.subarray(MIB - 7, MIB + 93))).toBe(0);
      expect(() => volume.read(1, volume.sizeBytes)).toThrow(RangeError);
    }
  });

  test('with any volumes assigns no extent twice, and returns the contents of the volumes', () => {
    const size = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(
        fc.array(size, { minLength: 1, maxLength: 3 }),
        fc.array(size, { maxLength: 5 }),
        (disks, volumes) => {
          const extentBytes = 8192;
          const request: VolumeGroupRequest = {
            ...REQUEST,
            extentBytes,
            physicalVolumes: disks.map((extents) => ({ sizeBytes: MIB + extents * extentBytes })),
            logicalVolumes: volumes.map((extents, index) => ({
              name: `lv${index}`,
              sizeBytes: extents * extentBytes,
            })),
          };
          const wanted = volumes.reduce((sum, extents) => sum + extents, 0);
          if (wanted > disks.reduce((sum, extents) => sum + extents, 0)) {
            expect(() => encodeVolumeGroup(request)).toThrow(
              /extents of 8192 bytes are needed and \d+ are left; make/,
            );
            return;
          }
          const contents = Object.fromEntries(
            volumes.map((extents, index) => [`lv${index}`, noise(extents * extentBytes, 2 * index + 1)]),
          );
          const images = encodeVolumeGroup(request).physicalVolumes.map(
            ({ sizeBytes }) => new MemoryImage(sizeBytes),
          );
          writeGroup(encodeVolumeGroup(request), images, contents);
          const found = read(images);
          expect(found.problems).toEqual([]);
          for (const [name, content] of Object.entries(contents)) {
            expect(Buffer.compare(openLogicalVolume(found, name).read(0, content.length), content)).toBe(0);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test.each<[string, Partial<VolumeGroupRequest>, string]>([
    ['a name that lvm2 refuses', { name: 'a b' }, 'volume group name "a b"'],
    [
      'a volume that is not whole extents',
      { logicalVolumes: [{ name: 'a', sizeBytes: 5 * MIB }] },
      `make it ${8 * MIB}`,
    ],
    [
      'a volume that is too large',
      { logicalVolumes: [{ name: 'a', sizeBytes: 64 * MIB }] },
      `16 extents of ${4 * MIB} bytes are needed and 3 are left`,
    ],
    [
      'a name twice',
      { logicalVolumes: [1, 2].map(() => ({ name: 'a', sizeBytes: 4 * MIB })) },
      'two logical volumes are called a',
    ],
    ['a disk that is too small', { physicalVolumes: [{ sizeBytes: 3 * MIB }] }, 'hold 0 extents'],
    [
      'no space for metadata',
      { physicalVolumes: [{ sizeBytes: 16 * MIB, metadataCopies: 0 }] },
      'no space for its metadata',
    ],
    ['extents of an odd size', { extentBytes: 12288 }, 'a power of two'],
    [
      'data that starts within a page',
      { physicalVolumes: [{ sizeBytes: 16 * MIB, dataStartBytes: 9000 }] },
      'cannot start at 9000',
    ],
    [
      'metadata that does not fit',
      {
        tags: Array.from({ length: 100 }, (_, index) => `${index}`.padStart(200, 'x')),
        physicalVolumes: [{ sizeBytes: 16 * MIB, dataStartBytes: 36864 }],
      },
      'start the data later',
    ],
    [
      'extents that are taken',
      {
        logicalVolumes: [0, 1].map((index) => ({
          name: `a${index}`,
          sizeBytes: 4 * MIB,
          segments: [{ physicalVolume: 0, startExtent: 1, extentCount: 1 }],
        })),
      },
      'extents 1 to 1 of physical volume 0 are not free',
    ],
    [
      'a UUID twice',
      {
        uuid: undefined,
        physicalVolumes: [0, 1].map(() => ({
          sizeBytes: 16 * MIB,
          uuid: 'eu0VQE-HlTi-EyRc-GceP-xZtn-3j6t-iqEwyv',
        })),
      },
      'two volumes have the UUID eu0VQE',
    ],
  ])('is refused with %s', (_, change, message) => {
    expect(() => encodeVolumeGroup({ ...REQUEST, ...change })).toThrow(UserError);
    expect(() => encodeVolumeGroup({ ...REQUEST, ...change })).toThrow(message);
  });
});

const LABEL_BYTES = LABEL_SECTOR * SECTOR_BYTES;
const MDA_BYTES = 4096;
/** Within the label: the volume, and its first metadata area after a list of one data area. */
const PV_START = LABEL_HEADER.sizeBytes;
const METADATA_AREA_START = PV_START + PV_HEADER.sizeBytes + 2 * DISK_LOCN.sizeBytes;
/** Within the header of a metadata area. */
const TEXT_START = MDA_HEADER.sizeBytes;

type Damage = (image: MemoryImage) => void;
type SectorChange = (sector: Uint8Array) => void;

function fixLabelChecksum(sector: Uint8Array): void {
  const { crc_xl, offset_xl } = LABEL_HEADER.at;
  crc_xl.set(viewOf(sector), lvmChecksum(sector.subarray(offset_xl.offsetBytes)));
}

function fixHeaderChecksum(header: Uint8Array): void {
  const { checksum_xl } = MDA_HEADER.at;
  checksum_xl.set(viewOf(header), lvmChecksum(header.subarray(checksum_xl.endBytes, MDA_HEADER_BYTES)));
}

function fixTextChecksum(area: Uint8Array, textBytes: number): void {
  const text = area.subarray(MDA_HEADER_BYTES, MDA_HEADER_BYTES + textBytes);
  RAW_LOCN.at.checksum.set(viewOf(area), lvmChecksum(text), TEXT_START);
}

/** Changes the sector at `offsetBytes`, and corrects its checksum. */
function changed(offsetBytes: number, fixChecksum: SectorChange, change: SectorChange): Damage {
  return (image) => {
    const sector = image.read(offsetBytes, SECTOR_BYTES);
    change(sector);
    fixChecksum(sector);
    image.write(offsetBytes, sector);
  };
}

/** Returns a function that changes a field of the sector at `offsetBytes`. */
function fieldChange(offsetBytes: number, fixChecksum: SectorChange) {
  return (field: FieldAccess, value: number, startBytes = 0): Damage =>
    changed(offsetBytes, fixChecksum, (sector) => field.set(viewOf(sector), value, startBytes));
}

const label = fieldChange(LABEL_BYTES, fixLabelChecksum);
const header = fieldChange(MDA_BYTES, fixHeaderChecksum);

/** Overwrites bytes, and leaves the checksums unchanged. */
function overwritten(offsetBytes: number, bytes: Uint8Array): Damage {
  return (image) => image.write(offsetBytes, bytes);
}

const zeroUuid = changed(LABEL_BYTES, fixLabelChecksum, (sector) =>
  PV_HEADER.at.pv_uuid.bytes(sector, PV_START).fill(0),
);

describe('the reader', () => {
  test('reads a label in another sector, as lvm2 does', () => {
    const [image] = written(REQUEST) as [MemoryImage];
    const sector = image.read(LABEL_BYTES, SECTOR_BYTES);
    image.write(LABEL_BYTES, new Uint8Array(SECTOR_BYTES));
    LABEL_HEADER.at.sector_xl.set(viewOf(sector), 3);
    image.write(3 * SECTOR_BYTES, sector);
    expect(read([image]).group.name).toBe('vg');
  });

  test.each<[string, Damage, string]>([
    [
      'a missing label',
      overwritten(LABEL_BYTES, new Uint8Array(SECTOR_BYTES)),
      'disk0.img: not an LVM physical volume: no label in its first 4 sectors',
    ],
    [
      'a changed byte in the label',
      overwritten(LABEL_BYTES + 40, Uint8Array.of(0)),
      "disk0.img: sector 1: the label's checksum is 0x",
    ],
    ['another sector number', label(LABEL_HEADER.at.sector_xl, 0), 'the label says it is in sector 0'],
    ['content outside the label', label(LABEL_HEADER.at.offset_xl, 496), 'content is at byte 496'],
    ['a UUID of zeros', zeroUuid, 'UUID contains characters'],
    [
      'an area at an offset beyond 2^53',
      label(DISK_LOCN.at.offset, 2 ** 60, METADATA_AREA_START),
      'larger than any disk',
    ],
  ])('reports %s', (_, damage, message) => {
    const [image] = written(REQUEST) as [MemoryImage];
    damage(image);
    expect(() => read([image])).toThrow(UserError);
    expect(() => read([image])).toThrow(message);
  });

  test.each<[string, Damage, string]>([
    ['no header', overwritten(MDA_BYTES, new Uint8Array(MDA_HEADER_BYTES)), 'no metadata header'],
    [
      'a changed byte in the header',
      overwritten(MDA_BYTES + 100, Uint8Array.of(1)),
      "the header's checksum is 0x",
    ],
    ['another start', header(MDA_HEADER.at.start, 8192), 'the header says that it is at byte 8192'],
    [
      'another size',
      header(MDA_HEADER.at.size, 8192),
      'the header says that the area has 8192 bytes, the label says 1044480',
    ],
    [
      'a text outside the area',
      header(RAW_LOCN.at.offset, MIB, TEXT_START),
      'the text begins at byte 1048576, outside',
    ],
    [
      'a text that overlaps the header',
      header(RAW_LOCN.at.offset, 8, TEXT_START),
      'the text begins at byte 8, outside',
    ],
    [
      'a text that is too long',
      header(RAW_LOCN.at.size, MIB, TEXT_START),
      'the text has 1048576 bytes, more than',
    ],
    [
      'a changed byte in the text',
      overwritten(MDA_BYTES + 600, Uint8Array.of(1)),
      "the text's checksum is 0x",
    ],
    [
      'an area that leaves the disk',
      label(DISK_LOCN.at.size, 2 ** 40, METADATA_AREA_START),
      'are not within',
    ],
  ])('reports a copy with %s, and uses the other one', (_, damage, message) => {
    const [image] = written(REQUEST) as [MemoryImage];
    damage(image);
    const { group, problems } = read([image]);
    expect(group.name).toBe('vg');
    expect(problems).toEqual([expect.stringContaining(message)]);
    expect(problems[0]).toMatch(/^disk0\.img: metadata area at byte 4096: /);
    const only = { ...REQUEST, physicalVolumes: [{ sizeBytes: 16 * MIB }] };
    const [single] = written(only) as [MemoryImage];
    damage(single);
    expect(() => read([single])).toThrow(UserError);
    expect(() => read([single])).toThrow(message);
  });

  test('takes the copy with the highest number, and reports the others', () => {
    const [image] = written(REQUEST) as [MemoryImage];
    const [newer] = written({ ...REQUEST, logicalVolumes: [] }) as [MemoryImage];
    const { area, group } = readPhysicalVolume({ name: '', source: newer }).copies[1] ?? {};
    expect(area).toBeDefined();
    expect(group?.logicalVolumes).toEqual([]);
    // The image receives the second copy of the other disk, with a higher number.
    const bytes = Buffer.from(newer.read(area?.offsetBytes ?? 0, 4096));
    const start = bytes.indexOf('seqno = 1');
    bytes.write('seqno = 9', start);
    fixTextChecksum(bytes, RAW_LOCN.at.size.get(viewOf(bytes), TEXT_START));
    fixHeaderChecksum(bytes);
    image.write(area?.offsetBytes ?? 0, bytes);
    const found = read([image]);
    expect(found.group.sequenceNumber).toBe(9);
    expect(found.group.logicalVolumes).toEqual([]);
    expect(found.problems).toEqual([
      expect.stringMatching(/byte 4096: it has change 1 of the group, but the newest is 9$/),
    ]);
  });

  test('does not mix groups, and detects a disk that is given twice', () => {
    const [image] = written(REQUEST) as [MemoryImage];
    const [other] = written({ ...REQUEST, name: 'other', identity: '//c:d' }) as [MemoryImage];
    expect(() => read([image, other])).toThrow(/two volume groups: .*"vg".*"other"/);
    expect(() => read([image, image])).toThrow(/disk0\.img and disk1\.img are both physical volume/);
    expect(() => openLogicalVolume(read([image]), 'none')).toThrow(
      'has no logical volume "none"; it has: root',
    );
  });

  test('reads or refuses a disk with any contents', () => {
    const [image] = written(REQUEST) as [MemoryImage];
    const digest = sha256(openLogicalVolume(read([image]), 'root'));
    const places = fc.oneof(fc.integer({ min: 512, max: 1023 }), fc.integer({ min: 4096, max: 4096 + 2048 }));
    const change = fc.record({ place: places, byte: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.boolean(), (changes, checksums) => {
        const bytes = Buffer.from(image.read(0, 8192));
        for (const { place, byte } of changes) bytes[place] = byte;
        if (checksums) {
          const area = bytes.subarray(MDA_BYTES);
          fixTextChecksum(area, Math.min(RAW_LOCN.at.size.get(viewOf(area), TEXT_START), 3000));
          fixHeaderChecksum(area);
          fixLabelChecksum(bytes.subarray(LABEL_BYTES, LABEL_BYTES + SECTOR_BYTES));
        }
        const mutated = new MemoryImage(image.sizeBytes);
        mutated.write(0, bytes);
        try {
          const found = read([mutated]);
          for (const { name } of found.group.logicalVolumes) {
            const { sizeBytes } = openLogicalVolume(found, name);
            expect(sizeBytes).toBeLessThanOrEqual(image.sizeBytes);
            openLogicalVolume(found, name).read(sizeBytes - 512, 512);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 3000 },
    );
    expect(sha256(openLogicalVolume(read([image]), 'root'))).toBe(digest);
  });
});
