/** Writes the image that the steps run on: an ext4 file system with the merged layers. */
import { createHash, type Hash } from 'node:crypto';
import { FileImage } from '../../formats/block/file.ts';
import { comparePaths, type Entry, NO_XATTRS } from '../../formats/entry/entry.ts';
import { UserError } from '../../formats/error/user-error.ts';
import { type Ext4File, Ext4Writer } from '../../formats/ext4/writer.ts';
import { uuidFromName } from '../../formats/uuid/uuid.ts';
import { streamContents } from '../layer/content.ts';
import { openLayerFile } from '../layer/file.ts';
import { type MergedEntry, mergeLayers } from '../layer/merge.ts';

const BLOCK_BYTES = 4096;
const MEBIBYTE = 1024 * 1024;
/** The file systems that every guest mounts over the image. */
const MOUNT_POINTS = ['dev', 'proc', 'sys'];
/** Every entry needs an inode, and a directory or a long symbolic link needs a block as well. */
const BYTES_PER_ENTRY = BLOCK_BYTES + 512;
const FILE_SYSTEM_NAME = 'the image of the step runner';

/** SHA-256 of a file's content. */
export type Digest = string;

export interface StepImage {
  readonly sizeBytes: number;
  /** The digest of each file of the layers, by its first path. */
  readonly digests: ReadonlyMap<string, Digest>;
  /** Paths of the image that are not in the layers. */
  readonly additions: ReadonlySet<string>;
}

function newDigest(): Hash {
  return createHash('sha256');
}

/** Computes the digest of a file's content, which arrives in pieces. */
export function digestOf(pieces: Iterable<Uint8Array>): Digest {
  const hash = newDigest();
  for (const piece of pieces) hash.update(piece);
  return hash.digest('base64');
}

/** Adds the mount points that are missing. */
function withMountPoints(entries: readonly Entry[], mountPoints: readonly string[]): Entry[] {
  const present = new Map(entries.map((entry) => [entry.path, entry]));
  const missing = mountPoints.filter((path) => {
    const entry = present.get(path);
    if (entry !== undefined && entry.type !== 'directory') {
      throw new UserError(
        `/${path} is a ${entry.type} in the layers; steps need a directory there as a mount point`,
      );
    }
    return entry === undefined;
  });
  const made = missing.map(
    (path): Entry => ({ type: 'directory', path, mode: 0o755, uid: 0, gid: 0, xattrs: NO_XATTRS }),
  );
  return [...entries, ...made].sort((left, right) => comparePaths(left.path, right.path));
}

/** Estimates the size of a file system with the entries and `freeBytes` of free space. */
function imageSizeBytes(entries: readonly Entry[], freeBytes: number): number {
  const contentBytes = entries.reduce((sum, entry) => {
    const fileBytes = entry.type === 'file' ? Math.ceil(entry.sizeBytes / BLOCK_BYTES) * BLOCK_BYTES : 0;
    return sum + fileBytes + BYTES_PER_ENTRY;
  }, 0);
  // Inode tables have an inode of 256 bytes per 16 KiB. Bitmaps and extents are small in
  // comparison.
  const withTables = ((contentBytes + freeBytes) * 65) / 64;
  return Math.ceil(withTables / MEBIBYTE) * MEBIBYTE;
}

/** Streams the contents into the file system, and computes their digests at the same time. */
async function writeContents(
  writer: Ext4Writer,
  merged: readonly MergedEntry[],
): Promise<Map<string, Digest>> {
  const digests = new Map<string, Digest>();
  const emptyDigest = digestOf([]);
  for (const { entry } of merged) {
    if (entry.type === 'file' && entry.sizeBytes === 0) digests.set(entry.path, emptyDigest);
  }
  let open: { readonly path: string; readonly file: Ext4File; readonly hash: Hash } | undefined;
  const close = (): void => {
    if (open === undefined) return;
    open.file.close();
    digests.set(open.path, open.hash.digest('base64'));
    open = undefined;
  };
  await streamContents(merged, (entry, _position, bytes) => {
    if (open?.path !== entry.path) {
      close();
      open = { path: entry.path, file: writer.openFile(entry.path), hash: newDigest() };
    }
    open.file.write(bytes);
    open.hash.update(bytes);
  });
  close();
  return digests;
}

/**
 * Writes the merged layers to a sparse file. All times are 0.
 *
 * @param layers paths of layers, from the lowest to the highest
 * @param freeBytes the approximate number of bytes that the steps can write
 * @throws UserError if a layer is damaged, or has something other than a directory at a mount point
 */
export async function writeImage(
  path: string,
  layers: readonly string[],
  temporaryFolders: readonly string[],
  freeBytes: number,
): Promise<StepImage> {
  const tree = await mergeLayers(layers.map(openLayerFile));
  const merged = tree.entries();
  const layerEntries = merged.map(({ entry }) => entry);
  const entries = withMountPoints(layerEntries, [...MOUNT_POINTS, ...temporaryFolders]);
  const sizeBytes = imageSizeBytes(entries, freeBytes);
  const file = FileImage.create(path, sizeBytes);
  try {
    const writer = new Ext4Writer(file, entries, {
      sizeBytes,
      uuid: uuidFromName(FILE_SYSTEM_NAME),
      hashSeed: uuidFromName(`${FILE_SYSTEM_NAME}: hash seed`),
      label: 'steps',
      journal: false,
    });
    const digests = await writeContents(writer, merged);
    writer.finish();
    const known = new Set(layerEntries.map((entry) => entry.path));
    const additions = new Set(
      [...MOUNT_POINTS, ...temporaryFolders, 'lost+found'].filter((name) => !known.has(name)),
    );
    return { sizeBytes, digests, additions };
  } finally {
    file.close();
  }
}
