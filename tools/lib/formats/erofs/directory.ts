/** Directories: blocks of struct erofs_dirent followed by the names, sorted by the bytes of the names. */
import { BLOCK_BYTES } from './layout.ts';

/** struct erofs_dirent: inode, offset of the name in the block, type, one reserved byte. */
const DIRENT_BYTES = 12;

export interface DirectoryEntry {
  readonly nid: number;
  readonly fileType: number;
  readonly name: Uint8Array;
}

/** Thrown for a directory that contradicts itself; the message is a clause. */
export class DirectoryError extends Error {}

/**
 * How many bytes a directory has: each block takes entries, in order, while they fit; the last one ends with its last name.
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

/** Encodes a directory whose entries are in order; @returns as many bytes as {@link directoryBytes} says */
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
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  let nameOffset = entries.length * DIRENT_BYTES;
  entries.forEach(({ nid, fileType, name }, index) => {
    const offset = index * DIRENT_BYTES;
    view.setUint32(offset, nid, true);
    view.setUint32(offset + 4, Math.floor(nid / 2 ** 32), true);
    view.setUint16(offset + 8, nameOffset, true);
    view.setUint8(offset + 10, fileType);
    block.set(name, nameOffset);
    nameOffset += name.length;
  });
}

/** Reads the entries of a block; the last one of a directory may be short. */
export function decodeBlock(block: Uint8Array): DirectoryEntry[] {
  if (block.length < DIRENT_BYTES) throw new DirectoryError('a block of the directory is too short');
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const namesStart = view.getUint16(8, true);
  if (namesStart < DIRENT_BYTES || namesStart % DIRENT_BYTES !== 0 || namesStart >= block.length) {
    throw new DirectoryError(`a block of the directory has its names at byte ${namesStart}`);
  }
  const entries: DirectoryEntry[] = [];
  const count = namesStart / DIRENT_BYTES;
  for (let index = 0; index < count; index++) {
    const offset = index * DIRENT_BYTES;
    const start = view.getUint16(offset + 8, true);
    const end = index + 1 < count ? view.getUint16(offset + DIRENT_BYTES + 8, true) : lastEnd(block, start);
    if (start < namesStart || end <= start || end > block.length) {
      throw new DirectoryError('the names of the directory are out of order');
    }
    entries.push({
      nid: view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32,
      fileType: view.getUint8(offset + 10),
      name: block.slice(start, end),
    });
  }
  return entries;
}

/** The last name of a block ends with the block or with zeros. */
function lastEnd(block: Uint8Array, start: number): number {
  const zero = block.indexOf(0, start);
  return zero < 0 ? block.length : zero;
}
