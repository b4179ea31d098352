/** struct erofs_super_block, and the settings of compression behind it (z_erofs_parse_cfgs in Linux). */
import { CRC32C_START, crc32c } from '../crc32c/crc32c.ts';
import {
  ALGORITHM,
  BLOCK_BITS,
  BLOCK_BYTES,
  COMPATIBLE,
  INCOMPATIBLE,
  MAGIC,
  SUPERBLOCK_OFFSET_BYTES,
} from './layout.ts';

const SUPERBLOCK_BYTES = 128;
export const LABEL_BYTES = 16;
const UUID_BYTES = 16;
const CHECKSUM_OFFSET = 4;
/** The kernel takes blocks up to its page size; all architectures' pages are within 64 KiB. */
const MINIMUM_BLOCK_BITS = 9;
const MAXIMUM_BLOCK_BITS = 16;
/** struct z_erofs_zstd_cfgs without its length: format, windowlog, and four reserved bytes. */
const ZSTD_SETTINGS_BYTES = 6;
/** windowlog counts from ZSTD_WINDOWLOG_ABSOLUTEMIN. */
const ZSTD_WINDOW_LOG_BASE = 10;
/** struct z_erofs_lz4_cfgs without its length. */
const LZ4_SETTINGS_BYTES = 14;

/** Started with all ones and not inverted at the end. */
export function superblockChecksum(bytes: Uint8Array): number {
  return crc32c(CRC32C_START, bytes) >>> 0;
}

/** How the files of an image were compressed; what a kernel must be ready for. */
export type CompressionSettings =
  | { readonly algorithm: 'zstd'; readonly windowLog: number }
  | { readonly algorithm: 'lz4'; readonly maximumClusterBlocks: number };

export interface SuperblockFields {
  readonly rootNid: number;
  readonly inodeCount: number;
  readonly timeSeconds: number;
  readonly usedBlocks: number;
  readonly xattrBlock: number;
  readonly uuid: Uint8Array;
  readonly label: Uint8Array;
  readonly compression: CompressionSettings | undefined;
}

/** @returns block 0, whole */
export function encodeSuperblock(fields: SuperblockFields): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const bytes = block.subarray(SUPERBLOCK_OFFSET_BYTES);
  const view = new DataView(block.buffer, SUPERBLOCK_OFFSET_BYTES);
  view.setUint32(0, MAGIC, true);
  view.setUint32(8, COMPATIBLE.checksum | COMPATIBLE.modificationTimes, true);
  view.setUint8(12, BLOCK_BITS);
  view.setUint16(14, fields.rootNid, true);
  view.setBigUint64(16, BigInt(fields.inodeCount), true);
  view.setBigUint64(24, BigInt(fields.timeSeconds), true);
  view.setUint32(36, fields.usedBlocks, true);
  view.setUint32(44, fields.xattrBlock, true);
  bytes.set(fields.uuid, 48);
  bytes.set(fields.label, 64);
  if (fields.compression !== undefined) encodeCompression(view, fields.compression);
  view.setUint32(CHECKSUM_OFFSET, superblockChecksum(bytes), true);
  return block;
}

function encodeCompression(view: DataView, compression: CompressionSettings): void {
  view.setUint32(80, INCOMPATIBLE.zeroPadding | INCOMPATIBLE.compressionSettings, true);
  view.setUint16(84, 1 << ALGORITHM[compression.algorithm], true);
  if (compression.algorithm === 'zstd') {
    view.setUint16(SUPERBLOCK_BYTES, ZSTD_SETTINGS_BYTES, true);
    view.setUint8(SUPERBLOCK_BYTES + 3, compression.windowLog - ZSTD_WINDOW_LOG_BASE);
  } else {
    view.setUint16(SUPERBLOCK_BYTES, LZ4_SETTINGS_BYTES, true);
    view.setUint16(SUPERBLOCK_BYTES + 4, compression.maximumClusterBlocks, true);
  }
}

export interface ErofsSuperblock {
  readonly blockBytes: number;
  readonly rootNid: number;
  readonly inodeCount: number;
  /** The time of every compact inode. */
  readonly time: { readonly seconds: number; readonly nanoseconds: number };
  /** Blocks in use; the device may have more. */
  readonly blockCount: number;
  readonly metadataBlock: number;
  readonly xattrBlock: number;
  readonly uuid: Uint8Array;
  readonly label: Uint8Array;
  readonly compatible: number;
  readonly incompatible: number;
  readonly extraDevices: number;
  /** Number and place, in units of four bytes, of the longer prefixes of names of extended attributes. */
  readonly xattrPrefixCount: number;
  readonly xattrPrefixStart: number;
  /** The inode whose content holds fragments and prefixes; 0 for none. */
  readonly packedNid: number;
}

/** Thrown for a superblock that is none, or that is not supported; the message is a clause. */
export class SuperblockError extends Error {}

/** What the reader understands; the rest is refused. */
const KNOWN_INCOMPATIBLE =
  INCOMPATIBLE.zeroPadding |
  INCOMPATIBLE.compressionSettings |
  INCOMPATIBLE.chunks |
  INCOMPATIBLE.devicesOrSecondAlgorithm |
  INCOMPATIBLE.inlineClusters |
  INCOMPATIBLE.fragments |
  INCOMPATIBLE.xattrPrefixes;

/**
 * Reads a superblock.
 *
 * @param read gives bytes of the image
 */
export function decodeSuperblock(
  read: (offsetBytes: number, lengthBytes: number) => Uint8Array,
  imageBytes: number,
): ErofsSuperblock {
  if (imageBytes < SUPERBLOCK_OFFSET_BYTES + SUPERBLOCK_BYTES)
    throw new SuperblockError('there is no EROFS superblock');
  const bytes = Uint8Array.from(read(SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK_BYTES));
  const view = new DataView(bytes.buffer);
  if (view.getUint32(0, true) !== MAGIC) throw new SuperblockError('there is no EROFS superblock');
  const blockBits = view.getUint8(12);
  const directoryBits = view.getUint8(90);
  if (blockBits < MINIMUM_BLOCK_BITS || blockBits > MAXIMUM_BLOCK_BITS || directoryBits !== 0) {
    throw new SuperblockError(
      `its superblock is damaged: blocks of 2^${blockBits} bytes, directories 2^${directoryBits} times that`,
    );
  }
  const compatible = view.getUint32(8, true);
  if ((compatible & COMPATIBLE.checksum) !== 0) checkChecksum(read, imageBytes, 1 << blockBits, view);
  const incompatible = view.getUint32(80, true);
  const unknown = (incompatible & ~KNOWN_INCOMPATIBLE) >>> 0;
  if (unknown !== 0)
    throw new SuperblockError(
      `it has features that are not supported (incompatible 0x${unknown.toString(16)})`,
    );
  return {
    blockBytes: 1 << blockBits,
    rootNid: view.getUint16(14, true),
    inodeCount: Number(view.getBigUint64(16, true)),
    time: { seconds: Number(view.getBigInt64(24, true)), nanoseconds: view.getUint32(32, true) },
    blockCount: view.getUint32(36, true),
    metadataBlock: view.getUint32(40, true),
    xattrBlock: view.getUint32(44, true),
    uuid: bytes.subarray(48, 48 + UUID_BYTES),
    label: bytes.subarray(64, 64 + LABEL_BYTES),
    compatible,
    incompatible,
    extraDevices: view.getUint16(86, true),
    xattrPrefixCount: view.getUint8(91),
    xattrPrefixStart: view.getUint32(92, true),
    packedNid: Number(view.getBigUint64(96, true)),
  };
}

function checkChecksum(
  read: (offsetBytes: number, lengthBytes: number) => Uint8Array,
  imageBytes: number,
  blockBytes: number,
  view: DataView,
): void {
  // The rest of the block, or with blocks that the superblock does not begin in the first of, the rest of its own.
  const lengthBytes = blockBytes - (SUPERBLOCK_OFFSET_BYTES % blockBytes);
  if (imageBytes < SUPERBLOCK_OFFSET_BYTES + lengthBytes) throw new SuperblockError('it is cut off');
  const covered = Uint8Array.from(read(SUPERBLOCK_OFFSET_BYTES, lengthBytes));
  covered.fill(0, CHECKSUM_OFFSET, CHECKSUM_OFFSET + 4);
  if (superblockChecksum(covered) !== view.getUint32(CHECKSUM_OFFSET, true)) {
    throw new SuperblockError('its superblock does not match its checksum: it is damaged');
  }
}
