import { afterAll, describe, expect, test } from 'vitest';
import { device, directory, file, hardlink, symlink, xattrs } from '../../testing/entries/entries.ts';
import { namesTree, sizesTree, typesTree, xattrsTree } from '../../testing/erofs/boundary-trees.ts';
import {
  erofsTool,
  expectedOf,
  fsckComplaints,
  GrowingImage,
  ImageFolder,
  imageOf,
  readerOf,
  seenBy,
  TEST_OPTIONS,
  tree,
} from '../../testing/erofs/erofs-image.ts';
import { noise, prose } from '../../testing/noise.ts';
import type { Entry } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';
import { type ErofsOptions, ErofsWriter, planErofs } from './erofs.ts';

const images = new ImageFolder();
afterAll(() => images.remove());

const TREES = {
  empty: () => tree([]),
  sizes: sizesTree,
  types: typesTree,
  names: namesTree,
  xattrs: xattrsTree,
} as const;
const COMPRESSIONS = {
  uncompressed: undefined,
  zstd: { algorithm: 'zstd', clusterBytes: 65_536 },
  lz4: { algorithm: 'lz4' },
  'zstd in small clusters': { algorithm: 'zstd', clusterBytes: 8192, level: 19 },
} as const;

describe.each(Object.entries(COMPRESSIONS))('an image, %s', (_title, compression) => {
  test.each(Object.entries(TREES))(
    'fsck.erofs accepts it, and our reader returns the tree of %s',
    (_, make) => {
      const content = make();
      const path = images.write(content, { compression });
      expect(fsckComplaints(path)).toBe('');
      expect(seenBy(readerOf(imageOf(content, { compression })))).toEqual(expectedOf(content));
    },
  );
});

test('dump.erofs shows the UUID, the inode count and the time of the image', () => {
  const path = images.write(tree([file('f', 1)]), { timeSeconds: 1_700_000_000 });
  const { output } = erofsTool('dump.erofs', '-s', path);
  expect(output).toMatch(/Filesystem UUID:\s+01234567-89ab-cdef-0123-456789abcdef/);
  expect(output).toMatch(/Filesystem inode count:\s+2/);
  expect(output).toMatch(/Filesystem created:.*2023/);
});

test('a file may have 65,000 names, or more names than a compact inode can count', () => {
  for (const count of [65_000, 65_536]) {
    const links = Array.from({ length: count - 1 }, (_, index) => hardlink(`link-${index}`, 'a'));
    const content = tree([file('a', 5), ...links]);
    const bytes = imageOf(content);
    const records = [...readerOf(bytes).walk()];
    expect(records.length).toBe(count + 1);
    expect(records[1]?.linkCount).toBe(count);
    expect(fsckComplaints(images.write(content))).toBe('');
  }
});

test('compression saves blocks for prose and zeros, and wastes none for noise', () => {
  const sizes = (content: Uint8Array): [number, number] => {
    const one = tree([file('f', content.length)], { f: content });
    return [imageOf(one).length, imageOf(one, { compression: { algorithm: 'zstd' } }).length];
  };
  const [plainNoise, packedNoise] = sizes(noise(300_000));
  expect(packedNoise).toBeLessThanOrEqual(plainNoise + 4096);
  const [plainProse, packedProse] = sizes(prose(300_000));
  expect(packedProse).toBeLessThan(plainProse / 2);
  const [, packedZeros] = sizes(Buffer.alloc(300_000));
  expect(packedZeros).toBeLessThanOrEqual(8 * 4096);
});

test('skipped zeros give the same image as written zeros', () => {
  for (const compression of [undefined, { algorithm: 'zstd' } as const]) {
    const content = Buffer.concat([noise(5000), Buffer.alloc(150_000), noise(100)]);
    const written = imageOf(tree([file('f', content.length)], { f: content }), { compression });
    const image = new GrowingImage();
    const writer = new ErofsWriter(image, [file('f', content.length)], { ...TEST_OPTIONS, compression });
    const open = writer.openFile('f');
    open.write(content.subarray(0, 1));
    open.write(content.subarray(1, 5000));
    open.skip(70_000);
    open.skip(80_000);
    open.write(content.subarray(155_000));
    open.close();
    expect(Buffer.compare(image.bytes(writer.finish().sizeBytes), written)).toBe(0);
  }
});

test('all blocks of metadata are written, and only whole ones', () => {
  const content = tree([...namesTree().entries, ...xattrsTree().entries.filter(({ path }) => path !== '')]);
  const plan = planErofs(content.entries, TEST_OPTIONS);
  const written = new Uint8Array(plan.dataOffsetBytes / 4096);
  for (const { offsetBytes, bytes } of plan.metadata()) {
    expect([offsetBytes % 4096, bytes.length % 4096]).toEqual([0, 0]);
    written.fill(1, offsetBytes / 4096, (offsetBytes + bytes.length) / 4096);
  }
  expect(written.indexOf(0)).toBe(-1);
});

test('a plan has the places of all contents, so that they can be written in any order', () => {
  const content = sizesTree();
  const plan = planErofs(content.entries, TEST_OPTIONS);
  const image = new GrowingImage();
  for (const { offsetBytes, bytes } of plan.metadata()) image.write(offsetBytes, bytes);
  for (let index = plan.entries.length - 1; index >= 0; index--) {
    const entry = plan.entries[index] as Entry;
    if (entry.type !== 'file') continue;
    const bytes = content.contents.get(entry.path) as Uint8Array;
    const { offsetBytes, lengthBytes, tailOffsetBytes, tailBytes } = plan.placeOf(index);
    if (tailBytes > 0) image.write(tailOffsetBytes, bytes.subarray(lengthBytes));
    if (lengthBytes > 0) image.write(offsetBytes, bytes.subarray(0, lengthBytes));
  }
  expect(Buffer.compare(image.bytes(plan.sizeBytes), imageOf(content))).toBe(0);
});

test('an image without inline tails has each content in one run', () => {
  const content = sizesTree();
  expect(fsckComplaints(images.write(content, { inlineTails: false }))).toBe('');
  expect(seenBy(readerOf(imageOf(content, { inlineTails: false })))).toEqual(expectedOf(content));
  const plan = planErofs(content.entries, { ...TEST_OPTIONS, inlineTails: false });
  expect(plan.placeOf(plan.indexOf('noise-4097') as number)).toMatchObject({
    lengthBytes: 4097,
    tailBytes: 0,
  });
});

test('an image has the given size, label and time', () => {
  const bytes = imageOf(tree([file('f', 10)]), { sizeBytes: 1 << 20, timeSeconds: 1_700_000_000 });
  expect(bytes.length).toBe(1 << 20);
  const reader = readerOf(bytes);
  expect(Buffer.from(reader.superblock.label).toString()).toBe('test'.padEnd(16, '\0'));
  for (const { modificationTime } of reader.walk())
    expect(modificationTime).toEqual({ seconds: 1_700_000_000, nanoseconds: 0 });
});

describe('the writer refuses', () => {
  const write = (entries: Entry[], options: Partial<ErofsOptions> = {}): void => {
    imageOf(tree(entries), options);
  };
  const bad: [string, () => void, string][] = [
    [
      'a size that is too small',
      () => write([file('f', 50_000)], { sizeBytes: 8192 }),
      'is 49152 bytes too small; make it 57344',
    ],
    [
      'a size that is too small even with compression',
      () => write([file('f', 50_000)], { sizeBytes: 8192, compression: { algorithm: 'zstd' } }),
      'make it',
    ],
    [
      'a size that is not a multiple of the block size',
      () => write([], { sizeBytes: 5000 }),
      'is not a multiple of 4096',
    ],
    ['a label of 16 bytes', () => write([], { label: 'x'.repeat(16) }), 'has 16 bytes, and 15 fit'],
    ['a wrong UUID', () => write([], { uuid: 'x' }), 'is not a UUID'],
    [
      'small clusters',
      () => write([], { compression: { algorithm: 'zstd', clusterBytes: 4096 } }),
      'write a power of two',
    ],
    ['an unknown level', () => write([], { compression: { algorithm: 'zstd', level: 23 } }), 'write 1 to 22'],
    ['a name of 256 bytes', () => write([file('x'.repeat(256), 0)]), 'its name has 256 bytes'],
    ['a target of 4096 bytes', () => write([symlink('l', 'x'.repeat(4096))]), 'a target has 1 to 4095'],
    ['a missing directory', () => write([file('a/b', 0)]), 'its directory a is not in the tree'],
    ['a path below a file', () => write([file('a', 0), file('a/b', 0)]), 'a is not a directory'],
    ['a repeated path', () => write([file('a', 0), file('a', 0)]), 'it is in the tree twice'],
    ['a link to a missing file', () => write([hardlink('a', 'b')]), 'is not in the tree; add it'],
    ['links in a circle', () => write([hardlink('a', 'b'), hardlink('b', 'a')]), 'leads back to itself'],
    ['a link to a directory', () => write([directory('a'), hardlink('b', 'a')]), 'is a directory'],
    [
      'an unknown namespace',
      () => write([file('a', 0, { xattrs: xattrs({ 'system.other': '' }) })]),
      'does not store',
    ],
    [
      'an attribute of 65536 bytes',
      () => write([file('a', 0, { xattrs: xattrs({ 'user.x': noise(65_536) }) })]),
      'has 65536 bytes',
    ],
    [
      'too many bytes of attributes',
      () =>
        write([
          file('a', 0, {
            xattrs: xattrs(
              Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`user.${n}`, noise(60_000, n * 2)])),
            ),
          }),
        ]),
      'bytes too large for EROFS',
    ],
    [
      'a major device number over 4095',
      () => write([device('d', 0x1000, 0, 'block-device')]),
      'is over 4095:1048575',
    ],
  ];
  test.each(bad)('%s', (_, act, message) => {
    expect(act).toThrow(message);
    expect(act).toThrow(UserError);
  });

  test('content that is missing, or shorter or longer than the tree says', () => {
    const writer = (): ErofsWriter => new ErofsWriter(new GrowingImage(), [file('f', 10)], TEST_OPTIONS);
    expect(() => writer().openFile('f').close()).toThrow(
      '/f: its content ends after 0 bytes, but the tree states 10',
    );
    expect(() => writer().openFile('f').write(noise(11))).toThrow(
      '/f: its content is longer than the 10 bytes',
    );
    expect(() => writer().finish()).toThrow('/f: none of its 10 bytes of content were written');
    expect(() => writer().openFile('g')).toThrow('g is not a regular file of the tree');
  });
});
