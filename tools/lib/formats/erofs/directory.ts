/**
 * Encodes and decodes directories. Each block has an array of struct erofs_dirent, and then the
 * names, sorted by their bytes.
 */
import { viewOf } from '../structure/view.ts';
import { BLOCK_BYTES, DIRENT } from './format.ts';

const DIRENT_BYTES = DIRENT.sizeBytes;
const FIELD = DIRENT.at;

export interface DirectoryEntry {
  readonly nid: number;
  readonly fileType: number;
  readonly name: Uint8Array;
}

/** Thrown for a directory that contradicts itself. Callers add the place to the message. */
export class DirectoryError extends Error {}

/**
 * Computes the size of a directory in bytes. Each block is filled with entries, in order, until the
 * next one does not fit. The last block ends with its last name.
 *
 * @param nameLengths bytes of each name, in order
 */
export function directoryBytes(nameLengths: Iterable<number>): number {
  let blocks = 0;
  let used = 0;
  for (const length of nameLengths) {
    const needed = DIRENT_BYTES + length;
    if (used + needed > BLOCK_BYTES) {
      blocks++;
      used = 0;
    }
    used += needed;
  }
  return blocks * BLOCK_BYTES + used;
}

/** Encodes a directory whose entries are sorted. The result has {@link directoryBytes} bytes. */
export function encodeDirectory(entries: readonly DirectoryEntry[]): Uint8Array {
  const bytes = new Uint8Array(directoryBytes(entries.map(({ name }) => name.length)));
  let blockStart = 0;
  for (let first = 0; first < entries.length; blockStart += BLOCK_BYTES) {
    let end = first;
    for (let used = 0; end < entries.length; end++) {
      used += DIRENT_BYTES + (entries[end] as DirectoryEntry).name.length;
      if (used > BLOCK_BYTES) break;
    }
    encodeBlock(bytes.subarray(blockStart), entries.slice(first, end));
    first = end;
  }
  return bytes;
}

function encodeBlock(block: Uint8Array, entries: readonly DirectoryEntry[]): void {
  const view = viewOf(block);
  let nameOffset = entries.length * DIRENT_BYTES;
  entries.forEach(({ nid, fileType, name }, index) => {
    const offset = index * DIRENT_BYTES;
    FIELD.nid.set(view, nid, offset);
    FIELD.nameoff.set(view, nameOffset, offset);
    FIELD.file_type.set(view, fileType, offset);
    block.set(name, nameOffset);
    nameOffset += name.length;
  });
}

/** Decodes the entries of a block. The last block of a directory may be short. */
export function decodeBlock(block: Uint8Array): DirectoryEntry[] {
  if (block.length < DIRENT_BYTES) throw new DirectoryError('a block of the directory is too short');
  const view = viewOf(block);
  const namesStart = FIELD.nameoff.get(view);
  if (namesStart < DIRENT_BYTES || namesStart % DIRENT_BYTES !== 0 || namesStart >= block.length) {
    throw new DirectoryError(`a block of the directory has its names at byte ${namesStart}`);
  }
  const entries: DirectoryEntry[] = [];
  const count = namesStart / DIRENT_BYTES;
  for (let index = 0; index < count; index++) {
    const offset = index * DIRENT_BYTES;
    const start = FIELD.nameoff.get(view, offset);
    const end = index + 1 < count ? FIELD.nameoff.get(view, offset + DIRENT_BYTES) : lastEnd(block, start);
    if (start < namesStart || end <= start || end > block.length) {
      throw new DirectoryError('the names of the directory are out of order');
    }
    entries.push({
      nid: FIELD.nid.get(view, offset),
      fileType: FIELD.file_type.get(view, offset),
      name: block.slice(start, end),
    });
  }
  return entries;
}

/** Finds the end of the last name of a block: the end of the block, or the first zero byte. */
function lastEnd(block: Uint8Array, start: number): number {
  const zero = block.indexOf(0, start);
  return zero < 0 ? block.length : zero;
}
