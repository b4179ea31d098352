import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readExt4 } from '../../../tools/lib/ext4/ext4.ts';
import { seedOf } from '../mutate.ts';
import { readTree, type Target } from '../target.ts';
import { makeTree, run } from './tree.ts';

/** Without checksums, damage reaches the code behind them. */
const EXT4_SEEDS: readonly (readonly [name: string, ...options: string[]])[] = [
  ['checksums', '-t', 'ext4', '-b', '1024'],
  ['no checksums', '-t', 'ext4', '-b', '4096', '-O', '^metadata_csum,^has_journal'],
  ['small blocks', '-t', 'ext4', '-b', '1024', '-O', '^metadata_csum,^64bit,^has_journal'],
  ['inline data', '-t', 'ext4', '-b', '1024', '-O', '^metadata_csum,inline_data,^has_journal'],
  ['indirect blocks', '-t', 'ext2', '-b', '1024'],
];

export const FILE_SYSTEMS: readonly Target[] = [
  {
    name: 'ext4',
    seeds(folder) {
      const tree = makeTree(folder);
      return EXT4_SEEDS.map(([name, ...options]) => {
        const image = join(folder, `${name}.ext4`);
        run('mke2fs', 'e2fsprogs', ['-q', '-F', ...options, '-d', tree, image, '4M']);
        return seedOf(name, readFileSync(image));
      });
    },
    read: (source) => readTree(readExt4(source, 'image')),
  },
];
