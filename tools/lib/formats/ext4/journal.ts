/** Encodes an empty journal: "Journal (jbd2)" in the kernel's ext4 documentation (journal.rst). */

import { JOURNAL_MAGIC, JOURNAL_SUPERBLOCK } from './format-journal.ts';

const BLOCK_TYPE_SUPERBLOCK_V2 = 4;
/** The number of the first transaction. */
const FIRST_SEQUENCE = 1;
/** The block after the journal's superblock. */
const FIRST_LOG_BLOCK = 1;
const USER_COUNT = 1;

/** The size of the journal by the size of the file system, as mke2fs chooses it. */
const SIZES: readonly { readonly belowBlocks: number; readonly journalBlocks: number }[] = [
  { belowBlocks: 32_768, journalBlocks: 1_024 },
  { belowBlocks: 262_144, journalBlocks: 4_096 },
  { belowBlocks: 524_288, journalBlocks: 8_192 },
  { belowBlocks: 4_194_304, journalBlocks: 16_384 },
  { belowBlocks: 8_388_608, journalBlocks: 32_768 },
  { belowBlocks: 16_777_216, journalBlocks: 65_536 },
  { belowBlocks: 33_554_432, journalBlocks: 131_072 },
  { belowBlocks: Number.POSITIVE_INFINITY, journalBlocks: 262_144 },
];

export function journalBlockCount(blockCount: number): number {
  return SIZES.find(({ belowBlocks }) => blockCount < belowBlocks)?.journalBlocks ?? 0;
}

/**
 * Encodes the first block of an empty journal. The other blocks may contain anything. As with
 * mke2fs, the block has no checksums: the kernel adds them when it mounts a file system with
 * metadata checksums.
 */
export function encodeJournalSuperblock(journalBlocks: number, blockBytes: number): Uint8Array {
  const bytes = new Uint8Array(blockBytes);
  const view = new DataView(bytes.buffer);
  const { at } = JOURNAL_SUPERBLOCK;
  at.h_magic.set(view, JOURNAL_MAGIC);
  at.h_blocktype.set(view, BLOCK_TYPE_SUPERBLOCK_V2);
  at.s_blocksize.set(view, blockBytes);
  at.s_maxlen.set(view, journalBlocks);
  at.s_first.set(view, FIRST_LOG_BLOCK);
  at.s_sequence.set(view, FIRST_SEQUENCE);
  at.s_nr_users.set(view, USER_COUNT);
  return bytes; // s_start stays 0: there is nothing to replay
}
