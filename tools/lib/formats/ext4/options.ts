/** The counts of a finished file system. */
export interface Ext4Summary {
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly usedBlocks: number;
  readonly freeBlocks: number;
  readonly inodeCount: number;
  readonly usedInodes: number;
  readonly freeInodes: number;
}

import { encodeName, printableName } from '../entry/name.ts';
import { UserError } from '../error/user-error.ts';
import { parseUuid, uuidToBytes } from '../uuid/uuid.ts';
import { BLOCK_BYTES, MAXIMUM_BLOCKS, MAXIMUM_INODES } from './geometry.ts';
import { MAXIMUM_TIME_SECONDS } from './inode.ts';
import { LABEL_BYTES, LAST_MOUNTED_BYTES } from './superblock.ts';

export interface Ext4Options {
  /** The size of the file system, a multiple of 4096. */
  readonly sizeBytes: number;
  readonly uuid: string;
  /** A UUID that seeds the hash of directory indexes. */
  readonly hashSeed: string;
  /** At most 16 bytes. */
  readonly label: string;
  /** All times in the superblock and the inodes. Default: 0. */
  readonly timeSeconds?: number;
  /** Whether to add a journal, which needs a size of at least 8 MiB. */
  readonly journal: boolean;
  /**
   * The least number of inodes, including used ones. Default: those that the tree needs, and in a
   * writable file system one more per 16 KiB of its size.
   */
  readonly inodeCount?: number;
  /** The least number of free inodes, instead of one per 16 KiB. Not together with `inodeCount`. */
  readonly freeInodes?: number;
  /** The percentage of blocks that only root may fill, 0 to 50. Default: 0 (mke2fs: 5). */
  readonly reservedPercent?: number;
  /** The recorded directory of the last mount, at most 63 bytes. */
  readonly lastMounted?: string;
  /** Sets the feature that keeps Linux from mounting the file system for writing. */
  readonly readOnly?: boolean;
}

export interface CheckedOptions {
  readonly sizeBlocks: number;
  readonly uuid: Uint8Array;
  readonly hashSeed: Uint8Array;
  readonly label: string;
  readonly timeSeconds: number;
  readonly journal: boolean;
  readonly inodeCount: number | undefined;
  readonly freeInodes: number | undefined;
  readonly reservedPercent: number;
  readonly lastMounted: string;
  readonly readOnly: boolean;
}

/** The limit of mke2fs: 2048 blocks. */
const MINIMUM_JOURNAL_SIZE_BYTES = 2048 * BLOCK_BYTES;
/** e2fsck reports a superblock that reserves more as corrupt. */
const MAXIMUM_RESERVED_PERCENT = 50;

function checkText(text: string, maximumBytes: number, what: string): string {
  const bytes = encodeName(text);
  if (bytes.includes(0)) {
    throw new UserError(`the ext4 ${what} "${printableName(text)}" contains a NUL; remove it`);
  }
  if (bytes.length > maximumBytes) {
    throw new UserError(
      `the ext4 ${what} "${printableName(text)}" has ${bytes.length} bytes, and ${maximumBytes} fit; shorten it`,
    );
  }
  return text;
}

function isInodeCount(count: number): boolean {
  return Number.isInteger(count) && count >= 0 && count <= MAXIMUM_INODES;
}

export function checkOptions(options: Ext4Options): CheckedOptions {
  const { sizeBytes, timeSeconds = 0, inodeCount, journal } = options;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes % BLOCK_BYTES !== 0) {
    throw new UserError(
      `the ext4 size of ${sizeBytes} bytes is not a multiple of ${BLOCK_BYTES}; round it up`,
    );
  }
  if (sizeBytes / BLOCK_BYTES > MAXIMUM_BLOCKS) {
    throw new UserError(
      `the ext4 size of ${sizeBytes} bytes is over the limit of 16 TiB minus one block; make it smaller`,
    );
  }
  if (journal && sizeBytes < MINIMUM_JOURNAL_SIZE_BYTES) {
    throw new UserError(
      `an ext4 file system of ${sizeBytes} bytes is too small for a journal; give it ${MINIMUM_JOURNAL_SIZE_BYTES} ` +
        'bytes or no journal',
    );
  }
  if (!Number.isSafeInteger(timeSeconds) || timeSeconds < 0 || timeSeconds > MAXIMUM_TIME_SECONDS) {
    throw new UserError(
      `the time ${timeSeconds} is out of range for ext4; give seconds from 0 to ${MAXIMUM_TIME_SECONDS}`,
    );
  }
  if (inodeCount !== undefined && !isInodeCount(inodeCount)) {
    throw new UserError(
      `the number of inodes ${inodeCount} is not a whole number below 2^32; correct it or leave it out`,
    );
  }
  const { freeInodes, reservedPercent = 0 } = options;
  if (freeInodes !== undefined && !isInodeCount(freeInodes)) {
    throw new UserError(
      `the number of free inodes ${freeInodes} is not a whole number below 2^32; correct it or leave it out`,
    );
  }
  if (freeInodes !== undefined && inodeCount !== undefined) {
    throw new UserError(
      'an ext4 file system takes a number of inodes or a number of free inodes; give one of the two',
    );
  }
  if (!(reservedPercent >= 0 && reservedPercent <= MAXIMUM_RESERVED_PERCENT)) {
    throw new UserError(
      `${reservedPercent} percent of an ext4 file system cannot be reserved for root; give 0 to ${MAXIMUM_RESERVED_PERCENT}`,
    );
  }
  return {
    sizeBlocks: sizeBytes / BLOCK_BYTES,
    uuid: uuidToBytes(parseUuid(options.uuid, 'the ext4 UUID')),
    hashSeed: uuidToBytes(parseUuid(options.hashSeed, 'the ext4 hash seed')),
    label: checkText(options.label, LABEL_BYTES, 'label'),
    timeSeconds,
    journal,
    inodeCount,
    freeInodes,
    reservedPercent,
    lastMounted: checkText(options.lastMounted ?? '', LAST_MOUNTED_BYTES - 1, 'last mount point'),
    readOnly: options.readOnly ?? false,
  };
}
