import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readErofs } from '../../../tools/lib/formats/erofs/erofs.ts';
import { readExt4 } from '../../../tools/lib/formats/ext4/ext4.ts';
import { readFat } from '../../../tools/lib/formats/fat/fat.ts';
import { seedOf } from '../mutate.ts';
import { readTree, type Target } from '../target.ts';
import { makeSampleFolder, run } from './sample-folder.ts';

/** In the images without checksums, damage reaches the code that runs after the verification. */
const EXT4_SEEDS: readonly (readonly [name: string, ...options: string[]])[] = [
  ['checksums', '-t', 'ext4', '-b', '1024'],
  ['no checksums', '-t', 'ext4', '-b', '4096', '-O', '^metadata_csum,^has_journal'],
  ['small blocks', '-t', 'ext4', '-b', '1024', '-O', '^metadata_csum,^64bit,^has_journal'],
  ['inline data', '-t', 'ext4', '-b', '1024', '-O', '^metadata_csum,inline_data,^has_journal'],
  ['indirect blocks', '-t', 'ext2', '-b', '1024'],
];

/**
 * The layouts of mkfs.erofs, without the checksum of the superblock, which would detect most
 * damage.
 */
const EROFS_SEEDS: readonly (readonly [name: string, ...options: string[]])[] = [
  ['plain', '-E', 'nosbcrc'],
  ['chunks', '-E', 'nosbcrc', '--chunksize=4096'],
  ['lz4', '-zlz4hc', '-E', 'nosbcrc', '-C16384'],
  ['lz4, full indexes', '-zlz4', '-E', 'nosbcrc,legacy-compress'],
  ['zstd', '-zzstd', '-E', 'nosbcrc'],
  ['inline ends', '-zlz4hc', '-E', 'nosbcrc,ztailpacking'],
];

const FAT_SEEDS: readonly (readonly [name: string, mebibytes: string, ...options: string[]])[] = [
  ['fat12', '2', '-F', '12'],
  ['fat16', '9', '-F', '16', '-s', '1'],
  ['fat32', '34', '-F', '32', '-s', '1'],
];

export const FILE_SYSTEMS: readonly Target[] = [
  {
    name: 'ext4',
    seeds(folder) {
      const tree = makeSampleFolder(folder);
      return EXT4_SEEDS.map(([name, ...options]) => {
        const image = join(folder, `${name}.ext4`);
        run('mke2fs', 'e2fsprogs', ['-q', '-F', ...options, '-d', tree, image, '4M']);
        return seedOf(name, readFileSync(image));
      });
    },
    read: (source) => readTree(readExt4(source, 'image')),
  },
  {
    name: 'erofs',
    seeds(folder) {
      const tree = makeSampleFolder(folder);
      return EROFS_SEEDS.map(([name, ...options]) => {
        const image = join(folder, `${name}.erofs`);
        run('mkfs.erofs', 'erofs-utils', ['--quiet', '-T0', ...options, image, tree]);
        return seedOf(name, readFileSync(image));
      });
    },
    read: (source) => readTree(readErofs(source, 'image')),
  },
  {
    name: 'vfat',
    seeds(folder) {
      const tree = join(folder, 'files');
      mkdirSync(join(tree, 'a directory with a long name', 'in it'), { recursive: true });
      for (let index = 0; index < 40; index++)
        writeFileSync(join(tree, `File ${index}.Text`), 'x'.repeat(index * 40));
      writeFileSync(join(tree, 'a directory with a long name', 'in it', 'GRÖSSE.TXT'), Buffer.alloc(9000, 1));
      return FAT_SEEDS.map(([name, mebibytes, ...options]) => {
        const image = join(folder, `${name}.vfat`);
        run('mkfs.vfat', 'dosfstools', [
          '-n',
          'FUZZ',
          '-i',
          '12345678',
          ...options,
          '-C',
          image,
          `${Number(mebibytes) * 1024}`,
        ]);
        run('mcopy', 'mtools', [
          '-s',
          '-i',
          image,
          ...readdirSync(tree).map((entry) => join(tree, entry)),
          '::',
        ]);
        return seedOf(name, readFileSync(image));
      });
    },
    read: (source) => readTree(readFat(source, 'volume')),
  },
];
