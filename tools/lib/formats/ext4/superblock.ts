/** Encodes and decodes superblocks: "Super Block" in the kernel's documentation (super.rst). */
import { CRC32C_START, crc32c } from '../crc32c/crc32c.ts';
import { decodeName, encodeName } from '../entry/name.ts';
import type { FieldAccess } from '../structure/structure.ts';
import { viewOf } from '../structure/view.ts';
import { INCOMPAT, RO_COMPAT } from './features.ts';
import { GROUP_DESCRIPTOR } from './format-group.ts';
import { JOURNAL_BACKUP, SUPERBLOCK, SUPERBLOCK_MAGIC } from './format-superblock.ts';

export const SUPERBLOCK_BYTES = SUPERBLOCK.sizeBytes;
const AT = SUPERBLOCK.at;

/** s_state. */
export const STATE = { clean: 0x1, errors: 0x2 } as const;

/** s_flags: the signedness of `char` in the directory hash. */
export const FLAG_SIGNED_HASH = 0x1;
export const FLAG_UNSIGNED_HASH = 0x2;

/** s_def_hash_version. */
export const HASH_HALF_MD4 = 1;

/** The sizes of the label and of the path of the last mount. */
export const LABEL_BYTES = AT.s_volume_name.lengthBytes;
export const LAST_MOUNTED_BYTES = AT.s_last_mounted.lengthBytes;

const ERRORS_CONTINUE = 1;
const REVISION_ORIGINAL = 0;
const REVISION_DYNAMIC = 1;
/** Fixed values of revision 0, whose superblock lacks these fields. */
const ORIGINAL_INODE_BYTES = 128;
const ORIGINAL_FIRST_INODE = 11;
const CHECKSUM_CRC32C = 1;
/** s_default_mount_opts: user_xattr and acl, which mke2fs sets too. */
const DEFAULT_MOUNT_OPTIONS = 0x4 | 0x8;
/** s_max_mnt_count: no number of mounts makes a check necessary. */
const NO_MOUNT_LIMIT = 0xffff;
/** s_jnl_backup_type: s_jnl_blocks holds the journal inode's block map and size. */
const JOURNAL_BACKUP_BLOCKS = 1;
/** Blocks are 1024 bytes shifted left by s_log_block_size. */
const LOG_BLOCK_BASE = 10;
/** The size of a group descriptor without the 64bit feature. */
const SHORT_DESCRIPTOR_BYTES = GROUP_DESCRIPTOR.at.bg_block_bitmap_hi.offsetBytes;

/** The values of the superblock. */
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
  /**
   * The descriptors from this block of their table are in their own groups (the meta_bg feature).
   */
  readonly firstMetaBlock: number;
  /** The groups with copies of the superblock under sparse_super2, or 0. */
  readonly backupGroups: readonly [number, number];
  /**
   * The seed of all other checksums: computed from the UUID, or stored with the csum_seed feature.
   */
  readonly checksumSeed: number;
}

/** Fields that the encoder sets itself or leaves at 0. */
type Derived = 'state' | 'checksumSeed' | 'firstDataBlock' | 'firstMetaBlock' | 'backupGroups';

/** The fields of the journal's inode that its copy in the superblock keeps. */
export interface JournalBackup {
  readonly blockMap: Uint8Array;
  readonly sizeBytes: number;
}

export type NewSuperblock = Omit<Superblock, Derived> & {
  /** The group that contains this copy. */
  readonly group: number;
  /** Lets e2fsck rebuild the journal's inode. Absent without a journal. */
  readonly journalBackup?: JournalBackup;
  /** The number of bytes in use after the first 128 of each inode. */
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
  AT.s_inodes_count.set(view, superblock.inodeCount);
  AT.s_blocks_count_lo.set(view, superblock.blockCount);
  AT.s_r_blocks_count_lo.set(view, superblock.reservedBlockCount);
  AT.s_free_blocks_count_lo.set(view, superblock.freeBlockCount);
  AT.s_free_inodes_count.set(view, superblock.freeInodeCount);
  AT.s_log_block_size.set(view, logBlock);
  AT.s_log_cluster_size.set(view, logBlock); // clusters are blocks
  AT.s_blocks_per_group.set(view, superblock.blocksPerGroup);
  AT.s_clusters_per_group.set(view, superblock.blocksPerGroup);
  AT.s_inodes_per_group.set(view, superblock.inodesPerGroup);
  AT.s_max_mnt_count.set(view, NO_MOUNT_LIMIT);
  AT.s_magic.set(view, SUPERBLOCK_MAGIC);
  AT.s_state.set(view, STATE.clean);
  AT.s_errors.set(view, ERRORS_CONTINUE);
  AT.s_rev_level.set(view, REVISION_DYNAMIC);
  AT.s_first_ino.set(view, superblock.firstInode);
  AT.s_inode_size.set(view, superblock.inodeBytes);
  AT.s_block_group_nr.set(view, superblock.group);
  AT.s_feature_compat.set(view, superblock.compat);
  AT.s_feature_incompat.set(view, superblock.incompat);
  AT.s_feature_ro_compat.set(view, superblock.roCompat);
  AT.s_uuid.setBytes(bytes, superblock.uuid);
  AT.s_volume_name.setBytes(bytes, encodeName(superblock.label));
  AT.s_last_mounted.setBytes(bytes, encodeName(superblock.lastMounted));
  AT.s_journal_inum.set(view, superblock.journalInode);
  AT.s_hash_seed.setBytes(bytes, superblock.hashSeed);
  AT.s_def_hash_version.set(view, superblock.hashVersion);
  AT.s_desc_size.set(view, superblock.descriptorBytes);
  AT.s_default_mount_opts.set(view, DEFAULT_MOUNT_OPTIONS);
  AT.s_min_extra_isize.set(view, superblock.extraInodeBytes);
  AT.s_want_extra_isize.set(view, superblock.extraInodeBytes);
  AT.s_flags.set(view, superblock.flags);
  AT.s_log_groups_per_flex.set(view, superblock.logGroupsPerFlex);
  AT.s_checksum_type.set(view, CHECKSUM_CRC32C);
  encodeTimes(view, superblock.timeSeconds);
  if (superblock.journalBackup !== undefined) encodeJournalBackup(bytes, superblock.journalBackup);
  AT.s_checksum.set(view, superblockChecksum(bytes));
  return bytes;
}

/** Sets the times of creation, of the last write and of the last check. */
function encodeTimes(view: DataView, timeSeconds: number): void {
  const high = Math.floor(timeSeconds / TWO_TO_32);
  for (const field of [AT.s_wtime, AT.s_lastcheck, AT.s_mkfs_time]) field.set(view, timeSeconds);
  for (const field of [AT.s_wtime_hi, AT.s_lastcheck_hi, AT.s_mkfs_time_hi]) field.set(view, high);
}

function encodeJournalBackup(bytes: Uint8Array, { blockMap, sizeBytes }: JournalBackup): void {
  const view = viewOf(bytes);
  const start = AT.s_jnl_blocks.offsetBytes;
  AT.s_jnl_backup_type.set(view, JOURNAL_BACKUP_BLOCKS);
  JOURNAL_BACKUP.at.i_block.setBytes(bytes, blockMap, start);
  JOURNAL_BACKUP.at.i_size_high.set(view, Math.floor(sizeBytes / TWO_TO_32), start);
  JOURNAL_BACKUP.at.i_size.set(view, sizeBytes % TWO_TO_32, start);
}

/** s_checksum: over all bytes before it. */
function superblockChecksum(bytes: Uint8Array): number {
  return crc32c(CRC32C_START, bytes, 0, AT.s_checksum.offsetBytes);
}

/** Decodes text up to the first NUL. */
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decodeName(end < 0 ? bytes : bytes.subarray(0, end));
}

/**
 * Decodes a superblock. If it is not valid, returns a phrase that says why; callers add the name of
 * the image.
 */
export function decodeSuperblock(bytes: Uint8Array): Superblock | string {
  const view = viewOf(bytes);
  if (AT.s_magic.get(view) !== SUPERBLOCK_MAGIC) return 'there is no ext4 superblock';
  const roCompat = AT.s_feature_ro_compat.get(view);
  const hasChecksum = (roCompat & RO_COMPAT.metadataCsum) !== 0;
  if (hasChecksum && AT.s_checksum.get(view) !== superblockChecksum(bytes)) {
    return 'the superblock does not match its checksum';
  }
  const incompat = AT.s_feature_incompat.get(view);
  const wide = (incompat & INCOMPAT.bit64) !== 0;
  const logBlock = AT.s_log_block_size.get(view);
  if (logBlock > 6) return 'the superblock has an impossible block size';
  const isOriginal = AT.s_rev_level.get(view) === REVISION_ORIGINAL;
  const uuid = AT.s_uuid.bytes(bytes).slice();
  const high = (field: FieldAccess): number => (wide ? field.get(view) * TWO_TO_32 : 0);
  const backupGroups = AT.s_backup_bgs.offsetBytes;
  return {
    inodeCount: AT.s_inodes_count.get(view),
    blockCount: AT.s_blocks_count_lo.get(view) + high(AT.s_blocks_count_hi),
    reservedBlockCount: AT.s_r_blocks_count_lo.get(view) + high(AT.s_r_blocks_count_hi),
    freeBlockCount: AT.s_free_blocks_count_lo.get(view) + high(AT.s_free_blocks_count_hi),
    freeInodeCount: AT.s_free_inodes_count.get(view),
    firstDataBlock: AT.s_first_data_block.get(view),
    blockBytes: 2 ** (LOG_BLOCK_BASE + logBlock),
    blocksPerGroup: AT.s_blocks_per_group.get(view),
    inodesPerGroup: AT.s_inodes_per_group.get(view),
    timeSeconds: AT.s_mkfs_time.get(view) + AT.s_mkfs_time_hi.get(view) * TWO_TO_32,
    state: AT.s_state.get(view),
    firstInode: isOriginal ? ORIGINAL_FIRST_INODE : AT.s_first_ino.get(view),
    inodeBytes: isOriginal ? ORIGINAL_INODE_BYTES : AT.s_inode_size.get(view),
    descriptorBytes: wide ? AT.s_desc_size.get(view) : SHORT_DESCRIPTOR_BYTES,
    compat: AT.s_feature_compat.get(view),
    incompat,
    roCompat,
    uuid,
    label: text(AT.s_volume_name.bytes(bytes)),
    lastMounted: text(AT.s_last_mounted.bytes(bytes)),
    hashSeed: AT.s_hash_seed.bytes(bytes).slice(),
    hashVersion: AT.s_def_hash_version.get(view),
    flags: AT.s_flags.get(view),
    journalInode: AT.s_journal_inum.get(view),
    logGroupsPerFlex: AT.s_log_groups_per_flex.get(view),
    firstMetaBlock: AT.s_first_meta_bg.get(view),
    backupGroups: [view.getUint32(backupGroups, true), view.getUint32(backupGroups + 4, true)],
    checksumSeed: (incompat & INCOMPAT.csumSeed) !== 0 ? AT.s_checksum_seed.get(view) : checksumSeed(uuid),
  };
}
