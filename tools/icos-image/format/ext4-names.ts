import type { Superblock } from '../../lib/formats/ext4/ext4.ts';

type Names = Readonly<Record<number, string>>;

/** Feature bits under the names of tune2fs(8) (e2fsprogs, `lib/e2p/feature.c`). */
const COMPATIBLE: Names = {
  1: 'dir_prealloc',
  2: 'imagic_inodes',
  4: 'has_journal',
  8: 'ext_attr',
  16: 'resize_inode',
  32: 'dir_index',
  512: 'sparse_super2',
  1024: 'fast_commit',
  2048: 'stable_inodes',
  4096: 'orphan_file',
};
const INCOMPATIBLE: Names = {
  1: 'compression',
  2: 'filetype',
  4: 'needs_recovery',
  8: 'journal_dev',
  16: 'meta_bg',
  64: 'extent',
  128: '64bit',
  256: 'mmp',
  512: 'flex_bg',
  1024: 'ea_inode',
  4096: 'dirdata',
  8192: 'metadata_csum_seed',
  16384: 'large_dir',
  32768: 'inline_data',
  65536: 'encrypt',
  131072: 'casefold',
};
const READ_ONLY_COMPATIBLE: Names = {
  1: 'sparse_super',
  2: 'large_file',
  4: 'btree_dir',
  8: 'huge_file',
  16: 'uninit_bg',
  32: 'dir_nlink',
  64: 'extra_isize',
  256: 'quota',
  512: 'bigalloc',
  1024: 'metadata_csum',
  4096: 'read-only',
  8192: 'project',
  16384: 'shared_blocks',
  32768: 'verity',
  65536: 'orphan_present',
};

/** The names of the set bits. A bit without a name is shown as in dumpe2fs: `FEATURE_I30`. */
function bitNames(bits: number, names: Names, set: string): string[] {
  const found: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    const mask = (1 << bit) >>> 0;
    if ((bits & mask) !== 0) found.push(names[mask] ?? `FEATURE_${set}${bit}`);
  }
  return found;
}

export function ext4FeatureNames({ compat, incompat, roCompat }: Superblock): string[] {
  return [
    ...bitNames(compat, COMPATIBLE, 'C'),
    ...bitNames(incompat, INCOMPATIBLE, 'I'),
    ...bitNames(roCompat, READ_ONLY_COMPATIBLE, 'R'),
  ];
}
