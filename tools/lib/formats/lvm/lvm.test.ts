import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noise, sha256, writeGroup } from '../../testing/lvm/real-lvm.ts';
import { MemoryImage } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import { lvmChecksum } from './layout.ts';
import { encodeVolumeGroup, openLogicalVolume, readPhysicalVolume, readVolumeGroup } from './lvm.ts';
import type { VolumeGroupRequest } from './plan.ts';

const MIB = 1 << 20;

const REQUEST: VolumeGroupRequest = {
  name: 'vg',
  identity: '//a:b',
  physicalVolumes: [{ sizeBytes: 16 * MIB, metadataCopies: 2 }],
  logicalVolumes: [{ name: 'root', sizeBytes: 4 * MIB }],
};

/** Disks full of random bytes, which the writer must not leave where they count. */
function written(request: VolumeGroupRequest, contents: Record<string, Uint8Array> = {}): MemoryImage[] {
  const group = encodeVolumeGroup(request);
  const images = group.physicalVolumes.map(({ sizeBytes }, index) => {
    const image = new MemoryImage(sizeBytes);
    image.write(0, noise(2 * MIB, `before ${index}`));
    image.write(sizeBytes - MIB, noise(MIB, `end ${index}`));
    return image;
  });
  writeGroup(group, images, contents);
  return images;
}

function read(images: readonly MemoryImage[]) {
  return readVolumeGroup(images.map((source, index) => ({ name: `disk${index}.img`, source })));
}

describe('a volume group', () => {
  test('reads back as it was planned, on disks that were full of something else', () => {
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
    const contents = { a: noise(2 * MIB, 'a'), b: noise(9 * MIB, 'b') };
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

  test('of any volumes gives each extent to one of them, and their contents back', () => {
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
            volumes.map((extents, index) => [`lv${index}`, noise(extents * extentBytes, `${index}`)]),
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
      'a volume in no whole extents',
      { logicalVolumes: [{ name: 'a', sizeBytes: 5 * MIB }] },
      `make it ${8 * MIB}`,
    ],
    [
      'a volume too large',
      { logicalVolumes: [{ name: 'a', sizeBytes: 64 * MIB }] },
      `16 extents of ${4 * MIB} bytes are needed and 3 are left`,
    ],
    [
      'a name twice',
      { logicalVolumes: [1, 2].map(() => ({ name: 'a', sizeBytes: 4 * MIB })) },
      'two logical volumes are called a',
    ],
    ['a disk too small', { physicalVolumes: [{ sizeBytes: 3 * MIB }] }, 'hold 0 extents'],
    [
      'no place for metadata',
      { physicalVolumes: [{ sizeBytes: 16 * MIB, metadataCopies: 0 }] },
      'no place for its metadata',
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

const LABEL_BYTES = 512;
const MDA_BYTES = 4096;

/** Writes a number into the label or a metadata header and puts the checksum right. */
function patch(image: MemoryImage, structureBytes: number, offset: number, value: bigint): void {
  const bytes = Buffer.from(image.read(structureBytes, 512));
  bytes.writeBigUInt64LE(value, offset);
  if (structureBytes === LABEL_BYTES) bytes.writeUInt32LE(lvmChecksum(bytes.subarray(20)), 16);
  else bytes.writeUInt32LE(lvmChecksum(bytes.subarray(4)), 0);
  image.write(structureBytes, bytes);
}

describe('the reader', () => {
  test('reads the labels of other sectors, as lvm2 does', () => {
    const [image] = written(REQUEST) as [MemoryImage];
    const label = Buffer.from(image.read(LABEL_BYTES, 512));
    image.write(LABEL_BYTES, new Uint8Array(512));
    label.writeBigUInt64LE(3n, 8);
    image.write(3 * 512, label);
    expect(read([image]).group.name).toBe('vg');
  });

  test.each<[string, (image: MemoryImage) => void, string]>([
    [
      'no label',
      (image) => image.write(LABEL_BYTES, new Uint8Array(512)),
      'disk0.img: not an LVM physical volume: no label in its first 4 sectors',
    ],
    [
      'a byte of the label changed',
      (image) => image.write(LABEL_BYTES + 40, Uint8Array.of(0)),
      "disk0.img: sector 1: the label's checksum is 0x",
    ],
    [
      'another sector in the label',
      (image) => patch(image, LABEL_BYTES, 8, 0n),
      'sector 1: the label says it is in sector 0',
    ],
    [
      'a content beyond the label',
      (image) => patch(image, LABEL_BYTES, 20, 0x324d564c000001f0n),
      'content is at byte 496',
    ],
    ['a UUID of zeros', (image) => patch(image, LABEL_BYTES, 32, 0n), 'UUID has characters'],
    ['an area beyond all numbers', (image) => patch(image, LABEL_BYTES, 104, 1n << 60n), 'beyond any disk'],
  ])('says what is wrong with %s', (_, damage, message) => {
    const [image] = written(REQUEST) as [MemoryImage];
    damage(image);
    expect(() => read([image])).toThrow(UserError);
    expect(() => read([image])).toThrow(message);
  });

  test.each<[string, (image: MemoryImage) => void, string]>([
    ['no header', (image) => image.write(MDA_BYTES, new Uint8Array(512)), 'no metadata header'],
    [
      'a byte of the header changed',
      (image) => image.write(MDA_BYTES + 100, Uint8Array.of(1)),
      "the header's checksum is 0x",
    ],
    [
      'another start',
      (image) => patch(image, MDA_BYTES, 24, 8192n),
      'the header says that it is at byte 8192',
    ],
    [
      'another size',
      (image) => patch(image, MDA_BYTES, 32, 8192n),
      'the header gives it 8192 bytes, the label 1044480',
    ],
    [
      'a text outside',
      (image) => patch(image, MDA_BYTES, 40, 1n << 20n),
      'the text begins at byte 1048576, outside',
    ],
    [
      'a text over its own header',
      (image) => patch(image, MDA_BYTES, 40, 8n),
      'the text begins at byte 8, outside',
    ],
    [
      'a text too long',
      (image) => patch(image, MDA_BYTES, 48, 1n << 20n),
      'the text has 1048576 bytes, more than',
    ],
    [
      'a byte of the text changed',
      (image) => image.write(MDA_BYTES + 600, Uint8Array.of(1)),
      "the text's checksum is 0x",
    ],
    ['an area beyond the disk', (image) => patch(image, LABEL_BYTES, 112, 1n << 40n), 'do not lie within'],
  ])('tells of a copy with %s, and uses the other one', (_, damage, message) => {
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

  test('takes the copy with the highest number, and tells of the others', () => {
    const [image] = written(REQUEST) as [MemoryImage];
    const [newer] = written({ ...REQUEST, logicalVolumes: [] }) as [MemoryImage];
    const { area, group } = readPhysicalVolume({ name: '', source: newer }).copies[1] ?? {};
    expect(area).toBeDefined();
    expect(group?.logicalVolumes).toEqual([]);
    // The second copy of the other disk, with its number raised.
    const bytes = Buffer.from(newer.read(area?.offsetBytes ?? 0, 4096));
    const start = bytes.indexOf('seqno = 1');
    bytes.write('seqno = 9', start);
    const sizeBytes = bytes.readUInt32LE(48);
    bytes.writeUInt32LE(lvmChecksum(bytes.subarray(512, 512 + sizeBytes)), 56);
    bytes.writeUInt32LE(lvmChecksum(bytes.subarray(4, 512)), 0);
    image.write(area?.offsetBytes ?? 0, bytes);
    const found = read([image]);
    expect(found.group.sequenceNumber).toBe(9);
    expect(found.group.logicalVolumes).toEqual([]);
    expect(found.problems).toEqual([
      expect.stringMatching(/byte 4096: change 1 of the group, the newest is 9$/),
    ]);
  });

  test('does not mix groups, and knows a disk that is there twice', () => {
    const [image] = written(REQUEST) as [MemoryImage];
    const [other] = written({ ...REQUEST, name: 'other', identity: '//c:d' }) as [MemoryImage];
    expect(() => read([image, other])).toThrow(/two volume groups: .*"vg".*"other"/);
    expect(() => read([image, image])).toThrow(/disk0\.img and disk1\.img are both physical volume/);
    expect(() => openLogicalVolume(read([image]), 'none')).toThrow(
      'has no logical volume "none"; it has: root',
    );
  });

  test('reads or refuses whatever is on a disk', () => {
    const [image] = written(REQUEST) as [MemoryImage];
    const digest = sha256(openLogicalVolume(read([image]), 'root'));
    const places = fc.oneof(fc.integer({ min: 512, max: 1023 }), fc.integer({ min: 4096, max: 4096 + 2048 }));
    const change = fc.record({ place: places, byte: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.boolean(), (changes, checksums) => {
        const bytes = Buffer.from(image.read(0, 8192));
        for (const { place, byte } of changes) bytes[place] = byte;
        if (checksums) {
          const sizeBytes = Math.min(bytes.readUInt32LE(4096 + 48), 3000);
          bytes.writeUInt32LE(lvmChecksum(bytes.subarray(4608, 4608 + sizeBytes)), 4096 + 56);
          bytes.writeUInt32LE(lvmChecksum(bytes.subarray(4096 + 4, 4608)), 4096);
          bytes.writeUInt32LE(lvmChecksum(bytes.subarray(512 + 20, 1024)), 512 + 16);
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
