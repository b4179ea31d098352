/** Reads the content and the extended attributes of inodes. */
import { NO_XATTRS, type Xattrs } from '../entry/entry.ts';
import { type DirectoryEntry, DirectoryError, decodeBlock } from './directory.ts';
import { INODE_FLAGS } from './format-inode.ts';
import { BLOCK_MAP_BYTES, type StoredInode } from './inode.ts';
import type { InodeReader } from './inode-reader.ts';
import type { StoredXattr } from './xattr.ts';
import { decodeBlockXattrs, decodeBodyXattrs, fullXattr, INLINE_DATA, XattrError } from './xattr-reader.ts';

/** The largest size of a piece of content. */
export const PIECE_BYTES = 1 << 20;
/** A directory that is stored in its inode begins with the inode number of its parent. */
const INLINE_PARENT_BYTES = 4;
const NO_BYTES = new Uint8Array(0);

/** A part of a file that holds data. The bytes between such parts read as zeros. */
export interface DataRange {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

export interface StoredRange extends DataRange {
  readonly physicalBlock: number;
}

function isInline(inode: StoredInode): boolean {
  return (inode.flags & INODE_FLAGS.inlineData) !== 0;
}

export class ContentReader {
  readonly #inodes: InodeReader;
  /** The last block of attributes that was read: neighbours often share one. */
  #lastXattrs: { readonly block: number; readonly stored: readonly StoredXattr[] } | undefined;

  constructor(inodes: InodeReader) {
    this.#inodes = inodes;
  }

  /**
   * Yields the content of a file in pieces of at most 1 MiB, each with its offset. The bytes
   * between them read as zeros.
   */
  *pieces(
    inodeNumber: number,
    inode: StoredInode,
  ): Generator<{ readonly offsetBytes: number; readonly bytes: Uint8Array }> {
    if (isInline(inode)) {
      const bytes = this.#inlineContent(inodeNumber, inode);
      if (bytes.length > 0) yield { offsetBytes: 0, bytes };
      return;
    }
    for (const range of this.#storedRanges(inodeNumber, inode)) {
      for (let done = 0; done < range.lengthBytes; done += PIECE_BYTES) {
        const lengthBytes = Math.min(PIECE_BYTES, range.lengthBytes - done);
        const bytes = this.#readRange(inodeNumber, range, done, lengthBytes);
        yield { offsetBytes: range.offsetBytes + done, bytes };
      }
    }
  }

  *dataRanges(inodeNumber: number, inode: StoredInode): Generator<DataRange> {
    if (isInline(inode)) {
      if (inode.sizeBytes > 0) yield { offsetBytes: 0, lengthBytes: inode.sizeBytes };
      return;
    }
    for (const { offsetBytes, lengthBytes } of this.#storedRanges(inodeNumber, inode)) {
      yield { offsetBytes, lengthBytes };
    }
  }

  /** Reads all names of a directory except `.` and `..`, and counts the blocks that hold them. */
  directory(inodeNumber: number, inode: StoredInode): { entries: DirectoryEntry[]; blockCount: number } {
    const entries: DirectoryEntry[] = [];
    let blockCount = 0;
    try {
      if (isInline(inode)) {
        const { head, tail } = this.#inlineParts(inode);
        entries.push(...decodeBlock(head.subarray(INLINE_PARENT_BYTES), undefined, false));
        entries.push(...decodeBlock(tail, undefined, false));
        return { entries, blockCount };
      }
      const seed = this.#inodes.seed === undefined ? undefined : inode.checksumSeed;
      const isIndexed = (inode.flags & INODE_FLAGS.index) !== 0;
      for (const extent of this.#inodes.directoryExtents(inodeNumber, inode)) {
        for (let block = 0; block < extent.blockCount; block++) {
          const bytes = this.#inodes.readBlocks(inodeNumber, extent.physicalBlock + block, 1);
          const isIndexRoot = isIndexed && extent.logicalBlock + block === 0;
          for (const entry of decodeBlock(bytes, seed, isIndexRoot)) entries.push(entry);
        }
        blockCount += extent.blockCount;
      }
    } catch (error) {
      if (error instanceof DirectoryError || error instanceof XattrError) {
        this.#inodes.fail(inodeNumber, error.message);
      }
      throw error;
    }
    if (blockCount !== Math.ceil(inode.sizeBytes / this.#inodes.superblock.blockBytes)) {
      this.#inodes.fail(inodeNumber, 'the directory has a hole');
    }
    return { entries, blockCount };
  }

  /** Reads the target of a symbolic link. */
  symlinkTarget(inodeNumber: number, inode: StoredInode): Uint8Array {
    const { sizeBytes } = inode;
    const broken = (): never => this.#inodes.fail(inodeNumber, 'the symbolic link is broken');
    if (sizeBytes === 0 || sizeBytes > this.#inodes.superblock.blockBytes) broken();
    const isFast =
      !isInline(inode) && (inode.flags & INODE_FLAGS.extents) === 0 && sizeBytes < BLOCK_MAP_BYTES;
    const target = isFast ? inode.blockMap.subarray(0, sizeBytes) : this.#whole(inodeNumber, inode);
    if (target === undefined || target.includes(0)) broken();
    return target as Uint8Array;
  }

  xattrs(inodeNumber: number, inode: StoredInode): Xattrs {
    try {
      const stored = [...decodeBodyXattrs(inode.body, this.#valueReader)];
      if (inode.xattrBlock !== 0) stored.push(...this.#blockXattrs(inodeNumber, inode.xattrBlock));
      if (stored.length === 0) return NO_XATTRS;
      return new Map(stored.flatMap((xattr) => fullXattr(xattr) ?? []));
    } catch (error) {
      if (error instanceof XattrError) this.#inodes.fail(inodeNumber, error.message);
      throw error;
    }
  }

  /** Reads the value of an attribute that is stored in a separate inode (the ea_inode feature). */
  readonly #valueReader = (inodeNumber: number, valueBytes: number): Uint8Array => {
    const inode = this.#inodes.inode(inodeNumber);
    if ((inode.flags & INODE_FLAGS.eaInode) === 0 || inode.sizeBytes !== valueBytes) {
      this.#inodes.fail(inodeNumber, 'it does not contain the extended attribute that refers to it');
    }
    return (
      this.#whole(inodeNumber, inode) ??
      this.#inodes.fail(inodeNumber, 'its extended attribute is incomplete')
    );
  };

  #blockXattrs(inodeNumber: number, block: number): readonly StoredXattr[] {
    if (this.#lastXattrs?.block !== block) {
      const bytes = this.#inodes.readBlocks(inodeNumber, block, 1);
      const stored = [...decodeBlockXattrs(bytes, block, this.#inodes.seed, this.#valueReader)];
      this.#lastXattrs = { block, stored };
    }
    return this.#lastXattrs.stored;
  }

  /** Reads all content of a small inode. Returns `undefined` if the content has holes. */
  #whole(inodeNumber: number, inode: StoredInode): Uint8Array | undefined {
    const parts: Uint8Array[] = [];
    let position = 0;
    for (const { offsetBytes, bytes } of this.pieces(inodeNumber, inode)) {
      if (offsetBytes !== position) return undefined;
      parts.push(bytes);
      position += bytes.length;
    }
    if (position !== inode.sizeBytes) return undefined;
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }

  /**
   * Finds content that is stored in i_block and continues in an attribute of the inode's body
   * ("Inline Data" in the kernel's ext4 documentation).
   */
  #inlineParts(inode: StoredInode): { head: Uint8Array; tail: Uint8Array } {
    for (const { nameIndex, name, value } of decodeBodyXattrs(inode.body, this.#valueReader)) {
      const isTail = nameIndex === INLINE_DATA.nameIndex && INLINE_DATA.name.equals(name);
      if (isTail) return { head: inode.blockMap, tail: value };
    }
    return { head: inode.blockMap, tail: NO_BYTES };
  }

  #inlineContent(inodeNumber: number, inode: StoredInode): Uint8Array {
    try {
      const { head, tail } = this.#inlineParts(inode);
      if (inode.sizeBytes > head.length + tail.length) {
        this.#inodes.fail(inodeNumber, 'its content is larger than the room in the inode');
      }
      return Buffer.concat([head, tail]).subarray(0, inode.sizeBytes);
    } catch (error) {
      if (error instanceof XattrError) this.#inodes.fail(inodeNumber, error.message);
      throw error;
    }
  }

  *#storedRanges(inodeNumber: number, inode: StoredInode): Generator<StoredRange> {
    const { blockBytes } = this.#inodes.superblock;
    for (const extent of this.#inodes.extents(inodeNumber, inode)) {
      const { logicalBlock, physicalBlock, blockCount, initialized } = extent;
      const offsetBytes = logicalBlock * blockBytes;
      const lengthBytes = Math.min(blockCount * blockBytes, inode.sizeBytes - offsetBytes);
      // Space may be preallocated after the end of the file.
      if (initialized && lengthBytes > 0) yield { offsetBytes, lengthBytes, physicalBlock };
    }
  }

  #readRange(inodeNumber: number, range: StoredRange, startBytes: number, lengthBytes: number): Uint8Array {
    const { blockBytes } = this.#inodes.superblock;
    const block = range.physicalBlock + startBytes / blockBytes;
    const bytes = this.#inodes.readBlocks(inodeNumber, block, Math.ceil(lengthBytes / blockBytes));
    return bytes.length === lengthBytes ? bytes : bytes.subarray(0, lengthBytes);
  }
}
