/** Directory entries in blocks: "Directory Entries", "Linear Directories" in the kernel's ext4 documentation. */
import { crc32c } from '../crc32c/crc32c.ts';

export const MAXIMUM_NAME_BYTES = 255;
/** inode, rec_len, name_len, file_type. */
export const ENTRY_HEADER_BYTES = 8;
/** The last entry of each block: no name, the false type below, and the block's checksum. */
export const TAIL_BYTES = 12;
const TAIL_FILE_TYPE = 0xde;

export const DOT = Uint8Array.of(0x2e);
export const DOT_DOT = Uint8Array.of(0x2e, 0x2e);

/** One name in a directory. */
export interface DirectoryEntry {
  readonly inode: number;
  readonly fileType: number;
  readonly name: Uint8Array;
}

/** The bytes that an entry takes: header and name, to a multiple of four. */
export function entryBytes(nameBytes: number): number {
  return ENTRY_HEADER_BYTES + Math.ceil(nameBytes / 4) * 4;
}

/** Writes one entry at `offset` that reaches over `recordBytes`. */
export function encodeEntry(
  block: Uint8Array,
  offset: number,
  recordBytes: number,
  entry: DirectoryEntry,
): void {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  view.setUint32(offset, entry.inode, true);
  view.setUint16(offset + 4, recordBytes, true);
  view.setUint8(offset + 6, entry.name.length);
  view.setUint8(offset + 7, entry.fileType);
  block.set(entry.name, offset + ENTRY_HEADER_BYTES);
}

/** Room for entries in a leaf block. */
export function leafBytes(blockBytes: number): number {
  return blockBytes - TAIL_BYTES;
}

/** A block of entries, with its checksum; the entries must fit, and none at all makes an empty block. */
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
  // The last entry, or the unused one that stands for an empty block, reaches to the tail.
  view.setUint16(lastOffset + 4, tail - lastOffset, true);
  view.setUint16(tail + 4, TAIL_BYTES, true);
  view.setUint8(tail + 7, TAIL_FILE_TYPE);
  view.setUint32(tail + 8, crc32c(inodeSeed, block, 0, tail), true);
  return block;
}

/** Thrown for a block that breaks the format; the message is a clause. */
export class DirectoryError extends Error {}

/**
 * Yields the entries of a block but not `.` and `..`. The index blocks of a hash tree look like blocks without
 * entries, or like `.` and `..` alone, so they need no care here.
 *
 * @param inodeSeed the seed of the checksum, or `undefined` where there is none
 */
export function* decodeBlock(
  block: Uint8Array,
  inodeSeed: number | undefined,
  isIndexRoot: boolean,
): Generator<DirectoryEntry> {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  let offset = 0;
  let hasTail = false;
  while (offset + ENTRY_HEADER_BYTES <= block.length) {
    const inode = view.getUint32(offset, true);
    const recordBytes = recordLength(view.getUint16(offset + 4, true), block.length);
    const nameBytes = view.getUint8(offset + 6);
    const fileType = view.getUint8(offset + 7);
    if (recordBytes < entryBytes(nameBytes) || recordBytes % 4 !== 0 || offset + recordBytes > block.length) {
      throw new DirectoryError(`its directory block has a broken entry at byte ${offset}`);
    }
    const isTail =
      inode === 0 && nameBytes === 0 && fileType === TAIL_FILE_TYPE && recordBytes === TAIL_BYTES;
    if (isTail && offset + TAIL_BYTES === block.length) {
      hasTail = true;
      if (
        inodeSeed !== undefined &&
        view.getUint32(offset + 8, true) !== crc32c(inodeSeed, block, 0, offset)
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
    view.getUint32(0, true) === 0 && recordLength(view.getUint16(4, true), block.length) === block.length;
  if (!isIndexNode) throw new DirectoryError('its directory block has no checksum');
}

function isDots(name: Uint8Array): boolean {
  return name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
}

/** rec_len as it is meant: in blocks of 64 KiB, 0 and 65535 both stand for the whole block. */
function recordLength(stored: number, blockBytes: number): number {
  return blockBytes === 0x10000 && (stored === 0 || stored === 0xffff) ? blockBytes : stored;
}
