/**
 * The bytes of a journal: "Journal (jbd2)" in the kernel's ext4 documentation (journal.rst).
 * Big-endian.
 */
import { structure } from '../structure/structure.ts';

/** h_magic. */
export const JOURNAL_MAGIC = 0xc03b3998;

/** struct journal_superblock_s, which begins with a journal_header_t. */
export const JOURNAL_SUPERBLOCK = structure(
  [
    [0x0, 4, 'h_magic'],
    [0x4, 4, 'h_blocktype'],
    [0x8, 4, 'h_sequence'],
    [0xc, 4, 's_blocksize'],
    [0x10, 4, 's_maxlen'],
    [0x14, 4, 's_first'],
    [0x18, 4, 's_sequence'],
    [0x1c, 4, 's_start'],
    [0x20, 4, 's_errno'],
    [0x24, 4, 's_feature_compat'],
    [0x28, 4, 's_feature_incompat'],
    [0x2c, 4, 's_feature_ro_compat'],
    [0x30, 16, 's_uuid'],
    [0x40, 4, 's_nr_users'],
    [0x44, 4, 's_dynsuper'],
    [0x48, 4, 's_max_transaction'],
    [0x4c, 4, 's_max_trans_data'],
    [0x50, 1, 's_checksum_type'],
    [0x51, 3, 's_padding2'],
    [0x54, 4, 's_num_fc_blocks'],
    [0x58, 4, 's_head'],
    [0x5c, 160, 's_padding'],
    [0xfc, 4, 's_checksum'],
    [0x100, 768, 's_users'],
  ],
  'big',
);
