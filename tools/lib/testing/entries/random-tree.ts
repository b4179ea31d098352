/** Generates random trees for property tests of file systems. */
import fc from 'fast-check';
import type { Entry, EntryMetadata } from '../../formats/entry/entry.ts';
import { decodeName, nameBytes } from '../../formats/entry/name.ts';

const MAXIMUM_NAME_BYTES = 255;
const SLASH_OR_NUL = /[/\0]/g;

/** The generators that differ between file systems. */
export interface TreeArbitraries {
  readonly content: fc.Arbitrary<Uint8Array>;
  readonly xattrValue: fc.Arbitrary<Uint8Array>;
  /** Names that no entry may have. */
  readonly reservedNames?: readonly string[];
}

export interface RandomTree {
  readonly entries: Entry[];
  readonly contents: Record<string, Uint8Array>;
}

/** Generates names of any bytes, which are rarely UTF-8. */
function bytesArbitrary(maxLength: number): fc.Arbitrary<string> {
  return fc
    .array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength })
    .map((bytes) => decodeName(Buffer.from(bytes)));
}

function nameArbitrary(reserved: readonly string[]): fc.Arbitrary<string> {
  return fc
    .oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
      bytesArbitrary(MAXIMUM_NAME_BYTES),
      // These sort next to `.`, to `..` and to each other.
      fc.constantFrom('!', '-', '.a', '.-', 'a', 'a!', 'a0'),
    )
    .map((name) => name.replaceAll(SLASH_OR_NUL, '_'))
    .filter((name) => nameBytes(name) <= MAXIMUM_NAME_BYTES)
    .filter((name) => !['.', '..', ...reserved].includes(name));
}

function xattrsArbitrary(value: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Map<string, Uint8Array>> {
  const prefix = fc.constantFrom('user.', 'trusted.', 'security.');
  const name = fc.oneof(fc.string({ minLength: 1, maxLength: 40 }), bytesArbitrary(40));
  return fc
    .uniqueArray(fc.tuple(prefix, name, value), { maxLength: 5, selector: ([start, end]) => start + end })
    .map((list) => new Map(list.map(([start, end, bytes]) => [start + end, bytes])));
}

/** Generates owners around the limit of 16 bits, and up to that of 32 bits. */
const ownerArbitrary = fc.oneof(fc.constantFrom(0, 65_535, 65_536), fc.integer({ min: 0, max: 0xffffffff }));

/** The fields from which an entry is made; each type of entry uses some of them. */
interface Node {
  readonly kind: Entry['type'];
  /** Selects one of the previous directories as the parent, and one of the previous files. */
  readonly choice: number;
  readonly name: string;
  readonly metadata: Omit<EntryMetadata, 'path'>;
  readonly content: Uint8Array;
  readonly target: string;
  readonly device: { readonly major: number; readonly minor: number };
}

const KINDS: readonly Entry['type'][] = [
  'directory',
  'directory',
  'file',
  'file',
  'symlink',
  'hardlink',
  'character-device',
  'block-device',
  'fifo',
  'socket',
];

function nodeArbitrary({ content, xattrValue, reservedNames }: TreeArbitraries): fc.Arbitrary<Node> {
  return fc.record({
    kind: fc.constantFrom(...KINDS),
    choice: fc.nat(),
    name: nameArbitrary(reservedNames ?? []),
    metadata: fc.record({
      mode: fc.integer({ min: 0, max: 0o7777 }),
      uid: ownerArbitrary,
      gid: ownerArbitrary,
      xattrs: xattrsArbitrary(xattrValue),
    }),
    content,
    target: fc
      .oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }), bytesArbitrary(200))
      .map((text) => text.replaceAll('\0', '0')),
    device: fc.record({
      major: fc.integer({ min: 0, max: 0xfff }),
      minor: fc.integer({ min: 0, max: 0xfffff }),
    }),
  });
}

/** Converts a node; `undefined` for a hard link if there is no file yet. */
function entryOf(
  { kind, choice, metadata: given, ...node }: Node,
  path: string,
  files: readonly string[],
): Entry | undefined {
  const metadata: EntryMetadata = { path, ...given };
  switch (kind) {
    case 'file':
      return { ...metadata, type: kind, sizeBytes: node.content.length };
    case 'symlink':
      return { ...metadata, type: kind, target: node.target };
    case 'hardlink': {
      const target = files[choice % files.length];
      return target === undefined ? undefined : { ...metadata, type: kind, target };
    }
    case 'character-device':
    case 'block-device':
      return { ...metadata, type: kind, ...node.device };
    default:
      return { ...metadata, type: kind };
  }
}

/**
 * Builds a tree in which each node is in one of the directories before it. Skips repeated paths.
 */
function buildTree(nodes: readonly Node[]): RandomTree {
  const directories = [''];
  const files: string[] = [];
  const entries = new Map<string, Entry>();
  const contents: Record<string, Uint8Array> = {};
  for (const node of nodes) {
    const parent = directories[node.choice % directories.length] as string;
    const path = parent === '' ? node.name : `${parent}/${node.name}`;
    const entry = entries.has(path) ? undefined : entryOf(node, path, files);
    if (entry === undefined) continue;
    entries.set(path, entry);
    if (entry.type === 'directory') directories.push(path);
    if (entry.type !== 'file') continue;
    files.push(path);
    contents[path] = node.content;
  }
  return { entries: [...entries.values()], contents };
}

/** Generates trees of up to 60 entries, in no order. */
export function treeArbitrary(arbitraries: TreeArbitraries): fc.Arbitrary<RandomTree> {
  return fc.array(nodeArbitrary(arbitraries), { maxLength: 60 }).map(buildTree);
}
