/** Reads the superblock, the inodes, and their attributes and data maps from an existing image. */
import type { BlockSource } from '../block/block.ts';
import { NO_XATTRS, type Xattrs } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';
import { viewOf } from '../structure/view.ts';
import { type DataRun, dataRuns } from './data-map.ts';
import {
  alignUp,
  COMPACT_INODE,
  EXTENDED_INODE,
  SHARED_XATTR,
  SLOT_BYTES,
  XATTR_ENTRY,
  XATTR_LONG_PREFIX,
} from './format.ts';
import { decodeInode, inodeBytes, isExtendedInode, type StoredInode } from './inode.ts';
import { DataMapError, type MappedInode } from './mapped-inode.ts';
import { decodeSuperblock, type ErofsSuperblock, SuperblockError } from './superblock.ts';
import {
  decodeBody,
  decodeLongPrefix,
  decodeXattr,
  type LongPrefix,
  XattrError,
  xattrBytes,
} from './xattr.ts';

/** Metadata is read through a window of this size. */
const WINDOW_BYTES = 1 << 16;
/** Each long prefix begins at a multiple of four bytes. */
const PREFIX_ALIGNMENT_BYTES = 4;

/** Block addresses have 32 bits. */
const MAXIMUM_BLOCKS = 2 ** 32;

/** An inode with its number. */
export interface PlacedInode extends StoredInode {
  readonly nid: number;
}

export class InodeReader {
  readonly superblock: ErofsSuperblock;
  readonly #source: BlockSource;
  readonly #name: string;
  readonly #longPrefixes: readonly LongPrefix[];
  /**
   * The shared attributes that were read, by number. There are few, and many inodes have the same
   * ones.
   */
  readonly #shared = new Map<number, readonly [string, Uint8Array]>();
  #window: Uint8Array = new Uint8Array(0);
  #windowOffset = 0;

  constructor(source: BlockSource, name: string) {
    this.#source = source;
    this.#name = name;
    try {
      this.superblock = decodeSuperblock((offset, length) => this.read(offset, length), source.sizeBytes);
      this.#longPrefixes = this.#readLongPrefixes();
    } catch (error) {
      if (error instanceof SuperblockError || error instanceof XattrError)
        throw new UserError(`${name}: ${error.message}`);
      throw error;
    }
  }

  fail(nid: number, problem: string): never {
    throw new UserError(`${this.#name}: inode ${nid}: ${problem}`);
  }

  /**
   * Reads exactly `lengthBytes` bytes of the image.
   *
   * @throws UserError if they are not in the image
   */
  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    const isInside =
      Number.isSafeInteger(offsetBytes) &&
      offsetBytes >= 0 &&
      offsetBytes + lengthBytes <= this.#source.sizeBytes;
    if (!isInside) {
      throw new UserError(
        `${this.#name}: the image is cut off or damaged: ${lengthBytes} bytes at ${offsetBytes} are not in its ${this.#source.sizeBytes} bytes`,
      );
    }
    const start = offsetBytes - this.#windowOffset;
    if (start >= 0 && start + lengthBytes <= this.#window.length)
      return this.#window.subarray(start, start + lengthBytes);
    if (lengthBytes > WINDOW_BYTES) return plain(this.#source.read(offsetBytes, lengthBytes));
    const windowBytes = Math.min(WINDOW_BYTES, this.#source.sizeBytes - offsetBytes);
    this.#window = plain(this.#source.read(offsetBytes, windowBytes));
    this.#windowOffset = offsetBytes;
    return this.#window.subarray(0, lengthBytes);
  }

  offsetOf(nid: number): number {
    return this.superblock.metadataBlock * this.superblock.blockBytes + nid * SLOT_BYTES;
  }

  inode(nid: number): PlacedInode {
    const offset = this.offsetOf(nid);
    let bytes = this.read(offset, COMPACT_INODE.sizeBytes);
    if (isExtendedInode(viewOf(bytes))) bytes = this.read(offset, EXTENDED_INODE.sizeBytes);
    const inode = decodeInode(viewOf(bytes), this.superblock.time);
    if (inode === undefined)
      this.fail(nid, 'its format is unknown: it is damaged, or too new for this reader');
    if (inode.sizeBytes > MAXIMUM_BLOCKS * this.superblock.blockBytes) {
      this.fail(nid, `its size of ${inode.sizeBytes} bytes is more than an image can have`);
    }
    return { ...inode, nid };
  }

  /** Yields the parts of an inode's content, in order. */
  *runs(inode: PlacedInode): Generator<DataRun> {
    const { blockBytes } = this.superblock;
    const offset = this.offsetOf(inode.nid) + inodeBytes(inode.isExtended) + inode.xattrBytes;
    const mapped: MappedInode = { ...inode, indexOffsetBytes: offset, blockBytes };
    try {
      yield* dataRuns(mapped, this.#source.sizeBytes, (start, length) => this.read(start, length));
    } catch (error) {
      if (error instanceof DataMapError) this.fail(inode.nid, error.message);
      throw error;
    }
  }

  xattrs(inode: PlacedInode): Xattrs {
    if (inode.xattrBytes === 0) return NO_XATTRS;
    const offset = this.offsetOf(inode.nid) + inodeBytes(inode.isExtended);
    try {
      const { sharedIds, inline } = decodeBody(this.read(offset, inode.xattrBytes), this.#longPrefixes);
      const all = [...sharedIds.map((id) => this.#sharedXattr(id)), ...inline];
      const xattrs = new Map(all);
      if (xattrs.size !== all.length) this.fail(inode.nid, 'it has an extended attribute twice');
      return all.length === 0 ? NO_XATTRS : xattrs;
    } catch (error) {
      if (error instanceof XattrError) this.fail(inode.nid, error.message);
      throw error;
    }
  }

  #sharedXattr(id: number): readonly [string, Uint8Array] {
    let xattr = this.#shared.get(id);
    if (xattr === undefined) {
      const { xattrBlock, blockBytes } = this.superblock;
      const offset = xattrBlock * blockBytes + id * SHARED_XATTR.sizeBytes;
      const length = xattrBytes(this.read(offset, XATTR_ENTRY.sizeBytes));
      xattr = decodeXattr(this.read(offset, length), this.#longPrefixes);
      this.#shared.set(id, xattr);
    }
    return xattr;
  }

  /**
   * Reads the long prefixes: from the content of the packed inode if it exists, else from the
   * image.
   */
  #readLongPrefixes(): LongPrefix[] {
    const { xattrPrefixCount, xattrPrefixStart, packedNid } = this.superblock;
    const { size } = XATTR_LONG_PREFIX.at;
    const prefixes: LongPrefix[] = [];
    let offset = xattrPrefixStart * PREFIX_ALIGNMENT_BYTES;
    for (let index = 0; index < xattrPrefixCount; index++) {
      const read = (start: number, length: number): Uint8Array =>
        packedNid === 0 ? this.read(start, length) : this.#readContent(packedNid, start, length);
      const length = size.endBytes + size.get(viewOf(read(offset, size.endBytes)));
      prefixes.push(decodeLongPrefix(read(offset, length)));
      offset += alignUp(length, PREFIX_ALIGNMENT_BYTES);
    }
    return prefixes;
  }

  /** Reads a part of the content of an inode, which must not be compressed. */
  #readContent(nid: number, start: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let done = 0;
    for (const run of this.runs(this.inode(nid))) {
      if (run.kind === 'compressed')
        this.fail(nid, 'prefixes of extended attributes in compressed content are not supported');
      const from = start + done - run.positionBytes;
      if (run.kind === 'hole' || from < 0 || from >= run.lengthBytes || done === length) continue;
      const count = Math.min(length - done, run.lengthBytes - from);
      bytes.set(this.read(run.offsetBytes + from, count), done);
      done += count;
    }
    if (done < length) this.fail(nid, 'prefixes of extended attributes are missing in its content');
    return bytes;
  }
}

/**
 * Returns a plain array over the same memory: `slice` of a Buffer would share memory, and this code
 * needs copies.
 */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
