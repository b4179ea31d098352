/** The superblock: "Super Block" in the kernel's ext4 documentation (Documentation/filesystems/ext4/super.rst). */

import { CRC32C_START, crc32c } from '../crc32c/crc32c.ts';
import { decodeName, encodeName } from '../entry/name.ts';
import { INCOMPAT, RO_COMPAT } from './features.ts';

export const SUPERBLOCK_OFFSET_BYTES = 1024;
export const SUPERBLOCK_BYTES = 1024;
const MAGIC = 0xef53;

/** s_state. */
export const STATE = { clean: 0x1, errors: 0x2 } as const;

/** s_flags: which signedness `char` had in the directory hash. */
export const FLAG_SIGNED_HASH = 0x1;
export const FLAG_UNSIGNED_HASH = 0x2;

/** s_def_hash_version. */
export const HASH_HALF_MD4 = 1;

/** The room for the label and for the path of the last mount, in bytes. */
export const LABEL_BYTES = 16;
export const LAST_MOUNTED_BYTES = 64;

const ERRORS_CONTINUE = 1;
const REVISION_ORIGINAL = 0;
const REVISION_DYNAMIC = 1;
/** What a file system of the original revision has, whatever stands in the fields for it. */
const ORIGINAL_INODE_BYTES = 128;
const ORIGINAL_FIRST_INODE = 11;
const CHECKSUM_CRC32C = 1;
/** s_default_mount_opts: user_xattr and acl, which mke2fs sets too. */
const DEFAULT_MOUNT_OPTIONS = 0x4 | 0x8;
/** s_max_mnt_count: never check because of the number of mounts. */
const NO_MOUNT_LIMIT = 0xffff;
/** s_jnl_backup_type: s_jnl_blocks holds the journal inode's block map and size. */
const JOURNAL_BACKUP_BLOCKS = 1;
/** Blocks are 1024 bytes shifted left by s_log_block_size. */
const LOG_BLOCK_BASE = 10;
const CHECKSUM_OFFSET = 0x3fc;
/** Group descriptors without the 64bit feature. */
const SHORT_DESCRIPTOR_BYTES = 32;

/** What the superblock says, in the units of its fields. */
export interface Superblock {
  readonly inodeCount: number;
  readonly blockCount: number;
  /** Blocks that only root may fill. */
  readonly reservedBlockCount: number;
  readonly freeBlockCount: number;
  readonly freeInodeCount: number;
  readonly firstDataBlock: number;
  readonly blockBytes: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly firstInode: number;
  readonly inodeBytes: number;
  readonly descriptorBytes: number;
  readonly state: number;
  readonly timeSeconds: number;
  readonly compat: number;
  readonly incompat: number;
  readonly roCompat: number;
  readonly uuid: Uint8Array;
  readonly label: string;
  readonly lastMounted: string;
  readonly hashSeed: Uint8Array;
  readonly hashVersion: number;
  readonly flags: number;
  readonly journalInode: number;
  readonly logGroupsPerFlex: number;
  /** Descriptors from this block of their table on lie in their own groups (the meta_bg feature). */
  readonly firstMetaBlock: number;
  /** The groups with copies of the superblock under sparse_super2; 0 for none. */
  readonly backupGroups: readonly [number, number];
  /** The seed of all other checksums: from the UUID, or stored where the csum_seed feature is set. */
  readonly checksumSeed: number;
}

/** Fields that this project's writer leaves at 0, or makes up itself. */
type Derived = 'state' | 'checksumSeed' | 'firstDataBlock' | 'firstMetaBlock' | 'backupGroups';

export type NewSuperblock = Omit<Superblock, Derived> & {
  /** The group that this copy stands in. */
  readonly group: number;
  /** The journal inode's i_block, from which e2fsck can rebuild that inode; absent without a journal. */
  readonly journalBackup?: { readonly blockMap: Uint8Array; readonly sizeBytes: number };
  /** Bytes of each inode past the first 128 that are in use. */
  readonly extraInodeBytes: number;
};

const TWO_TO_32 = 2 ** 32;

export function checksumSeed(uuid: Uint8Array): number {
  return crc32c(CRC32C_START, uuid);
}

export function encodeSuperblock(superblock: NewSuperblock): Uint8Array {
  const bytes = new Uint8Array(SUPERBLOCK_BYTES);
  const view = new DataView(bytes.buffer);
  const logBlock = Math.log2(superblock.blockBytes) - LOG_BLOCK_BASE;
  view.setUint32(0x0, superblock.inodeCount, true);
  view.setUint32(0x4, superblock.blockCount, true);
  view.setUint32(0x8, superblock.reservedBlockCount, true);
  view.setUint32(0xc, superblock.freeBlockCount, true);
  view.setUint32(0x10, superblock.freeInodeCount, true);
  view.setUint32(0x18, logBlock, true);
  view.setUint32(0x1c, logBlock, true); // s_log_cluster_size: clusters are blocks
  view.setUint32(0x20, superblock.blocksPerGroup, true);
  view.setUint32(0x24, superblock.blocksPerGroup, true); // s_clusters_per_group
  view.setUint32(0x28, superblock.inodesPerGroup, true);
  view.setUint32(0x30, superblock.timeSeconds, true); // s_wtime
  view.setUint16(0x36, NO_MOUNT_LIMIT, true);
  view.setUint16(0x38, MAGIC, true);
  view.setUint16(0x3a, STATE.clean, true);
  view.setUint16(0x3c, ERRORS_CONTINUE, true);
  view.setUint32(0x40, superblock.timeSeconds, true); // s_lastcheck
  view.setUint32(0x4c, REVISION_DYNAMIC, true);
  view.setUint32(0x54, superblock.firstInode, true);
  view.setUint16(0x58, superblock.inodeBytes, true);
  view.setUint16(0x5a, superblock.group, true);
  view.setUint32(0x5c, superblock.compat, true);
  view.setUint32(0x60, superblock.incompat, true);
  view.setUint32(0x64, superblock.roCompat, true);
  bytes.set(superblock.uuid, 0x68);
  bytes.set(encodeName(superblock.label), 0x78);
  bytes.set(encodeName(superblock.lastMounted), 0x88);
  view.setUint32(0xe0, superblock.journalInode, true);
  bytes.set(superblock.hashSeed, 0xec);
  view.setUint8(0xfc, superblock.hashVersion);
  view.setUint16(0xfe, superblock.descriptorBytes, true);
  view.setUint32(0x100, DEFAULT_MOUNT_OPTIONS, true);
  view.setUint32(0x108, superblock.timeSeconds, true); // s_mkfs_time
  if (superblock.journalBackup !== undefined) {
    const { blockMap, sizeBytes } = superblock.journalBackup;
    view.setUint8(0xfd, JOURNAL_BACKUP_BLOCKS);
    bytes.set(blockMap, 0x10c);
    view.setUint32(0x148, Math.floor(sizeBytes / TWO_TO_32), true);
    view.setUint32(0x14c, sizeBytes % TWO_TO_32, true);
  }
  view.setUint16(0x15c, superblock.extraInodeBytes, true); // s_min_extra_isize
  view.setUint16(0x15e, superblock.extraInodeBytes, true); // s_want_extra_isize
  view.setUint32(0x160, superblock.flags, true);
  view.setUint8(0x174, superblock.logGroupsPerFlex);
  view.setUint8(0x175, CHECKSUM_CRC32C);
  const timeHigh = Math.floor(superblock.timeSeconds / TWO_TO_32);
  view.setUint8(0x274, timeHigh); // s_wtime_hi
  view.setUint8(0x276, timeHigh); // s_mkfs_time_hi
  view.setUint8(0x277, timeHigh); // s_lastcheck_hi
  view.setUint32(CHECKSUM_OFFSET, crc32c(CRC32C_START, bytes, 0, CHECKSUM_OFFSET), true);
  return bytes;
}

/** Text up to the first NUL. */
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decodeName(end < 0 ? bytes : bytes.subarray(0, end));
}

/** @returns the superblock, or one clause that says why it is none. */
export function decodeSuperblock(bytes: Uint8Array): Superblock | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0x38, true) !== MAGIC) return 'there is no ext4 superblock';
  const roCompat = view.getUint32(0x64, true);
  if ((roCompat & RO_COMPAT.metadataCsum) !== 0) {
    if (view.getUint32(CHECKSUM_OFFSET, true) !== crc32c(CRC32C_START, bytes, 0, CHECKSUM_OFFSET)) {
      return 'the superblock does not match its checksum';
    }
  }
  const incompat = view.getUint32(0x60, true);
  const wide = (incompat & INCOMPAT.bit64) !== 0;
  const logBlock = view.getUint32(0x18, true);
  if (logBlock > 6) return 'the superblock has an impossible block size';
  const isOriginal = view.getUint32(0x4c, true) === REVISION_ORIGINAL;
  const uuid = bytes.slice(0x68, 0x78);
  const high = (offset: number): number => (wide ? view.getUint32(offset, true) * TWO_TO_32 : 0);
  return {
    inodeCount: view.getUint32(0x0, true),
    blockCount: view.getUint32(0x4, true) + high(0x150),
    reservedBlockCount: view.getUint32(0x8, true) + high(0x154),
    freeBlockCount: view.getUint32(0xc, true) + high(0x158),
    freeInodeCount: view.getUint32(0x10, true),
    firstDataBlock: view.getUint32(0x14, true),
    blockBytes: 2 ** (LOG_BLOCK_BASE + logBlock),
    blocksPerGroup: view.getUint32(0x20, true),
    inodesPerGroup: view.getUint32(0x28, true),
    timeSeconds: view.getUint32(0x108, true) + view.getUint8(0x276) * TWO_TO_32,
    state: view.getUint16(0x3a, true),
    firstInode: isOriginal ? ORIGINAL_FIRST_INODE : view.getUint32(0x54, true),
    inodeBytes: isOriginal ? ORIGINAL_INODE_BYTES : view.getUint16(0x58, true),
    descriptorBytes: wide ? view.getUint16(0xfe, true) : SHORT_DESCRIPTOR_BYTES,
    compat: view.getUint32(0x5c, true),
    incompat,
    roCompat,
    uuid,
    label: text(bytes.subarray(0x78, 0x78 + LABEL_BYTES)),
    lastMounted: text(bytes.subarray(0x88, 0x88 + LAST_MOUNTED_BYTES)),
    hashSeed: bytes.slice(0xec, 0xfc),
    hashVersion: view.getUint8(0xfc),
    flags: view.getUint32(0x160, true),
    journalInode: view.getUint32(0xe0, true),
    logGroupsPerFlex: view.getUint8(0x174),
    firstMetaBlock: view.getUint32(0x104, true),
    backupGroups: [view.getUint32(0x24c, true), view.getUint32(0x250, true)],
    checksumSeed: (incompat & INCOMPAT.csumSeed) !== 0 ? view.getUint32(0x270, true) : checksumSeed(uuid),
  };
}
