import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { directory, file, symlink } from '../../testing/entries/entries.ts';
import { namesTree, sizesTree, typesTree, xattrsTree } from '../../testing/erofs/boundary-trees.ts';
import {
  erofsTool,
  expectedOf,
  ImageFolder,
  imageOf,
  readerOf,
  seenBy,
  type TestTree,
  tree,
} from '../../testing/erofs/erofs-image.ts';
import { noise, prose } from '../../testing/noise.ts';
import { MemoryImage } from '../block/block.ts';
import type { Entry } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';
import { TAR_END, tarHeader, tarPadding } from '../tar/tar.ts';
import { COMPATIBLE, INCOMPATIBLE, SUPERBLOCK, SUPERBLOCK_OFFSET_BYTES } from './format.ts';

const images = new ImageFolder();
afterAll(() => images.remove());

/**
 * Keeps the entries that mkfs.erofs reads from an archive: no sockets, no attributes over 4 KiB.
 */
function packable({ entries, contents }: TestTree): TestTree {
  const fits = (entry: Entry): boolean =>
    entry.type !== 'socket' && [...entry.xattrs.values()].every((value) => value.length < 4096);
  const root = entries[0]?.path === '' ? [] : [directory('')];
  return { entries: [...root, ...entries.filter(fits)], contents };
}

function archiveOf({ entries, contents }: TestTree): Buffer {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  const ownerOf = (entry: Entry): Entry =>
    entry.type === 'hardlink' ? ownerOf(byPath.get(entry.target) as Entry) : entry;
  const links = entries.filter(({ type }) => type === 'hardlink');
  const members = entries.filter(({ type }) => type !== 'hardlink');
  return Buffer.concat([
    ...members.flatMap((entry) =>
      entry.type === 'file'
        ? [tarHeader(entry), contents.get(entry.path) as Uint8Array, tarPadding(entry.sizeBytes)]
        : [tarHeader(entry)],
    ),
    ...links.map((link) => tarHeader({ ...link, type: 'hardlink', target: ownerOf(link).path })),
    TAR_END,
  ]);
}

/** Returns the image that mkfs.erofs makes from a tree. */
function foreignImage(content: TestTree, options: readonly string[]): Uint8Array {
  const archive = images.file('in.tar');
  const image = images.file('foreign.img');
  writeFileSync(archive, archiveOf(content));
  const { status, output } = erofsTool('mkfs.erofs', '--tar=f', ...options, image, archive);
  if (status !== 0) throw new Error(output);
  return Uint8Array.from(readFileSync(image));
}

const TREES: Readonly<Record<string, () => TestTree>> = {
  sizes: sizesTree,
  types: typesTree,
  names: namesTree,
  xattrs: xattrsTree,
};

describe.each([
  ['default options', []],
  ['no inline data', ['-E', 'noinline_data']],
  ['chunks of 4 KiB', ['--chunksize=4096']],
  ['large inodes', ['-E', 'force-inode-extended']],
  ['small blocks', ['-b1024']],
  ['lz4', ['-zlz4']],
  ['lz4hc in large clusters', ['-zlz4hc,level=12', '-C65536']],
  ['lz4 with full indexes', ['-zlz4hc', '-C16384', '-E', 'legacy-compress']],
  ['zstd', ['-zzstd', '-C65536']],
  ['zstd in small clusters', ['-zzstd,level=1']],
  ['deflate', ['-zdeflate', '-C32768']],
  ['inline ends of files', ['-zlz4hc', '-E', 'ztailpacking']],
  ['two algorithms', ['-zlz4hc:zstd', '-C16384']],
] as const)('an image of mkfs.erofs with %s', (_title, options) => {
  test.each(Object.keys(TREES))('contains the tree of %s', (name) => {
    const content = packable((TREES[name] as () => TestTree)());
    expect(seenBy(readerOf(foreignImage(content, options)))).toEqual(expectedOf(content));
  });
});

test('holes of a file in chunks read as zeros', () => {
  const content = Buffer.alloc(3_000_000);
  noise(5000).copy(content, 1_000_000);
  const folder = images.file('sparse');
  mkdirSync(folder);
  writeFileSync(`${folder}/f`, content);
  const image = images.file('sparse.img');
  expect(erofsTool('mkfs.erofs', '--chunksize=65536', image, folder).status).toBe(0);
  const reader = readerOf(Uint8Array.from(readFileSync(image)));
  expect(Buffer.compare(Buffer.concat([...reader.readFile('f')]), content)).toBe(0);
});

test('names of attributes may have long prefixes', () => {
  const bytes = withoutChecksum(imageOf(tree([file('f', 1, { xattrs: new Map([['user.end', noise(3)]]) })])));
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  // After the superblock: a length of 16 bits, the index of the prefix "security.", and the infix.
  const list = Buffer.from('\u0005\0\u0006mid.\0\u0007\0\u0001begin.');
  bytes.set(list, 2048);
  const { xattr_prefix_count, xattr_prefix_start, feature_incompat } = SUPERBLOCK.at;
  xattr_prefix_count.set(view, 2, SUPERBLOCK_OFFSET_BYTES);
  xattr_prefix_start.set(view, 2048 / 4, SUPERBLOCK_OFFSET_BYTES);
  feature_incompat.set(view, INCOMPATIBLE.xattrPrefixes, SUPERBLOCK_OFFSET_BYTES);
  const entry = Buffer.from(bytes).indexOf('end', 4096) - 4;
  bytes[entry + 1] = 0x81;
  const names = (): string[] =>
    [...readerOf(bytes).walk()].flatMap(({ entry: { xattrs } }) => [...xattrs.keys()]);
  expect(names()).toEqual(['user.begin.end']);
  bytes[entry + 1] = 0x80;
  expect(names()).toEqual(['security.mid.end']);
  bytes[entry + 1] = 0x82;
  expect(names).toThrow('unknown prefix 130');
});

test.each([
  ['fragments', ['-zlz4hc', '-E', 'all-fragments,fragments'], 'fragments, which are not supported'],
  ['LZMA', ['-zlzma'], 'LZMA, which is not supported'],
])('%s: refused with a message of one line', (_, options, message) => {
  const content = tree([file('f', 100_000)], { f: prose(100_000) });
  const bytes = foreignImage(content, options);
  expect(() => seenBy(readerOf(bytes, 'disk.img'))).toThrow(message);
  expect(() => seenBy(readerOf(bytes, 'disk.img'))).toThrow(UserError);
});

describe('the reader refuses', () => {
  const small = (): Uint8Array => imageOf(tree([file('f', 5000), symlink('l', 'f'), directory('d')]));

  test('bytes that are not EROFS', () => {
    expect(() => readerOf(new Uint8Array(8192), 'disk.img')).toThrow(
      'disk.img: there is no EROFS superblock',
    );
    expect(() => readerOf(new Uint8Array(100), 'disk.img')).toThrow('disk.img: there is no EROFS superblock');
  });

  test('a superblock with a changed byte', () => {
    for (let offset = 1024; offset < 4096; offset += 7) {
      const bytes = small();
      bytes[offset] = (bytes[offset] as number) ^ 0x40;
      expect(() => readerOf(bytes), `byte ${offset}`).toThrow(/checksum|superblock|cut off/);
    }
  });

  test('an image that is cut off', () => {
    const bytes = small();
    expect(() => seenBy(readerOf(bytes.subarray(0, bytes.length - 1)))).toThrow(
      'the image is cut off or damaged',
    );
  });

  test('two directories with the same content', () => {
    const bytes = imageOf(tree([directory('a'), directory('b'), file('b/f', 1)]));
    const reader = readerOf(bytes);
    const [a, b] = [reader.lookup('a') as number, reader.lookup('b') as number];
    // Inline names follow the inode: this replaces a with b and the names of b.
    bytes.copyWithin(a * 32, b * 32, b * 32 + 96);
    expect(() => seenBy(readerOf(bytes))).toThrow('has no correct "." and ".."');
  });
});

/** Reads all entries and contents. */
function everything(bytes: Uint8Array): void {
  const image = new MemoryImage(bytes.length);
  image.write(0, bytes);
  const reader = readerOf(bytes);
  let entries = 0;
  for (const { entry, nid } of reader.walk()) {
    expect(++entries).toBeLessThan(100_000);
    // Damage may make a hole of any size; reading it would take long.
    if (entry.type !== 'file' || entry.sizeBytes > 1 << 30) continue;
    for (const piece of reader.readFile(nid)) expect(piece.length).toBeLessThanOrEqual(1 << 20);
  }
}

/** Turns off the checksum of the superblock, so that the reader gets past it to other damage. */
function withoutChecksum(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const field = SUPERBLOCK.at.feature_compat;
  const features = field.get(view, SUPERBLOCK_OFFSET_BYTES) & ~COMPATIBLE.checksum;
  field.set(view, features, SUPERBLOCK_OFFSET_BYTES);
  return bytes;
}

describe('damage leads only to a UserError or to other content:', () => {
  const content = tree(
    [
      file('f', 20_000, { xattrs: new Map([['user.a', noise(100)]]) }),
      file('g', 100_000, { xattrs: new Map([['user.b', noise(40)]]) }),
      file('h', 30, { xattrs: new Map([['user.b', noise(40)]]) }),
      directory('d'),
      ...Array.from({ length: 20 }, (_, index) => file(`d/${'n'.repeat(200)}${100 + index}`, index)),
      symlink('l', 'target'),
    ],
    { g: prose(100_000) },
  );
  const seeds: readonly (readonly [string, () => Uint8Array])[] = [
    ['ours', () => imageOf(content)],
    ['ours with zstd', () => imageOf(content, { compression: { algorithm: 'zstd' } })],
    ['ours with lz4', () => imageOf(content, { compression: { algorithm: 'lz4' } })],
    ['of mkfs.erofs in chunks', () => foreignImage(content, ['--chunksize=4096'])],
    ['of mkfs.erofs with compact indexes', () => foreignImage(content, ['-zlz4hc', '-C16384'])],
    ['of mkfs.erofs with inline ends', () => foreignImage(content, ['-zlz4hc', '-E', 'ztailpacking'])],
  ];
  test.each(seeds)('%s', (_, make) => {
    const pristine = withoutChecksum(make());
    everything(pristine);
    let state = 12_345;
    const random = (limit: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      return (state >>> 8) % limit;
    };
    // Readers follow metadata; damage of content has little effect.
    const metadataBytes = Math.min(pristine.length, 5 * 4096);
    for (let round = 0; round < 500; round++) {
      const bytes = Uint8Array.from(pristine);
      for (let changes = 1 + random(3); changes > 0; changes--) {
        const start = 1024 + random(metadataBytes - 1024);
        if (random(4) === 0) bytes.fill(0xff, start, start + 4);
        else bytes[start] = random(256);
      }
      try {
        everything(bytes);
      } catch (error) {
        expect((error as Error).name, `round ${round}: ${(error as Error).stack}`).toBe('UserError');
      }
    }
  });
});
