/**
 * Encodes and decodes blocks of directory entries: "Linear (Classic) Directories" in the kernel's
 * ext4 documentation (directory.rst).
 */

import { crc32c } from '../crc32c/crc32c.ts';
import { viewOf } from '../structure/view.ts';
import { DIRECTORY_ENTRY, DIRECTORY_TAIL, TAIL_FILE_TYPE } from './format-directory.ts';

export const MAXIMUM_NAME_BYTES = 255;
const ENTRY = DIRECTORY_ENTRY.at;
const TAIL = DIRECTORY_TAIL.at;
const ENTRY_HEADER_BYTES = DIRECTORY_ENTRY.sizeBytes;
/** The last entry of each block has no name, a false type, and the checksum of the block. */
const TAIL_BYTES = DIRECTORY_TAIL.sizeBytes;

export const DOT = Uint8Array.of(0x2e);
export const DOT_DOT = Uint8Array.of(0x2e, 0x2e);

/** One name in a directory. */
export interface DirectoryEntry {
  readonly inode: number;
  readonly fileType: number;
  readonly name: Uint8Array;
}

/** Returns the size of an entry: header and name, rounded up to a multiple of 4. */
export function entryBytes(nameBytes: number): number {
  return ENTRY_HEADER_BYTES + Math.ceil(nameBytes / 4) * 4;
}

/** Writes one entry that takes `recordBytes` bytes from `offset`. */
export function encodeEntry(
  block: Uint8Array,
  offset: number,
  recordBytes: number,
  entry: DirectoryEntry,
): void {
  const view = viewOf(block);
  ENTRY.inode.set(view, entry.inode, offset);
  ENTRY.rec_len.set(view, recordBytes, offset);
  ENTRY.name_len.set(view, entry.name.length, offset);
  ENTRY.file_type.set(view, entry.fileType, offset);
  block.set(entry.name, offset + ENTRY_HEADER_BYTES);
}

/** Returns the number of bytes for entries in a leaf block. */
export function leafBytes(blockBytes: number): number {
  return blockBytes - TAIL_BYTES;
}

/** Encodes a block of entries with its checksum. The entries must fit. The list may be empty. */
export function encodeLeaf(
  entries: readonly DirectoryEntry[],
  blockBytes: number,
  inodeSeed: number,
): Uint8Array {
  const block = new Uint8Array(blockBytes);
  const view = new DataView(block.buffer);
  const tail = leafBytes(blockBytes);
  let offset = 0;
  let lastOffset = 0;
  for (const entry of entries) {
    const recordBytes = entryBytes(entry.name.length);
    encodeEntry(block, offset, recordBytes, entry);
    lastOffset = offset;
    offset += recordBytes;
  }
  // The last entry extends to the tail. An empty block has one unused entry, which does the same.
  ENTRY.rec_len.set(view, tail - lastOffset, lastOffset);
  TAIL.det_rec_len.set(view, TAIL_BYTES, tail);
  TAIL.det_reserved_ft.set(view, TAIL_FILE_TYPE, tail);
  TAIL.det_checksum.set(view, crc32c(inodeSeed, block, 0, tail), tail);
  return block;
}

/** Thrown for a block that violates the format. Callers add the place to the message. */
export class DirectoryError extends Error {}

/**
 * Yields the entries of a block except `.` and `..`. The index blocks of a hash tree look like
 * blocks without other entries, so they need no special treatment.
 *
 * @param inodeSeed the seed of the checksum, or `undefined` if the block has no checksum
 */
export function* decodeBlock(
  block: Uint8Array,
  inodeSeed: number | undefined,
  isIndexRoot: boolean,
): Generator<DirectoryEntry> {
  const view = viewOf(block);
  let offset = 0;
  let hasTail = false;
  while (offset + ENTRY_HEADER_BYTES <= block.length) {
    const inode = ENTRY.inode.get(view, offset);
    const recordBytes = recordLength(ENTRY.rec_len.get(view, offset), block.length);
    const nameBytes = ENTRY.name_len.get(view, offset);
    const fileType = ENTRY.file_type.get(view, offset);
    if (recordBytes < entryBytes(nameBytes) || recordBytes % 4 !== 0 || offset + recordBytes > block.length) {
      throw new DirectoryError(`its directory block has a broken entry at byte ${offset}`);
    }
    const isTail =
      inode === 0 && nameBytes === 0 && fileType === TAIL_FILE_TYPE && recordBytes === TAIL_BYTES;
    if (isTail && offset + TAIL_BYTES === block.length) {
      hasTail = true;
      if (
        inodeSeed !== undefined &&
        TAIL.det_checksum.get(view, offset) !== crc32c(inodeSeed, block, 0, offset)
      ) {
        throw new DirectoryError('its directory block does not match its checksum');
      }
    } else if (inode !== 0) {
      const name = block.slice(offset + ENTRY_HEADER_BYTES, offset + ENTRY_HEADER_BYTES + nameBytes);
      if (!isDots(name)) yield { inode, fileType, name };
    }
    offset += recordBytes;
  }
  if (offset !== block.length) throw new DirectoryError('the entries of its directory block end too early');
  if (inodeSeed === undefined || hasTail || isIndexRoot) return;
  const isIndexNode =
    ENTRY.inode.get(view) === 0 && recordLength(ENTRY.rec_len.get(view), block.length) === block.length;
  if (!isIndexNode) throw new DirectoryError('its directory block has no checksum');
}

function isDots(name: Uint8Array): boolean {
  return name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
}

/** Decodes rec_len: in blocks of 64 KiB, 0 and 65535 both mean the whole block. */
function recordLength(stored: number, blockBytes: number): number {
  return blockBytes === 0x10000 && (stored === 0 || stored === 0xffff) ? blockBytes : stored;
}
