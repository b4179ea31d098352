/**
 * Reads directories. Checks that names are sorted, and that `.` and `..` are present and correct.
 */
import { type DirectoryEntry, DirectoryError, decodeBlock } from './directory.ts';
import { MAXIMUM_NAME_BYTES } from './format.ts';
import type { InodeReader, PlacedInode } from './inode-reader.ts';

const SLASH = 0x2f;
const SELF = '.';
const PARENT = '..';

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  return Buffer.compare(left, right);
}

/**
 * Reads the entries of a directory, without `.` and `..`.
 *
 * @param parentNid the inode number that `..` must have; not checked if `undefined`
 */
export function readDirectory(
  inodes: InodeReader,
  inode: PlacedInode,
  parentNid: number | undefined,
): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  const special = new Map<string, number>();
  let previous: Uint8Array | undefined;
  for (const block of directoryBlocks(inodes, inode)) {
    for (const entry of decoded(inodes, inode.nid, block)) {
      if (previous !== undefined && compareBytes(previous, entry.name) >= 0) {
        inodes.fail(inode.nid, 'the names of the directory are not sorted: it is damaged');
      }
      previous = entry.name;
      const text = entry.name.length <= PARENT.length ? Buffer.from(entry.name).toString('latin1') : '';
      if (text === SELF || text === PARENT) special.set(text, entry.nid);
      else entries.push(entry);
    }
  }
  const isRight =
    special.get(SELF) === inode.nid &&
    special.has(PARENT) &&
    (parentNid === undefined || special.get(PARENT) === parentNid);
  if (!isRight) inodes.fail(inode.nid, 'the directory has no correct "." and "..": it is damaged');
  return entries;
}

function* directoryBlocks(inodes: InodeReader, inode: PlacedInode): Generator<Uint8Array> {
  const { blockBytes } = inodes.superblock;
  for (const run of inodes.runs(inode)) {
    if (run.kind !== 'stored')
      inodes.fail(inode.nid, 'the directory is compressed or has holes, which is not supported');
    for (let done = 0; done < run.lengthBytes; done += blockBytes) {
      yield inodes.read(run.offsetBytes + done, Math.min(blockBytes, run.lengthBytes - done));
    }
  }
}

function decoded(inodes: InodeReader, nid: number, block: Uint8Array): DirectoryEntry[] {
  try {
    const entries = decodeBlock(block);
    for (const { name } of entries) {
      if (name.length > MAXIMUM_NAME_BYTES || name.includes(0) || name.includes(SLASH)) {
        throw new DirectoryError('the directory has an impossible name');
      }
    }
    return entries;
  } catch (error) {
    if (error instanceof DirectoryError) inodes.fail(nid, error.message);
    throw error;
  }
}
