/**
 * Sparse files in all four forms: exchanged with GNU tar and bsdtar in both directions, and hostile
 * maps.
 */

import { closeSync, mkdirSync, openSync, readFileSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bsdTar, gnuTar, inChunks, readAll, temporaryFolder } from '../../testing/tar/archive.ts';
import { extendedHeader, header, withRecords } from '../../testing/tar/headers.ts';
import { MemoryImage } from '../block/block.ts';
import { BLOCK_BYTES, GNU_HEADER, SPARSE, SPARSE_HEADER, STAR_IN_HEADER } from './format.ts';
import { sealHeader } from './header.ts';
import { readTarSync } from './reader.ts';
import { scanTar } from './scan.ts';
import { type Extent, type SparseOptions, sparseHeader } from './sparse.ts';
import type { ExtentFields } from './sparse-map.ts';
import { TarReader } from './tar-reader.ts';
import { TAR_END, tarPadding } from './writer.ts';

const folder = temporaryFolder();
const FORMATS = [
  'pax-1.0',
  'pax-0.1',
  'pax-0.0',
  'gnu',
] as const satisfies readonly SparseOptions['format'][];
const BLOCK = BLOCK_BYTES;

/** The data of the extents, and the whole file with its holes. */
function fileOf(extents: readonly Extent[], realSizeBytes: number): { data: Buffer; whole: Buffer } {
  const whole = Buffer.alloc(realSizeBytes);
  const parts = extents.map(([offsetBytes, lengthBytes]) => {
    const part = Buffer.alloc(lengthBytes, `data at ${offsetBytes}, `);
    part.copy(whole, offsetBytes);
    return part;
  });
  return { data: Buffer.concat(parts), whole };
}

function sparseArchive(
  extents: readonly Extent[],
  realSizeBytes: number,
  options: SparseOptions,
  path = 'sparse',
): Buffer {
  const { header, dataSizeBytes } = sparseHeader({ path, mode: 0o644, realSizeBytes, extents }, options);
  const { data } = fileOf(extents, realSizeBytes);
  return Buffer.concat([header, data, tarPadding(dataSizeBytes), TAR_END]);
}

/**
 * Numbers of extents around the capacity of a header (4) and of each block after it (21) in the old
 * form.
 */
const EXTENT_COUNTS = [0, 1, 3, 4, 5, 24, 25, 26, 46, 47, 300];

function scattered(count: number): Extent[] {
  return Array.from({ length: count }, (_, index): Extent => [index * 3 * BLOCK, (1 + (index % 2)) * BLOCK]);
}

describe.each(FORMATS)('a sparse file in format %s', (format) => {
  it.each(EXTENT_COUNTS)(
    'of %i extents has the same content for GNU tar, bsdtar and this reader',
    (count) => {
      const extents = scattered(count);
      const realSizeBytes = count * 3 * BLOCK + 5000;
      const bytes = sparseArchive(extents, realSizeBytes, { format });
      const { whole } = fileOf(extents, realSizeBytes);
      expect(gnuTar(['-xOf', '-'], bytes).equals(whole), 'GNU tar').toBe(true);
      expect(bsdTar(['-xOf', '-'], bytes).equals(whole), 'bsdtar').toBe(true);
      expect(readAll(bytes, 777).contents.get('sparse')?.equals(whole), 'this reader').toBe(true);
    },
  );

  it('that ends within a block, with a long name that is not ASCII', () => {
    const extents: Extent[] = [
      [0, BLOCK],
      [9 * BLOCK, 3 * BLOCK + 77],
    ];
    const path = `${'folder/'.repeat(30)}Größe`;
    const bytes = sparseArchive(extents, 12 * BLOCK + 77, { format }, path);
    const { whole } = fileOf(extents, 12 * BLOCK + 77);
    expect(gnuTar(['-xOf', '-'], bytes).equals(whole)).toBe(true);
    expect(bsdTar(['-xOf', '-'], bytes).equals(whole)).toBe(true);
    expect(gnuTar(['--quoting-style=literal', '-tf', '-'], bytes).toString()).toBe(`${path}\n`);
    expect(bsdTar(['-tf', '-'], bytes).toString()).toBe(`${path}\n`);
    expect(readAll(bytes).contents.get(path)?.equals(whole)).toBe(true);
  });

  it('of 20 GiB has its size and its data for GNU tar, and for a scan', () => {
    const extents: Extent[] = [
      [1 << 20, BLOCK],
      [10 * 2 ** 30, 2 * BLOCK],
    ];
    const sizeBytes = 20 * 2 ** 30;
    const { header, dataSizeBytes } = sparseHeader(
      { path: 'disk', mode: 0o600, realSizeBytes: sizeBytes, extents, uid: 4_000_000_000 },
      { format },
    );
    const bytes = Buffer.concat([header, Buffer.alloc(dataSizeBytes, 7), TAR_END]);
    const listing = gnuTar(['--numeric-owner', '-tvf', '-'], bytes).toString();
    expect(listing).toMatch(/^-rw------- 4000000000\/0 +21474836480 1970-01-01 00:00 disk\n$/);
    const image = new MemoryImage(bytes.length);
    image.write(0, bytes);
    const [member] = scanTar(image, 'test.tar');
    expect(member).toMatchObject({
      entry: { sizeBytes, uid: 4_000_000_000 },
      extents,
      dataOffsetBytes: header.length,
    });
  });

  it('has the extents that were written, for any extents', () => {
    const gapAndLength = fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 1, max: 5 }));
    fc.assert(
      fc.property(
        fc.array(gapAndLength, { maxLength: 60 }),
        fc.integer({ min: 0, max: 3000 }),
        fc.integer({ min: 1, max: 2000 }),
        (gaps, tailBytes, chunkBytes) => {
          let position = 0;
          const extents = gaps.map(([gap, length]): Extent => {
            const start = position + gap * BLOCK;
            position = start + length * BLOCK;
            return [start, length * BLOCK];
          });
          const bytes = sparseArchive(extents, position + tailBytes, { format });
          const [member] = readTarSync(inChunks(bytes, chunkBytes), 'test.tar');
          expect(member).toMatchObject({ entry: { sizeBytes: position + tailBytes }, extents });
          const { whole } = fileOf(extents, position + tailBytes);
          expect(readAll(bytes, chunkBytes).contents.get('sparse')?.equals(whole)).toBe(true);
          const image = new MemoryImage(bytes.length);
          image.write(0, bytes);
          const pieces = [...new TarReader(image, 'test.tar').readFile('sparse')].map((piece) =>
            Buffer.from(piece),
          );
          expect(Buffer.concat(pieces).equals(whole)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });
});

it('sparse files on a disk, archived by bsdtar and GNU tar, are read with their holes', () => {
  const root = join(folder(), 'disk');
  mkdirSync(root);
  const path = join(root, 'file');
  const descriptor = openSync(path, 'w');
  for (let index = 0; index < 40; index++) writeSync(descriptor, `data ${index}`, index * (1 << 20));
  closeSync(descriptor);
  truncateSync(path, 50 << 20);
  const whole = readFileSync(path);
  const archives = [
    bsdTar(['-cf', '-', '--format=pax', '-C', root, 'file']),
    ...['0.0', '0.1', '1.0'].map((version) =>
      gnuTar(['--format=posix', '--sparse', `--sparse-version=${version}`, '-cf', '-', '-C', root, 'file']),
    ),
    gnuTar(['--format=gnu', '--sparse', '-cf', '-', '-C', root, 'file']),
    gnuTar(['--format=oldgnu', '--sparse', '-cf', '-', '-C', root, 'file']),
  ];
  const isSparse = statSync(path).blocks * BLOCK < 10 << 20;
  for (const bytes of archives) {
    if (isSparse) expect(bytes.length).toBeLessThan(1 << 20);
    expect(readAll(bytes).contents.get('file')?.equals(whole)).toBe(true);
  }
});

/** A sparse file as star writes it. Numbers end with a space. */
function starSparse(extents: readonly Extent[], realSizeBytes: number): Buffer {
  const { data } = fileOf(extents, realSizeBytes);
  const block = header({ name: 'star', typeFlag: 'S', sizeBytes: data.length });
  const put = (target: Buffer, offset: number, value: number): void => {
    target.write(`${value.toString(8).padStart(11, '0')} `, offset, 'latin1');
  };
  const putExtents = (target: Buffer, { sp, isextended }: ExtentFields, list: readonly Extent[]): void => {
    const capacity = sp.lengthBytes / SPARSE.sizeBytes;
    list.slice(0, capacity).forEach(([start, length], index) => {
      const element = sp.offsetBytes + SPARSE.sizeBytes * index;
      put(target, element + SPARSE.at.offset.offsetBytes, start);
      put(target, element + SPARSE.at.numbytes.offsetBytes, length);
    });
    if (list.length > capacity) target[isextended.offsetBytes] = 1;
  };
  const star = STAR_IN_HEADER.at;
  putExtents(block, star, extents);
  put(block, star.realsize.offsetBytes, realSizeBytes);
  put(block, star.atime.offsetBytes, 0);
  put(block, star.ctime.offsetBytes, 0);
  const extensions: Buffer[] = [];
  for (let done = 4; done < extents.length; done += 21) {
    const extension = Buffer.alloc(BLOCK_BYTES);
    putExtents(extension, SPARSE_HEADER.at, extents.slice(done));
    extensions.push(extension);
  }
  sealHeader(block);
  return Buffer.concat([block, ...extensions, data, tarPadding(data.length), TAR_END]);
}

it.each([1, 4, 5, 30])(
  'a sparse file in the form of star, with %i extents, has the same content for GNU tar and this reader',
  (count) => {
    const extents = [...scattered(count), [count * 3 * BLOCK, BLOCK] as const];
    const realSizeBytes = count * 3 * BLOCK + BLOCK;
    const bytes = starSparse(extents, realSizeBytes);
    const { whole } = fileOf(extents, realSizeBytes);
    expect(gnuTar(['-xOf', '-'], bytes).equals(whole)).toBe(true);
    expect(readAll(bytes).contents.get('star')?.equals(whole)).toBe(true);
  },
);

describe('a writer refuses', () => {
  it.each<[string, readonly Extent[], string]>([
    [
      'extents that overlap',
      [
        [0, 1024],
        [512, 512],
      ],
      'overlaps',
    ],
    [
      'extents that are not ascending',
      [
        [1024, 512],
        [0, 512],
      ],
      'overlaps',
    ],
    ['an extent past the end', [[0, 1 << 20]], 'passes the end'],
    ['an empty extent', [[0, 0]], 'is empty'],
    ['an extent that starts within a block', [[1, 512]], 'whole blocks'],
    ['an extent that ends within a block', [[0, 100]], 'whole blocks'],
  ])('%s', (_what, extents, message) => {
    expect(() => sparseHeader({ path: 'a', mode: 0, realSizeBytes: 10_000, extents })).toThrow(message);
  });
});

describe('a hostile map is refused in one line', () => {
  const records = (values: Record<string, string>): Buffer =>
    withRecords(
      Object.fromEntries(Object.entries(values).map(([key, value]) => [`GNU.sparse.${key}`, value])),
      { name: 's', sizeBytes: 512 },
    );
  const old = (offset: string, length: string, realSize = '00000020000', isExtended = false): Buffer => {
    const block = header({ name: 's', typeFlag: 'S', sizeBytes: 512, format: 'gnu' });
    const { sp, isextended, realsize } = GNU_HEADER.at;
    block.write(offset, sp.offsetBytes + SPARSE.at.offset.offsetBytes);
    block.write(length, sp.offsetBytes + SPARSE.at.numbytes.offsetBytes);
    block.write(realSize, realsize.offsetBytes);
    if (isExtended) block[isextended.offsetBytes] = 1;
    sealHeader(block);
    return block;
  };

  it.each<[string, Buffer, string]>([
    [
      '0.1 that overlaps',
      records({ size: '9000', numblocks: '2', map: '0,512,0,512' }),
      'overlap or pass the end',
    ],
    ['0.1 past the end', records({ size: '512', numblocks: '1', map: '512,512' }), 'overlap or pass the end'],
    [
      '0.1 with fewer extents than it states',
      records({ size: '9000', numblocks: '2', map: '0,512' }),
      'does not have the number of extents',
    ],
    [
      '0.1 with more extents than it states',
      records({ size: '9000', numblocks: '1', map: '0,512,512,512' }),
      'does not have the number of extents',
    ],
    ['0.1 without a map', records({ size: '9000', numblocks: '1' }), 'does not have the number of extents'],
    ['0.1 without a size', records({ numblocks: '1', map: '0,512' }), 'has no record GNU.sparse.size'],
    ['0.1 of letters', records({ size: '9000', numblocks: '1', map: 'a,b' }), 'not a decimal number'],
    [
      '0.1 of a long number',
      records({ size: '9000', numblocks: '1', map: `${'9'.repeat(40)},1` }),
      'too long',
    ],
    [
      '0.1 of too many extents',
      records({ size: '9000', numblocks: '999999999', map: '0,512' }),
      'more than 1048576 extents',
    ],
    [
      '0.1 with less data than is stored',
      records({ size: '9000', numblocks: '1', map: '0,0' }),
      '0 bytes of data, but 512',
    ],
    ['a future version', records({ major: '2', minor: '0', realsize: '1', name: 'x' }), 'in format "2.0"'],
    ['1.0 without a real size', records({ major: '1', minor: '0' }), 'has no record GNU.sparse.realsize'],
    ['gnu past the end', old('00000020000', '00000001000'), 'overlap or pass the end'],
    ['gnu of letters', old('0000000000x', '00000001000'), 'not an octal number'],
    ['gnu with more data than is stored', old('00000000000', '00000002000'), '1024 bytes of data, but 512'],
    [
      'gnu with a malformed block of extents',
      old('00000000000', '00000001000', '00000020000', true),
      'not an octal number',
    ],
  ])('%s', (_what, member, message) => {
    const read = () => readAll(Buffer.concat([member, Buffer.alloc(512, 1)]));
    expect(read).toThrow(message);
    expect(read).toThrow(
      expect.objectContaining({ name: 'UserError', message: expect.stringMatching(/^test\.tar: [^\n]+$/) }),
    );
  });

  it('offsets and lengths of 0.0 that do not alternate', () => {
    const body = '25 GNU.sparse.offset=512\n25 GNU.sparse.offset=512\n';
    expect(() => readAll(extendedHeader('x', body))).toThrow('does not alternate offsets and lengths');
  });
});
