import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Fixtures, makeFixtures } from './testing/fixtures.ts';
import { DISK_UUID, EXT4_UUID, lines, MIB, run, tool } from './testing/workbench.ts';

let images: Fixtures;

beforeAll(() => {
  images = makeFixtures();
});

/** The fields of the JSON that the tests use. */
interface Report {
  readonly wrapper: unknown;
  readonly content: ReportedContent;
}
interface ReportedContent {
  readonly format: string;
  readonly sha256: string;
  readonly facts: {
    readonly features: readonly string[];
    readonly blockBytes: number;
    readonly sizeBytes: number;
    readonly inodes: number;
  };
  readonly verity: unknown;
  readonly parts: readonly ReportedPart[];
}
interface ReportedPart {
  readonly startBytes: number;
  readonly sizeBytes: number;
  readonly problem: string;
  readonly content: ReportedContent;
  readonly table: {
    readonly partUuid: string;
    readonly typeUuid: string;
    readonly attributes: string;
    readonly attributeNames: readonly string[];
  };
}

async function report(path: string, ...more: string[]): Promise<Report> {
  return JSON.parse((await lines('inspect', '--json', ...more, path)).join('\n'));
}

describe('inspect --json', () => {
  test('has the partition table that sgdisk prints', async () => {
    const { content } = await report(images.disk);
    expect(content).toMatchObject({ format: 'gpt', imageBytes: 64 * MIB, facts: { diskUuid: DISK_UUID } });
    const printed = tool('sgdisk', 'gdisk', ['-p', images.disk]).toString();
    const rows = [...printed.matchAll(/^ +(\d+) +(\d+) +(\d+) .*? ([0-9A-F]{4}) +(\S+)$/gm)];
    expect(rows).toHaveLength(4);
    for (const [index, [, number, first, last, , name]] of rows.entries()) {
      const part = content.parts[index];
      const info = tool('sgdisk', 'gdisk', ['-i', String(number), images.disk]).toString();
      expect(part).toMatchObject({
        number: Number(number),
        name,
        startBytes: Number(first) * 512,
        sizeBytes: (Number(last) - Number(first) + 1) * 512,
      });
      expect(info.toLowerCase()).toContain(`partition unique guid: ${part?.table.partUuid}`);
      expect(info.toLowerCase()).toContain(`partition guid code: ${part?.table.typeUuid}`);
      expect(info.toLowerCase()).toContain(`attribute flags: ${part?.table.attributes.slice(2)}`);
    }
  });

  test('has the values of dumpe2fs for an ext4 file system', async () => {
    const { facts } = (await report(images.ext4)).content;
    const printed = tool('dumpe2fs', 'e2fsprogs', ['-h', images.ext4]).toString();
    const value = (name: string) => new RegExp(`^${name}: +(.*)$`, 'm').exec(printed)?.[1] ?? '';
    const blockBytes = Number(value('Block size'));
    expect(facts).toMatchObject({
      label: value('Filesystem volume name'),
      uuid: value('Filesystem UUID'),
      blockBytes,
      sizeBytes: Number(value('Block count')) * blockBytes,
      freeBytes: Number(value('Free blocks')) * blockBytes,
      inodes: Number(value('Inode count')),
      freeInodes: Number(value('Free inodes')),
    });
    expect(facts.features.toSorted()).toEqual(value('Filesystem features').split(' ').toSorted());
  });

  test('has the values of minfo for a FAT volume', async () => {
    const { facts } = (await report(images.fat)).content;
    const printed = tool('minfo', 'mtools', ['-i', images.fat, '::']).toString();
    expect(facts).toMatchObject({
      label: 'TESTS',
      uuid: '1234-ABCD',
      sizeBytes: 8 * MIB,
      features: ['fat12'],
    });
    expect(printed).toContain('serial number: 1234ABCD');
    expect(printed).toContain(`cluster size: ${facts.blockBytes / 512} sectors`);
  });

  test('has the values of dump.erofs for an EROFS file system', async () => {
    const { facts } = (await report(images.erofs)).content;
    const printed = tool('dump.erofs', 'erofs-utils', ['-s', images.erofs]).toString();
    const value = (name: string) => new RegExp(`^${name}: +(.*)$`, 'm').exec(printed)?.[1] ?? '';
    expect(facts).toMatchObject({ uuid: EXT4_UUID, label: 'tests' });
    expect(value('Filesystem UUID')).toBe(EXT4_UUID);
    expect(facts.sizeBytes).toBe(Number(value('Filesystem blocks')) * facts.blockBytes);
    expect(facts.inodes).toBe(Number(value('Filesystem inode count')));
    expect(facts.features.toSorted()).toEqual(value('Filesystem features').trim().split(/\s+/).toSorted());
  });

  test('has the root hash and salt of veritysetup, alone and in a disk', async () => {
    const expected = {
      rootHash: images.rootHash,
      salt: images.salt,
      dataBytes: 16 * MIB,
      hashOffsetBytes: 16 * MIB,
    };
    expect((await report(images.verity)).content.verity).toMatchObject(expected);
    expect((await report(images.disk)).content.parts[1]?.content.verity).toMatchObject(expected);
    expect((await report(images.ext4)).content.verity).toBeUndefined();
  });

  test.each(['diskZst', 'diskGz'] as const)('sees the same disk in %s', async (archive) => {
    const whole = await report(images[archive]);
    expect(whole.wrapper).toEqual({ format: 'tar', member: 'disk.img' });
    expect(whole.content).toEqual((await report(images.disk)).content);
  });

  test('has with --digests the sha256 of the raw disk and of each partition', async () => {
    const bytes = readFileSync(images.disk);
    const sha256 = (part: Buffer) => createHash('sha256').update(part).digest('hex');
    const { content } = await report(images.diskZst, '--digests');
    expect(content.sha256).toBe(sha256(bytes));
    for (const { startBytes, sizeBytes, content: part } of content.parts) {
      expect(part.sha256).toBe(sha256(bytes.subarray(startBytes, startBytes + sizeBytes)));
    }
  });

  test('names attributes: general ones, those of A/B slots, and others by their bit', async () => {
    const path = `${images.folder}/attributes.img`;
    tool('cp', 'coreutils', [images.disk, path]);
    const set = (number: number, bits: readonly number[]) =>
      bits.map((bit) => `--attributes=${number}:set:${bit}`);
    // Priority 5 (bits 48 to 51), two tries (52 to 55), successful (56).
    const attributes = [...set(2, [48, 50, 53, 56]), ...set(1, [0, 2]), ...set(3, [60, 58])];
    tool('sgdisk', 'gdisk', ['--typecode=2:fe3a2a5d-4f32-41a7-b725-accc3285a309', ...attributes, path]);
    const { parts } = (await report(path)).content;
    expect(parts[0]?.table.attributeNames).toEqual(['RequiredPartition', 'LegacyBIOSBootable']);
    expect(parts[1]?.table.attributeNames).toEqual(['priority=5', 'tries=2', 'successful=1']);
    expect(parts[2]?.table.attributeNames).toEqual(['read-only', 'GUID:58']);
  });
});

describe('inspect', () => {
  test('prints a table', async () => {
    const printed = await lines('inspect', images.diskZst);
    expect(printed[0]).toContain('gpt, 67108864 bytes (64 MiB) (disk.img in a tar, zstd)');
    const table = printed.slice(printed.indexOf('') + 1).slice(0, 5);
    expect(table[0]).toMatch(/^Nr Name +Start +Size +Type +PARTUUID +Content$/);
    expect(table[2]).toMatch(
      /^ 2 A_root +20480 18 MiB Linux filesystem aaaaaaaa-\S+ ext4 "tests" \+ verity$/,
    );
    expect(table[4]).toMatch(/^ 4 empty +102400 +2 MiB Linux filesystem aaaaaaaa-\S+ zeros$/);
    expect(printed).toContain(`  root hash:     ${images.rootHash}`);
  });

  test('shows a damaged partition as damaged, and the others unchanged', async () => {
    const path = `${images.folder}/damaged-part.img`;
    tool('cp', 'coreutils', [images.disk, path]);
    // The superblock's block size, which its checksum covers.
    tool(
      'dd',
      'coreutils',
      [`of=${path}`, 'bs=1', `seek=${10 * MIB + 1024 + 24}`, 'conv=notrunc'],
      Buffer.of(1),
    );
    const { content } = await report(path);
    expect(content.parts[1]?.problem).toMatch(/A_root: .*superblock/);
    expect(content.parts[2]?.content.format).toBe('erofs');
    expect((await run('inspect', path)).stdout.toString()).toMatch(/^A_root: damaged: .*superblock/m);
  });
});
