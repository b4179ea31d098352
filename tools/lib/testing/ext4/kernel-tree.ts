/** A tree with everything that ext4 supports, and the view of it that the kernel gives GNU tar. */
import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { FileImage } from '../../formats/block/file.ts';
import { type Entry, NO_XATTRS } from '../../formats/entry/entry.ts';
import { decodeName } from '../../formats/entry/name.ts';
import { readExt4 } from '../../formats/ext4/ext4.ts';
import { readTarSync } from '../../formats/tar/reader.ts';
import { device, directory, file, hardlink, special, symlink, xattrs } from '../entries/entries.ts';
import { ACL } from '../entries/sample-acl.ts';
import { noise } from '../noise.ts';
import { type Contents, namesAroundCollision } from './ext4-image.ts';

const CONTENT = Buffer.concat([noise(300_000), Buffer.alloc(100_000), noise(5_000_001, 5)]);
/** A file with more extents than four blocks hold: its tree has two levels below the inode. */
const HOLES = Buffer.alloc(1500 * 8192);
for (let index = 0; index < 1500; index++) HOLES.write(`${index}`, index * 8192);

const NOT_UTF8 = decodeName(Buffer.from([0x6e, 0xff, 0xc3, 0x28, 0xed, 0xb2, 0x80]));
const CAPABILITY = Buffer.from('0100000200200000000000000000000000000000', 'hex');

/** The entries of the tree, not in path order. */
export const KERNEL_TREE: readonly Entry[] = [
  device('block-new', 259, 70_000, 'block-device'),
  device('char-new', 10, 256),
  device('char-old', 5, 1),
  directory('dir', { mode: 0o2751, uid: 70_000, gid: 80_000 }),
  file('dir/content', CONTENT.length, { mode: 0o4711, uid: 4_000_000_000 }),
  hardlink('dir/hard', 'dir/content'),
  file('dir/holes', HOLES.length),
  symlink('dir/link', 'x'.repeat(59)),
  symlink('dir/long-link', 'x'.repeat(60)),
  symlink('dir/longest-link', 'x'.repeat(4095)),
  symlink(`dir/${NOT_UTF8}-link`, NOT_UTF8),
  directory(`dir/${NOT_UTF8}`),
  file(`dir/${NOT_UTF8}/${NOT_UTF8}`, 3),
  file(`dir/${'n'.repeat(255)}`, 0),
  special('fifo', 'fifo'),
  directory('many'),
  ...Array.from({ length: 800 }, (_, index) => file(`many/näme-${index}`, 0)),
  directory('same-hash'),
  ...namesAroundCollision().map((name) => file(`same-hash/${name}`, 0)),
  directory('with-xattrs', { xattrs: new Map([['system.posix_acl_default', ACL]]) }),
  file('with-xattrs/all', 0, {
    mode: 0o640,
    xattrs: new Map([
      ...xattrs({ 'security.capability': CAPABILITY, 'security.selinux': 'system_u:object_r:etc_t:s0' }),
      ...xattrs({ 'user.large': noise(3000), 'trusted.small': 'value', 'user.empty': '' }),
      ['system.posix_acl_access', ACL],
    ]),
  }),
  // The largest value in the inode, one byte more, the largest in a block, and the longest name.
  file('with-xattrs/inode', 0, { xattrs: xattrs({ 'user.name': noise(68) }) }),
  file('with-xattrs/block', 0, { xattrs: xattrs({ 'user.name': noise(69) }) }),
  file('with-xattrs/full', 0, { xattrs: xattrs({ 'user.name': noise(4040) }) }),
  file('with-xattrs/long', 0, { xattrs: xattrs({ [`user.${'n'.repeat(250)}`]: 'x' }) }),
  symlink('with-xattrs/link', 'all', {
    xattrs: xattrs({ 'security.selinux': 'system_u:object_r:etc_t:s0' }),
  }),
];

export const KERNEL_CONTENTS: Contents = {
  'dir/content': CONTENT,
  'dir/holes': HOLES,
  [`dir/${NOT_UTF8}/${NOT_UTF8}`]: Buffer.from('abc'),
};

/** The facts of one name that every reader of a tree sees. */
export interface Seen {
  readonly entry: Omit<Entry, 'path' | 'xattrs'>;
  /** The first of the file's names. */
  readonly name: string;
  readonly xattrs: readonly string[];
  readonly digest: string | undefined;
}

const ZEROS = new Uint8Array(1 << 20);

/** Returns the facts by path. They are the same for every choice of a file's first name. */
export function seen(
  entries: Iterable<Entry>,
  digestOf: (path: string) => string | undefined,
): Map<string, Seen> {
  const byPath = new Map(Array.from(entries, (entry) => [entry.path, entry]));
  const owner = (entry: Entry): Entry =>
    entry.type === 'hardlink' ? owner(byPath.get(entry.target) as Entry) : entry;
  const firstNames = new Map<string, string>();
  for (const entry of byPath.values()) {
    const { path } = owner(entry);
    const known = firstNames.get(path);
    if (known === undefined || entry.path < known) firstNames.set(path, entry.path);
  }
  return new Map(
    Array.from(byPath.values(), (entry): [string, Seen] => {
      const { path, xattrs: attributes, ...rest } = owner(entry);
      return [
        entry.path,
        {
          entry: rest,
          name: firstNames.get(path) as string,
          xattrs: Array.from(
            attributes,
            ([name, value]) => `${name}=${Buffer.from(value).toString('hex')}`,
          ).sort(),
          digest: rest.type === 'file' ? digestOf(path) : undefined,
        },
      ];
    }),
  );
}

function digest(pieces: Iterable<Uint8Array>): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

/** Returns the expected facts of a written tree. Files without given content are zeros. */
export function seenIn(entries: readonly Entry[], contents: Contents): Map<string, Seen> {
  const sizes = new Map(entries.map((entry) => [entry.path, entry.type === 'file' ? entry.sizeBytes : 0]));
  const root: Entry = { type: 'directory', path: '', mode: 0o755, uid: 0, gid: 0, xattrs: NO_XATTRS };
  const lostAndFound: Entry = { ...root, path: 'lost+found', mode: 0o700 };
  return seen([root, lostAndFound, ...entries], (path) =>
    digest([contents[path] ?? Buffer.alloc(sizes.get(path) ?? 0)]),
  );
}

/**
 * Returns the facts that our reader finds in an image, without the content of the files `unread`.
 */
export function seenByReader(imagePath: string, unread: readonly string[] = []): Map<string, Seen> {
  const image = FileImage.open(imagePath);
  try {
    const reader = readExt4(image, imagePath);
    const records = [...reader.walk()];
    const inodes = new Map(records.map(({ entry, inodeNumber }) => [entry.path, inodeNumber]));
    return seen(
      records.map(({ entry }) => entry),
      (path) => (unread.includes(path) ? undefined : digest(reader.readFile(inodes.get(path) as number))),
    );
  } finally {
    image.close();
  }
}

function* pieces(image: FileImage): Generator<Uint8Array> {
  const pieceBytes = 1 << 20;
  for (let offset = 0; offset < image.sizeBytes; offset += pieceBytes) {
    yield image.read(offset, Math.min(pieceBytes, image.sizeBytes - offset));
  }
}

/** Hashes a file from pieces with offsets. The bytes between them are zeros. */
class SparseHash {
  readonly #hash = createHash('sha256');
  #positionBytes = 0;

  #fillTo(offsetBytes: number): void {
    while (this.#positionBytes < offsetBytes) {
      const count = Math.min(ZEROS.length, offsetBytes - this.#positionBytes);
      this.#hash.update(ZEROS.subarray(0, count));
      this.#positionBytes += count;
    }
  }

  add(offsetBytes: number, bytes: Uint8Array): void {
    this.#fillTo(offsetBytes);
    this.#hash.update(bytes);
    this.#positionBytes += bytes.length;
  }

  end(sizeBytes: number): string {
    this.#fillTo(sizeBytes);
    return this.#hash.digest('hex');
  }
}

/**
 * Returns the facts of a tree in the archive that GNU tar wrote to a disk, without the content of
 * the files `unread`. Archives have no sockets.
 */
export function seenByTar(diskPath: string, unread: readonly string[] = []): Map<string, Seen> {
  const image = FileImage.open(diskPath);
  const entries: Entry[] = [];
  const hashes = new Map<string, SparseHash>();
  try {
    for (const event of readTarSync(pieces(image), diskPath)) {
      if (event.kind === 'member') {
        entries.push(event.entry);
        hashes.set(event.entry.path, new SparseHash());
      } else {
        hashes.get(entries.at(-1)?.path as string)?.add(event.positionBytes, event.bytes);
      }
    }
  } finally {
    image.close();
  }
  const digests = new Map(
    entries.map((entry): [string, string | undefined] => {
      const isRead = entry.type === 'file' && !unread.includes(entry.path);
      return [entry.path, isRead ? hashes.get(entry.path)?.end(entry.sizeBytes) : undefined];
    }),
  );
  return seen(entries, (path) => digests.get(path));
}

/** Returns the line of a script that archives the tree at /mnt to a disk. */
export function tarTo(diskDevice: string): string {
  return (
    "tool tar --create --format=pax --numeric-owner --xattrs '--xattrs-include=*' " +
    `--warning=no-file-ignored -C /mnt -f ${diskDevice} .`
  );
}

/** Creates an empty disk. Returns its path. */
export function emptyDisk(path: string, sizeBytes: number): string {
  const descriptor = openSync(path, 'w');
  ftruncateSync(descriptor, sizeBytes);
  closeSync(descriptor);
  return path;
}
