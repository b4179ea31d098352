import { type ErofsSuperblock, readErofs } from '../../lib/formats/erofs/erofs.ts';
import { uuidFromBytes } from '../../lib/formats/uuid/uuid.ts';
import { type Content, type Format, peek } from '../content.ts';
import { erofsStructures } from '../structure/erofs.ts';

/** Linux, `fs/erofs/erofs_fs.h`: the offset of the superblock, and EROFS_SUPER_MAGIC_V1. */
const SUPERBLOCK_OFFSET_BYTES = 1024;
const MAGIC = 0xe0f5e1e2;

/** Feature bits under the names of dump.erofs (erofs-utils, `dump/main.c`). */
const COMPATIBLE: readonly [bit: number, name: string][] = [
  [0x1, 'sb_csum'],
  [0x2, 'mtime'],
  [0x4, 'xattr_filter'],
];
const INCOMPATIBLE: readonly [bit: number, name: string][] = [
  [0x1, '0padding'],
  [0x2, 'compr_cfgs'],
  [0x4, 'chunked_file'],
  [0x8, 'device_table'],
  [0x10, 'ztailpacking'],
  [0x20, 'fragments'],
  [0x40, 'xattr_prefixes'],
];

function featureNames({ compatible, incompatible }: ErofsSuperblock): string[] {
  return [
    ...COMPATIBLE.filter(([bit]) => (compatible & bit) !== 0),
    ...INCOMPATIBLE.filter(([bit]) => (incompatible & bit) !== 0),
  ].map(([, name]) => name);
}

export const erofs: Format = {
  name: 'erofs',
  matches(source) {
    const magic = peek(source, SUPERBLOCK_OFFSET_BYTES, 4);
    return magic.length === 4 && magic.readUInt32LE(0) === MAGIC;
  },
  open(source, name): Content {
    const tree = readErofs(source, name);
    const { superblock } = tree;
    const sizeBytes = superblock.blockCount * superblock.blockBytes;
    return {
      format: 'erofs',
      source,
      facts: {
        label: Buffer.from(superblock.label).toString('utf8').replace(/\0.*$/s, ''),
        uuid: uuidFromBytes(superblock.uuid),
        sizeBytes,
        usedBytes: sizeBytes,
        freeBytes: 0,
        blockBytes: superblock.blockBytes,
        inodes: superblock.inodeCount,
        features: featureNames(superblock),
      },
      tree,
      parts: [],
      structures: () => erofsStructures(source, tree),
    };
  },
};
