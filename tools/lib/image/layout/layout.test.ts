import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../formats/error/user-error.ts';
import {
  checkImageFits,
  type Layout,
  minimumDiskSectors,
  parseLayout,
  partitionNamed,
  placeImages,
} from './layout.ts';
import { parseSize } from './size.ts';

const ESP = 'b78084e2-3363-1346-8c25-d426f26b8928';
const GRUB = '6788e4cf-f456-104e-9a34-a2c58cfb0ee6';
const CONFIG = 'a5ba3816-beaa-d74d-993e-cfa5aa6ba1f6';

const GUESTOS = `# name, start, size, type, partition UUID, comment
esp,    2048,   204800, U, ${ESP.toUpperCase()}, EFI loader, vfat
grub,   206848, 100M,   L, ${GRUB}, # modules

config, 411648, 100 MiB, M, ${CONFIG}\r
`;

/** Parses rows; `{1}` to `{3}` are replaced by three UUIDs. */
function parse(...rows: string[]): Layout {
  const uuids = [ESP, GRUB, CONFIG];
  const text = rows
    .join('\n')
    .replaceAll(/\{([1-3])\}/g, (_match, digit: string) => uuids[Number(digit) - 1] ?? '');
  return parseLayout(text, 'ic-os/x/partitions.csv');
}

describe('layout', () => {
  test('rows become partitions, in sectors, with comments, units and either line end', () => {
    const layout = parseLayout(GUESTOS, 'partitions.csv');
    expect(layout.partitions).toEqual([
      {
        name: 'esp',
        startSector: 2048,
        sizeSectors: 204800,
        type: 'U',
        uuid: ESP,
        comment: 'EFI loader, vfat',
        line: 2,
      },
      { name: 'grub', startSector: 206848, sizeSectors: 204800, type: 'L', uuid: GRUB, comment: '', line: 3 },
      {
        name: 'config',
        startSector: 411648,
        sizeSectors: 204800,
        type: 'M',
        uuid: CONFIG,
        comment: '',
        line: 5,
      },
    ]);
    expect(minimumDiskSectors(layout)).toBe(411648 + 204800 + 2048);
  });

  test('partitions may touch and need not be in the order of the disk', () => {
    const layout = parse('b, 4096, 2048, L, {1}', 'a, 2048, 2048, L, {2}');
    expect(layout.partitions.map(({ name }) => name)).toEqual(['b', 'a']);
    expect(minimumDiskSectors(layout)).toBe(4096 + 2048 + 2048);
  });

  test.each([
    [
      'esp, 2049, 2048, U, {1}',
      ':1: partition "esp": start 2049 is not a multiple of 2048 sectors (1 MiB): use 2048 or 4096',
    ],
    [
      'esp, 2048, 2047, U, {1}',
      ':1: partition "esp": size 2047 is not a multiple of 2048 sectors (1 MiB): use 2048',
    ],
    ['esp, 2048, 1K, U, {1}', ':1: partition "esp": size 1K is not a multiple of 2048 sectors (1 MiB)'],
    [
      'esp, 0, 2048, U, {1}',
      ':1: partition "esp": start 0 is inside the partition table: start at sector 2048 (1M) or later',
    ],
    ['esp, 2048, 0, U, {1}', ':1: partition "esp": the size is 0: give it 2048 sectors (1M) or more'],
    ['esp, 2048, 1Q, U, {1}', ':1: partition "esp": size "1Q" has the unknown unit "Q": use B, K or KiB'],
    ['esp, 2048, -1, U, {1}', ':1: partition "esp": size "-1" is not a size'],
    ['esp, 2048, 1.5G, U, {1}', ':1: partition "esp": size "1.5G" is not a size'],
    ['esp, , 2048, U, {1}', ':1: partition "esp": start "" is not a size'],
    [
      'esp, 2048, 99999999999999999999, U, {1}',
      ':1: partition "esp": size "99999999999999999999" is too large',
    ],
    [
      'esp, 2048, 2048, X, {1}',
      ':1: partition "esp": unknown type "X": use U (EFI system), L (Linux data), M (Microsoft basic data)',
    ],
    ['esp, 2048, 2048, toString, {1}', ':1: partition "esp": unknown type "toString"'],
    ['esp, 2048, 2048, U, {1}0', `:1: partition "esp": "${ESP}0" is not a UUID`],
    ['esp, 2048, 2048, U', ':1: too few columns: write name, start, size, type, partition UUID, comment'],
    ['a b, 2048, 2048, U, {1}', ':1: "a b" is not a partition name'],
    ['../x, 2048, 2048, U, {1}', ':1: "../x" is not a partition name'],
    [`${'n'.repeat(37)}, 2048, 2048, U, {1}`, 'is not a partition name: use up to 36 letters'],
    [
      'a, 2048, 4096, L, {1}\nb, 4096, 2048, L, {2}',
      ':2: partition "b" begins at sector 4096, within "a" of line 1, which ends before 6144: start at 6144 or later',
    ],
    [
      'b, 4096, 2048, L, {2}\na, 2048, 4096, L, {1}',
      ':1: partition "b" begins at sector 4096, within "a" of line 2',
    ],
    [
      'a, 2048, 1G, L, {1}\nb, 4096, 2048, L, {2}\nc, 6144, 2048, L, {3}',
      ':2: partition "b" begins at sector 4096, within "a"',
    ],
    ['a, 2048, 2048, L, {1}\na, 4096, 2048, L, {2}', ':2: the name "a" is already used in line 1'],
    [
      'a, 2048, 2048, L, {1}\nb, 4096, 2048, L, {1}',
      `:2: partition "b" has the UUID of "a" in line 1 (${ESP})`,
    ],
    ['# nothing', ' has no partition; write one row per partition: name, start'],
  ])('refused with file, line, rule and remedy: %s', (rows, message) => {
    expect(() => parse(rows)).toThrow(UserError);
    expect(() => parse(rows)).toThrow(`ic-os/x/partitions.csv${message.startsWith(':') ? message : ''}`);
    expect(() => parse(rows)).toThrow(message);
  });

  test('more partitions than a table holds are refused', () => {
    const rows = Array.from({ length: 129 }, (_, index) => {
      const uuid = `00000000-0000-0000-0000-${String(index).padStart(12, '0')}`;
      return `p${index}, ${2048 * (index + 1)}, 2048, L, ${uuid}`;
    });
    expect(parse(...rows.slice(0, 128)).partitions.length).toBe(128);
    expect(() => parse(...rows)).toThrow('129 partitions: a partition table holds at most 128');
  });

  test('every text is parsed or refused with a UserError', () => {
    const field = fc.constantFrom(
      'a',
      '2048',
      '4096',
      '1M',
      '0',
      'U',
      'L',
      ESP,
      GRUB,
      '',
      '#',
      '"',
      '\r',
      '\0',
    );
    const row = fc.array(field, { maxLength: 7 }).map((fields) => fields.join(','));
    fc.assert(
      fc.property(fc.array(row, { maxLength: 4 }), (rows) => {
        try {
          parseLayout(rows.join('\n'), 'f');
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
    );
  });
});

describe('images in partitions', () => {
  const layout = parseLayout(GUESTOS, 'partitions.csv');

  test('an image is placed in the partition that it is mapped to', () => {
    const images = new Map([
      ['config', { source: 'config.img', sizeBytes: 1 }],
      ['esp', { source: 'esp.img', sizeBytes: 204800 * 512 }],
    ]);
    expect(placeImages(layout, images).map(({ partition, image }) => [partition.name, image.source])).toEqual(
      [
        ['esp', 'esp.img'],
        ['config', 'config.img'],
      ],
    );
  });

  test('an unknown partition is an error that lists the known ones', () => {
    expect(() => partitionNamed(layout, 'x')).toThrow(
      'unknown partition "x": partitions.csv has esp, grub, config',
    );
    expect(() => placeImages(layout, new Map([['x', { source: 'x.img', sizeBytes: 1 }]]))).toThrow(
      'unknown partition',
    );
  });

  test('an image that is too large is an error that says by how much', () => {
    const image = { source: 'esp.img', sizeBytes: 204800 * 512 + 3 };
    expect(() => checkImageFits(layout, partitionNamed(layout, 'esp'), image)).toThrow(
      'esp.img is 3 bytes too large for partition "esp" (104857603 bytes into 104857600): make the image smaller, ' +
        'or the partition larger in partitions.csv:2',
    );
  });
});

describe('sizes', () => {
  test.each([
    ['0', 0],
    ['1', 1],
    ['512B', 512],
    ['1k', 1024],
    ['1KiB', 1024],
    ['100M', 104857600],
    ['100MiB', 104857600],
    ['3G', 3221225472],
    [' 10 GiB ', 10737418240],
    ['2TiB', 2199023255552],
  ])('%j is %i bytes', (text, sizeBytes) => {
    expect(parseSize(text)).toBe(sizeBytes);
  });

  test.each(['3X', '3GB', '3Kib2'])('%j is refused with the option and the known units', (text) => {
    expect(() => parseSize(text, '--size')).toThrow(/^--size: .*B, K or KiB, M or MiB, G or GiB, T or TiB/);
  });

  test.each(['', 'G', '-1', '1.5G', '1e3', '0x10', '9999999999T'])('%j is refused', (text) => {
    expect(() => parseSize(text)).toThrow(UserError);
  });
});
