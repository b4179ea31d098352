/**
 * The trees with which every format is tested. They contain cases in which writers and readers
 * often fail: sizes around every boundary; names that are long, unusual or not text; many links;
 * attributes up to the limits.
 */

import { comparePaths, type Entry } from '../../tools/lib/formats/entry/entry.ts';
import { decodeName } from '../../tools/lib/formats/entry/name.ts';
import * as entries from '../../tools/lib/testing/entries/entries.ts';
import { ACL } from '../../tools/lib/testing/entries/sample-acl.ts';
import { noise } from '../../tools/lib/testing/noise.ts';

/** A feature of a tree that some formats cannot store. */
export type Feature =
  | 'owners'
  | 'symlinks'
  | 'hardlinks'
  | 'devices'
  | 'sockets'
  | 'xattrs'
  /** Names that are not UTF-8, or that contain control characters. */
  | 'any bytes'
  /** Names of 255 bytes in paths of thousands of bytes. */
  | 'long paths';

/** A part of a file that holds data. The bytes between two parts are zeros. */
type DataRange = readonly [offsetBytes: number, lengthBytes: number];

export interface SampleTree {
  readonly name: string;
  readonly features: ReadonlySet<Feature>;
  /** Sorted, the root first. */
  readonly entries: readonly Entry[];
  /** The content of a file in pieces. */
  content(path: string): Iterable<Uint8Array>;
}

const PIECE_BYTES = 1 << 18;
const ZEROS = new Uint8Array(PIECE_BYTES);

/** The number of places where the data of a file can start within the noise. */
const NOISE_STARTS = 251;
const NOISE = noise(PIECE_BYTES + NOISE_STARTS);

/** Noise that depends on the path. */
function noiseOf(path: string): Buffer {
  const start = [...path].reduce(
    (total, character) => (total * 31 + character.charCodeAt(0)) % NOISE_STARTS,
    0,
  );
  return NOISE.subarray(start, start + PIECE_BYTES);
}

function* pieces(source: Uint8Array, lengthBytes: number): Generator<Uint8Array> {
  for (let done = 0; done < lengthBytes; done += PIECE_BYTES) {
    yield source.subarray(0, Math.min(PIECE_BYTES, lengthBytes - done));
  }
}

/** Collects entries and the data of files. */
class TreeBuilder {
  readonly #entries = new Map<string, Entry>();
  readonly #data = new Map<string, readonly DataRange[]>();

  constructor() {
    this.directory('');
  }

  #put(entry: Entry): this {
    this.#entries.set(entry.path, entry);
    return this;
  }
  directory(path: string, given: entries.GivenMetadata = {}): this {
    return this.#put(entries.directory(path, given));
  }
  file(
    path: string,
    sizeBytes: number,
    given: entries.GivenMetadata = {},
    data?: readonly DataRange[],
  ): this {
    this.#data.set(path, data ?? [[0, sizeBytes]]);
    return this.#put(entries.file(path, sizeBytes, given));
  }
  symlink(path: string, target: string, given: entries.GivenMetadata = {}): this {
    return this.#put(entries.symlink(path, target, given));
  }
  hardlink(path: string, target: string): this {
    return this.#put(entries.hardlink(path, target));
  }
  device(path: string, type: 'character-device' | 'block-device', major: number, minor: number): this {
    return this.#put(entries.device(path, major, minor, type));
  }
  special(path: string, type: 'fifo' | 'socket', mode: number): this {
    return this.#put({ ...entries.special(path, type), mode });
  }

  build(name: string, ...features: Feature[]): SampleTree {
    const sorted = [...this.#entries.values()].sort((left, right) => comparePaths(left.path, right.path));
    const data = this.#data;
    const sizes = new Map(sorted.map((entry) => [entry.path, entry.type === 'file' ? entry.sizeBytes : 0]));
    return {
      name,
      features: new Set(features),
      entries: sorted,
      *content(path) {
        const source = noiseOf(path);
        let position = 0;
        for (const [offsetBytes, lengthBytes] of data.get(path) ?? []) {
          yield* pieces(ZEROS, offsetBytes - position);
          yield* pieces(source, lengthBytes);
          position = offsetBytes + lengthBytes;
        }
        yield* pieces(ZEROS, (sizes.get(path) ?? 0) - position);
      },
    };
  }
}

/**
 * Sizes at which sectors, inline data, tails, blocks, clusters, pieces and chunks of the formats
 * end.
 */
const BOUNDARY_BYTES = [
  60,
  128,
  256,
  512,
  1024,
  2048,
  3968,
  4032,
  4064,
  4096,
  8192,
  12_288,
  16_384,
  32_768,
  49_152,
  65_536,
  131_072,
  1 << 20,
  4 << 20,
];

function sizes(): SampleTree {
  const tree = new TreeBuilder().file('empty', 0).file('one', 1);
  for (const boundary of BOUNDARY_BYTES) {
    for (const sizeBytes of [boundary - 1, boundary, boundary + 1]) tree.file(`size-${sizeBytes}`, sizeBytes);
  }
  return tree.build('files of the sizes around each boundary');
}

const BLOCK_BYTES = 4096;

function holes(): SampleTree {
  const alternating = (count: number): DataRange[] =>
    Array.from({ length: count }, (_, index) => [index * 2 * BLOCK_BYTES, BLOCK_BYTES]);
  return new TreeBuilder()
    .file('all-zeros', 100_000, {}, [])
    .file('front', 50_000, {}, [[40_000, 10_000]])
    .file('end', 50_000, {}, [[0, 10_000]])
    .file('odd', 50_001, {}, [
      [4095, 2],
      [20_000, 1],
      [50_000, 1],
    ])
    .file('four-extents', 8 * BLOCK_BYTES, {}, alternating(4))
    .file('five-extents', 10 * BLOCK_BYTES, {}, alternating(5))
    .file('1361-extents', 2722 * BLOCK_BYTES, {}, alternating(1361))
    .file('far', 150 << 20, {}, [
      [0, 5],
      [(150 << 20) - 5, 5],
    ])
    .build('files with holes');
}

function deep(): SampleTree {
  const tree = new TreeBuilder();
  let path = '';
  for (let level = 0; level < 100; level++) {
    path = path === '' ? 'd'.repeat(30) : `${path}/${'d'.repeat(30)}`;
    tree.directory(path);
  }
  return tree.file(`${path}/file`, 10).build('100 nested directories', 'long paths');
}

function wide(): SampleTree {
  const tree = new TreeBuilder().directory('wide');
  for (let index = 0; index < 10_000; index++) tree.file(`wide/name-${index}`, index % 3);
  return tree.build('10,000 names in a directory');
}

function longNames(): SampleTree {
  const tree = new TreeBuilder().directory('n'.repeat(255)).file(`${'n'.repeat(255)}/${'f'.repeat(255)}`, 3);
  for (const length of [99, 100, 101, 154, 155, 156, 254]) tree.file('a'.repeat(length), length);
  tree
    .file(`${'é'.repeat(127)}x`, 1)
    .file(`${'€'.repeat(85)}`, 1)
    .file(`${'😀'.repeat(63)}`, 1);
  return tree.build('long names', 'long paths');
}

function links(): SampleTree {
  const tree = new TreeBuilder().file('target', 4);
  for (const length of [1, 59, 60, 61, 99, 100, 101, 255, 1023, 4000]) {
    tree.symlink(`length-${length}`, `t${'/'.repeat(length - 1)}`.slice(0, length));
  }
  tree.symlink('up', '../../..').symlink('absolute', '/etc/passwd').symlink('umlaut', 'ä/ö');
  return tree.build('symbolic links', 'symlinks');
}

function oddNames(): SampleTree {
  const tree = new TreeBuilder();
  const names = [
    'new\nline',
    'tab\t',
    ' space ',
    '-dash',
    'back\\slash',
    '*?[',
    '"quote\'',
    'a=b',
    '.hidden',
    '..more',
    '%s',
  ];
  for (const name of names) tree.file(name, 1);
  const bytes = [[0xff], [0x61, 0x80, 0x62], [0xc3], [0xed, 0xa0, 0x80], [0x01], [0x7f]];
  for (const name of bytes) tree.file(decodeName(Uint8Array.from(name)), 2);
  tree.directory(decodeName(Uint8Array.of(0xfe, 0xff)));
  tree.file(`${decodeName(Uint8Array.of(0xfe, 0xff))}/x`, 1);
  tree.symlink('to-bytes', decodeName(Uint8Array.of(0x2f, 0xff, 0xfe)));
  tree.file('yy', 1).hardlink(decodeName(Uint8Array.of(0xff, 0x79)), 'yy');
  return tree.build('names that are not text', 'any bytes', 'symlinks', 'hardlinks');
}

/** The largest number of names that a file has on ext4. */
const LINKS = 65_000;
const LINKS_PER_DIRECTORY = 1000;

function hardLinks(): SampleTree {
  const tree = new TreeBuilder().file('0-file', 5000, { mode: 0o600, uid: 7, gid: 8 });
  for (let index = 1; index < LINKS; index++) {
    const directory = `d${Math.floor(index / LINKS_PER_DIRECTORY)}`;
    if (index === 1 || index % LINKS_PER_DIRECTORY === 0) tree.directory(directory);
    tree.hardlink(`${directory}/${index}`, '0-file');
  }
  return tree.build('65,000 names of one file', 'hardlinks', 'owners');
}

/** linux/capability.h: VFS_CAP_REVISION_2, effective, cap_net_bind_service. */
const CAPABILITY = Buffer.from('0100000200040000000000000000000000000000', 'hex');

function attributes(): SampleTree {
  const tree = new TreeBuilder();
  for (const length of [
    0, 1, 3, 4, 5, 31, 32, 33, 63, 64, 65, 70, 71, 72, 95, 96, 97, 127, 128, 255, 256, 1000, 2048, 4000,
  ]) {
    tree.file(`value-${length}`, 1, { xattrs: entries.xattrs({ 'user.v': Buffer.alloc(length, 'v') }) });
  }
  for (const length of [1, 2, 100, 250]) {
    tree.file(`name-${length}`, 1, { xattrs: entries.xattrs({ [`user.${'n'.repeat(length)}`]: 'x' }) });
  }
  const many = Object.fromEntries(
    Array.from({ length: 60 }, (_, index) => [`user.a${index}`, `value ${index}`]),
  );
  tree
    .file('many', 1, { xattrs: entries.xattrs(many) })
    .file('same-as-many', 2, { xattrs: entries.xattrs(many) });
  const label = 'system_u:object_r:etc_t:s0\0';
  tree.file('labelled', 1, { xattrs: entries.xattrs({ 'security.selinux': label }) });
  tree.directory('directory', { xattrs: entries.xattrs({ 'security.selinux': label, 'user.d': 'd' }) });
  tree.symlink('link', 'labelled', { xattrs: entries.xattrs({ 'security.selinux': label }) });
  tree.file('capable', 1, { mode: 0o755, xattrs: entries.xattrs({ 'security.capability': CAPABILITY }) });
  // In an entry with an access ACL, the group bits of the mode are the mask of the ACL.
  tree.file('acl', 1, { mode: 0o640, xattrs: entries.xattrs({ 'system.posix_acl_access': ACL }) });
  tree.file('bytes', 1, {
    xattrs: entries.xattrs({ 'user.bytes': Uint8Array.from({ length: 256 }, (_, index) => index) }),
  });
  tree.file('trusted', 1, { xattrs: entries.xattrs({ 'trusted.overlay.opaque': 'y' }) });
  return tree.build('extended attributes at every limit', 'xattrs', 'symlinks');
}

function special(withSockets: boolean): SampleTree {
  const tree = new TreeBuilder()
    .directory('sticky', { mode: 0o1777 })
    .directory('setgid', { mode: 0o2755, gid: 100 });
  tree.file('setuid', 9, { mode: 0o4755 }).file('none', 1, { mode: 0o000 }).file('all', 1, { mode: 0o7777 });
  for (const id of [1, 65_534, 65_535, 65_536, 2_097_151, 2_097_152, 4_294_967_294]) {
    tree.file(`owner-${id}`, 1, { uid: id, gid: id - 1 });
  }
  const numbers = [
    [0, 0],
    [1, 3],
    [255, 255],
    [8, 256],
    [259, 70_000],
    [4095, 1_048_575],
  ] as const;
  for (const [major, minor] of numbers) {
    tree.device(`character-${major}-${minor}`, 'character-device', major, minor);
    tree.device(`block-${major}-${minor}`, 'block-device', major, minor);
  }
  tree.special('fifo', 'fifo', 0o620);
  if (!withSockets) return tree.build('modes, owners, devices and pipes', 'owners', 'devices');
  return tree.special('socket', 'socket', 0o755).build('sockets and devices', 'owners', 'devices', 'sockets');
}

/** Writes the content of every file that is not empty. */
export function writeContents(
  tree: SampleTree,
  open: (path: string) => { write(bytes: Uint8Array): void; close(): void },
): void {
  for (const entry of tree.entries) {
    if (entry.type !== 'file' || entry.sizeBytes === 0) continue;
    const file = open(entry.path);
    for (const piece of tree.content(entry.path)) file.write(piece);
    file.close();
  }
}

export const TREES: readonly (() => SampleTree)[] = [
  () => new TreeBuilder().build('an empty tree'),
  sizes,
  holes,
  deep,
  wide,
  longNames,
  links,
  oddNames,
  hardLinks,
  attributes,
  () => special(false),
  () => special(true),
];
