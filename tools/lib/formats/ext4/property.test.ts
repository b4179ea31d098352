import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import {
  e2fsckComplaints,
  ImageFolder,
  readAll,
  readTree,
  TEST_OPTIONS,
} from '../../testing/ext4/ext4-image.ts';
import { comparePaths, type Entry, type EntryMetadata } from '../entry/entry.ts';
import { decodeName, encodeName, nameBytes } from '../entry/name.ts';
import { minimumExt4SizeBytes } from './ext4.ts';

const images = new ImageFolder();
afterAll(() => images.remove());

const MAXIMUM_BLOCKS = 30;

/** Names of arbitrary bytes, rarely UTF-8, and of text. */
const bytesArbitrary = (maxLength: number): fc.Arbitrary<string> =>
  fc
    .array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength })
    .map((bytes) => decodeName(Buffer.from(bytes)));

const nameArbitrary = fc
  .oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }), bytesArbitrary(255))
  .map((name) => name.replaceAll(/[/\0]/g, '_'))
  .filter((name) => name !== '.' && name !== '..' && name !== 'lost+found');

const xattrsArbitrary = fc
  .uniqueArray(
    fc.tuple(
      fc.constantFrom('user.', 'trusted.', 'security.'),
      fc.oneof(fc.string({ minLength: 1, maxLength: 40 }), bytesArbitrary(40)),
      fc.uint8Array({ maxLength: 300 }),
    ),
    { maxLength: 5, selector: ([prefix, name]) => prefix + name },
  )
  .map((list) => new Map(list.map(([prefix, name, value]) => [prefix + name, value])));

const metadataArbitrary = fc.record({
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.integer({ min: 0, max: 0xffffffff }),
  gid: fc.integer({ min: 0, max: 0xffffffff }),
  xattrs: xattrsArbitrary,
});

/** The content of a file: the byte that fills each block, and the size of the last one. */
const contentArbitrary = fc
  .tuple(
    fc.array(fc.constantFrom(0, 0, 1, 2), { maxLength: MAXIMUM_BLOCKS }),
    fc.integer({ min: 0, max: 4095 }),
  )
  .map(([blocks, missing]) => {
    const bytes = Buffer.concat(blocks.map((byte) => Buffer.alloc(4096, byte)));
    return bytes.subarray(0, Math.max(bytes.length - missing, 0));
  });

const deviceArbitrary = fc.record({
  major: fc.integer({ min: 0, max: 0xfff }),
  minor: fc.integer({ min: 0, max: 0xfffff }),
});

const nodeArbitrary = fc.record({
  kind: fc.constantFrom(
    'directory',
    'directory',
    'file',
    'file',
    'symlink',
    'hardlink',
    'device',
    'fifo',
    'socket',
  ),
  /** Selects one of the previous directories or files. */
  choice: fc.nat(),
  name: nameArbitrary,
  metadata: metadataArbitrary,
  content: contentArbitrary,
  target: fc
    .oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }), bytesArbitrary(200))
    .map((text) => text.replaceAll('\0', '0')),
  device: deviceArbitrary,
});
type Node = typeof nodeArbitrary extends fc.Arbitrary<infer T> ? T : never;

interface TestTree {
  readonly entries: Entry[];
  readonly contents: Record<string, Uint8Array>;
}

/** Builds a tree from the nodes: each is in one of the previous directories. */
function buildTree(nodes: readonly Node[]): TestTree {
  const directories = [''];
  const files: string[] = [];
  const seen = new Set<string>();
  const entries: Entry[] = [];
  const contents: Record<string, Uint8Array> = {};
  for (const node of nodes) {
    const parent = directories[node.choice % directories.length] as string;
    const path = parent === '' ? node.name : `${parent}/${node.name}`;
    if (nameBytes(node.name) > 255 || seen.has(path)) continue;
    seen.add(path);
    const metadata: EntryMetadata = { path, ...node.metadata };
    if (node.kind === 'directory') {
      directories.push(path);
      entries.push({ ...metadata, type: 'directory' });
    } else if (node.kind === 'file') {
      files.push(path);
      contents[path] = node.content;
      entries.push({ ...metadata, type: 'file', sizeBytes: node.content.length });
    } else if (node.kind === 'symlink') {
      entries.push({ ...metadata, type: 'symlink', target: node.target });
    } else if (node.kind === 'device') {
      entries.push({
        ...metadata,
        type: node.choice % 2 === 0 ? 'block-device' : 'character-device',
        ...node.device,
      });
    } else if (node.kind === 'fifo' || node.kind === 'socket') {
      entries.push({ ...metadata, type: node.kind });
    } else if (files.length > 0) {
      entries.push({ ...metadata, type: 'hardlink', target: files[node.choice % files.length] as string });
    }
  }
  return { entries, contents };
}

/** Returns the tree that a reader yields: later paths of a file are links, with its metadata. */
function expected({ entries, contents }: TestTree): unknown[] {
  const owner = new Map<string, Entry>();
  const fileOf = (entry: Entry): Entry =>
    entry.type === 'hardlink' ? (entries.find(({ path }) => path === entry.target) as Entry) : entry;
  return entries
    .toSorted((left, right) => comparePaths(left.path, right.path))
    .map((entry) => {
      const file = fileOf(entry);
      const first = owner.get(file.path);
      if (first === undefined) owner.set(file.path, entry);
      const seen: Entry =
        first === undefined
          ? { ...file, path: entry.path }
          : { ...file, path: entry.path, type: 'hardlink', target: first.path };
      return { ...plain(seen), content: file.type === 'file' ? hex(contents[file.path]) : undefined };
    });
}

function hex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex');
}

function plain(entry: Entry): Record<string, unknown> {
  const { sizeBytes: _, ...rest } = { sizeBytes: undefined, ...entry };
  return {
    ...rest,
    xattrs: Array.from(entry.xattrs, ([name, value]) => `${hex(encodeName(name))}=${hex(value)}`).sort(),
  };
}

test('every tree passes e2fsck and is read back', { timeout: 600_000 }, () => {
  fc.assert(
    fc.property(
      fc.array(nodeArbitrary, { maxLength: 60 }),
      fc.boolean(),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      (nodes, journal, seed) => {
        const tree = buildTree(nodes);
        const digits = hex(seed);
        const hashSeed = [0, 8, 12, 16, 20].map((start, part) =>
          digits.slice(start, [8, 12, 16, 20, 32][part]),
        );
        const options = { ...TEST_OPTIONS, journal, hashSeed: hashSeed.join('-') };
        const entries = tree.entries.toSorted((left, right) => comparePaths(left.path, right.path));
        const sizeBytes = minimumExt4SizeBytes(entries, options);
        const path = images.write(tree.entries, { ...options, sizeBytes }, tree.contents);
        expect(e2fsckComplaints(path)).toBe('');
        const found = readTree(path)
          .slice(1)
          .map((entry) => {
            const isFile = entry.type === 'file' || entry.type === 'hardlink';
            return { ...plain(entry), content: isFile ? hex(readAll(path, entry.path)) : undefined };
          });
        expect(found).toEqual(expected(tree));
      },
    ),
    { numRuns: 250, seed: 20_240_501 },
  );
});
