import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  expectedOf,
  fsckComplaints,
  ImageFolder,
  imageOf,
  noise,
  prose,
  readerOf,
  seenBy,
  type TestTree,
  tree,
} from '../../testing/erofs/erofs-image.ts';
import type { Entry, EntryMetadata } from '../entry/entry.ts';
import { decodeName } from '../entry/name.ts';

const images = new ImageFolder();

const nameArbitrary = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }).map((text) => Buffer.from(text)),
    fc.uint8Array({ minLength: 1, maxLength: 255 }).map((bytes) => Buffer.from(bytes)),
    fc.constantFrom('!', '-', '.a', '..', '.-', 'a', 'a!', 'a0').map((text) => Buffer.from(text)),
  )
  .map((bytes) =>
    decodeName(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x5f : byte)).subarray(0, 255)),
  )
  .filter((name) => name !== '.' && name !== '..');

const xattrsArbitrary = fc
  .uniqueArray(
    fc.tuple(
      fc.constantFrom('user.', 'trusted.', 'security.'),
      fc.string({ minLength: 1, maxLength: 20 }),
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(1, 2000, 5000).map((size) => Uint8Array.from(noise(size))),
      ),
    ),
    { maxLength: 4, selector: ([prefix, name]) => prefix + name },
  )
  .map((list) => new Map(list.map(([prefix, name, value]) => [prefix + name, value])));

const metadataArbitrary = fc.record({
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.integer({ min: 0, max: 0xffffffff }),
  gid: fc.oneof(fc.constantFrom(0, 65_535, 65_536), fc.integer({ min: 0, max: 0xffffffff })),
  xattrs: xattrsArbitrary,
});

const contentArbitrary = fc
  .tuple(
    fc.constantFrom('noise', 'prose', 'zeros'),
    fc.oneof(fc.nat({ max: 5000 }), fc.nat({ max: 300_000 })),
  )
  .map(([kind, size]) =>
    kind === 'noise' ? noise(size, size) : kind === 'prose' ? prose(size, size) : Buffer.alloc(size),
  );

const nodeArbitrary = fc.record({
  kind: fc.constantFrom(
    'directory',
    'directory',
    'file',
    'file',
    'symlink',
    'hardlink',
    'block-device',
    'fifo',
    'socket',
  ),
  /** Which of the directories, or files, so far. */
  choice: fc.nat(),
  name: nameArbitrary,
  metadata: metadataArbitrary,
  content: contentArbitrary,
  target: fc.string({ minLength: 1, maxLength: 200 }).map((text) => text.replaceAll('\0', '0')),
  major: fc.integer({ min: 0, max: 0xfff }),
  minor: fc.integer({ min: 0, max: 0xfffff }),
});
type Node = typeof nodeArbitrary extends fc.Arbitrary<infer T> ? T : never;

/** Puts the nodes into a tree, each into one of the directories before it. */
function treeOf(nodes: readonly Node[]): TestTree {
  const directories = [''];
  const files: string[] = [];
  const entries = new Map<string, Entry>();
  const contents: Record<string, Uint8Array> = {};
  for (const { kind, choice, name, metadata: given, content, target, major, minor } of nodes) {
    const parent = directories[choice % directories.length] as string;
    const path = parent === '' ? name : `${parent}/${name}`;
    if (entries.has(path)) continue;
    const metadata: EntryMetadata = { path, ...given };
    if (kind === 'directory') {
      directories.push(path);
      entries.set(path, { ...metadata, type: kind });
    } else if (kind === 'file') {
      files.push(path);
      contents[path] = content;
      entries.set(path, { ...metadata, type: kind, sizeBytes: content.length });
    } else if (kind === 'symlink') {
      entries.set(path, { ...metadata, type: kind, target });
    } else if (kind === 'block-device') {
      entries.set(path, { ...metadata, type: kind, major, minor });
    } else if (kind === 'fifo' || kind === 'socket') {
      entries.set(path, { ...metadata, type: kind });
    } else if (files.length > 0) {
      entries.set(path, { ...metadata, type: 'hardlink', target: files[choice % files.length] as string });
    }
  }
  return tree([...entries.values()], contents);
}

const compressionArbitrary = fc.option(
  fc.record({
    algorithm: fc.constantFrom('zstd', 'lz4'),
    level: fc.integer({ min: 1, max: 9 }),
    clusterBytes: fc.constantFrom(8192, 16_384, 65_536, 1 << 20),
  }),
  { nil: undefined },
);

test('any tree is read back as it was written, and fsck.erofs has nothing against it', () => {
  try {
    fc.assert(
      fc.property(
        fc.array(nodeArbitrary, { maxLength: 60 }),
        compressionArbitrary,
        fc.boolean(),
        (nodes, compression, inlineTails) => {
          const content = treeOf(nodes);
          const options = { compression, inlineTails };
          const bytes = imageOf(content, options);
          expect(seenBy(readerOf(bytes))).toEqual(expectedOf(content));
          expect(fsckComplaints(images.write(content, options))).toBe('');
        },
      ),
      { numRuns: 60 },
    );
  } finally {
    images.remove();
  }
});
