/**
 * Encodes and decodes the superblock and the compression settings after it (z_erofs_parse_cfgs in
 * Linux).
 */
import { CRC32C_START, crc32c } from '../crc32c/crc32c.ts';
import {
  ALGORITHM,
  BLOCK_BITS,
  BLOCK_BYTES,
  COMPATIBLE,
  INCOMPATIBLE,
  LZ4_SETTINGS,
  MAGIC,
  SETTINGS_LENGTH,
  SUPERBLOCK,
  SUPERBLOCK_OFFSET_BYTES,
  ZSTD_SETTINGS,
} from './format.ts';

const FIELD = SUPERBLOCK.at;
/**
 * The kernel accepts blocks up to its page size. The largest page of any architecture has 64 KiB.
 */
const MINIMUM_BLOCK_BITS = 9;
const MAXIMUM_BLOCK_BITS = 16;
/** The `windowlog` field counts from ZSTD_WINDOWLOG_ABSOLUTEMIN. */
const ZSTD_WINDOW_LOG_BASE = 10;

/** Computes a CRC-32C that starts with all ones and is not inverted at the end. */
export function superblockChecksum(bytes: Uint8Array): number {
  return crc32c(CRC32C_START, bytes) >>> 0;
}

/** How the files of an image are compressed: a kernel prepares for it at mount time. */
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

/** Encodes the superblock. @returns the whole of block 0 */
export function encodeSuperblock(fields: SuperblockFields): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const bytes = block.subarray(SUPERBLOCK_OFFSET_BYTES);
  const view = new DataView(block.buffer, SUPERBLOCK_OFFSET_BYTES);
  FIELD.magic.set(view, MAGIC);
  FIELD.feature_compat.set(view, COMPATIBLE.checksum | COMPATIBLE.modificationTimes);
  FIELD.blkszbits.set(view, BLOCK_BITS);
  FIELD.root_nid.set(view, fields.rootNid);
  FIELD.inos.set(view, fields.inodeCount);
  FIELD.build_time.set(view, fields.timeSeconds);
  FIELD.blocks.set(view, fields.usedBlocks);
  FIELD.xattr_blkaddr.set(view, fields.xattrBlock);
  FIELD.uuid.setBytes(bytes, fields.uuid);
  FIELD.volume_name.setBytes(bytes, fields.label);
  if (fields.compression !== undefined) encodeCompression(view, fields.compression);
  FIELD.checksum.set(view, superblockChecksum(bytes));
  return block;
}

function encodeCompression(view: DataView, compression: CompressionSettings): void {
  FIELD.feature_incompat.set(view, INCOMPATIBLE.zeroPadding | INCOMPATIBLE.compressionSettings);
  FIELD.available_compr_algs.set(view, 1 << ALGORITHM[compression.algorithm]);
  const length = SUPERBLOCK.sizeBytes;
  const settings = length + SETTINGS_LENGTH.sizeBytes;
  if (compression.algorithm === 'zstd') {
    SETTINGS_LENGTH.at.size.set(view, ZSTD_SETTINGS.sizeBytes, length);
    ZSTD_SETTINGS.at.windowlog.set(view, compression.windowLog - ZSTD_WINDOW_LOG_BASE, settings);
  } else {
    SETTINGS_LENGTH.at.size.set(view, LZ4_SETTINGS.sizeBytes, length);
    LZ4_SETTINGS.at.max_pclusterblks.set(view, compression.maximumClusterBlocks, settings);
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
  /** The number of long prefixes of attribute names. */
  readonly xattrPrefixCount: number;
  /** The position of the first long prefix, in units of four bytes. */
  readonly xattrPrefixStart: number;
  /** The inode whose content holds fragments and long prefixes; 0 if there is no such inode. */
  readonly packedNid: number;
}

/**
 * Thrown for bytes that are not a superblock, or not a supported one. Callers add the place to the
 * message.
 */
export class SuperblockError extends Error {}

/** The features that the reader supports; it refuses all others. */
const KNOWN_INCOMPATIBLE =
  INCOMPATIBLE.zeroPadding |
  INCOMPATIBLE.compressionSettings |
  INCOMPATIBLE.chunks |
  INCOMPATIBLE.devicesOrSecondAlgorithm |
  INCOMPATIBLE.inlineClusters |
  INCOMPATIBLE.fragments |
  INCOMPATIBLE.xattrPrefixes;

/**
 * Decodes the superblock of an image.
 *
 * @param read returns bytes of the image
 * @throws SuperblockError if the superblock is missing, damaged or not supported
 */
export function decodeSuperblock(
  read: (offsetBytes: number, lengthBytes: number) => Uint8Array,
  imageBytes: number,
): ErofsSuperblock {
  if (imageBytes < SUPERBLOCK_OFFSET_BYTES + SUPERBLOCK.sizeBytes)
    throw new SuperblockError('there is no EROFS superblock');
  const bytes = Uint8Array.from(read(SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK.sizeBytes));
  const view = new DataView(bytes.buffer);
  if (FIELD.magic.get(view) !== MAGIC) throw new SuperblockError('there is no EROFS superblock');
  const blockBits = FIELD.blkszbits.get(view);
  const directoryBits = FIELD.dirblkbits.get(view);
  if (blockBits < MINIMUM_BLOCK_BITS || blockBits > MAXIMUM_BLOCK_BITS || directoryBits !== 0) {
    throw new SuperblockError(
      `its superblock is damaged: it states blocks of 2^${blockBits} bytes, and directory blocks that are 2^${directoryBits} times as large`,
    );
  }
  const compatible = FIELD.feature_compat.get(view);
  if ((compatible & COMPATIBLE.checksum) !== 0) checkChecksum(read, imageBytes, 1 << blockBits, view);
  const incompatible = FIELD.feature_incompat.get(view);
  const unknown = (incompatible & ~KNOWN_INCOMPATIBLE) >>> 0;
  if (unknown !== 0)
    throw new SuperblockError(
      `it has features that are not supported (incompatible 0x${unknown.toString(16)})`,
    );
  return {
    blockBytes: 1 << blockBits,
    rootNid: FIELD.root_nid.get(view),
    inodeCount: FIELD.inos.get(view),
    time: { seconds: FIELD.build_time.getSigned(view), nanoseconds: FIELD.build_time_nsec.get(view) },
    blockCount: FIELD.blocks.get(view),
    metadataBlock: FIELD.meta_blkaddr.get(view),
    xattrBlock: FIELD.xattr_blkaddr.get(view),
    uuid: FIELD.uuid.bytes(bytes),
    label: FIELD.volume_name.bytes(bytes),
    compatible,
    incompatible,
    extraDevices: FIELD.extra_devices.get(view),
    xattrPrefixCount: FIELD.xattr_prefix_count.get(view),
    xattrPrefixStart: FIELD.xattr_prefix_start.get(view),
    packedNid: FIELD.packed_nid.get(view),
  };
}

function checkChecksum(
  read: (offsetBytes: number, lengthBytes: number) => Uint8Array,
  imageBytes: number,
  blockBytes: number,
  view: DataView,
): void {
  // The checksum covers the rest of the block that the superblock begins in.
  const lengthBytes = blockBytes - (SUPERBLOCK_OFFSET_BYTES % blockBytes);
  if (imageBytes < SUPERBLOCK_OFFSET_BYTES + lengthBytes) throw new SuperblockError('it is cut off');
  const covered = Uint8Array.from(read(SUPERBLOCK_OFFSET_BYTES, lengthBytes));
  FIELD.checksum.bytes(covered).fill(0);
  if (superblockChecksum(covered) !== FIELD.checksum.get(view)) {
    throw new SuperblockError('its superblock does not match its checksum: it is damaged');
  }
}
