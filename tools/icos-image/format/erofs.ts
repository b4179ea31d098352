import { type ErofsSuperblock, readErofs } from '../../lib/formats/erofs/erofs.ts';
import {
  COMPATIBLE,
  INCOMPATIBLE,
  MAGIC,
  SUPERBLOCK,
  SUPERBLOCK_OFFSET_BYTES,
} from '../../lib/formats/erofs/format.ts';
import { viewOf } from '../../lib/formats/structure/view.ts';
import { uuidFromBytes } from '../../lib/formats/uuid/uuid.ts';
import { type Content, type Format, peek } from '../content.ts';
import { erofsStructures } from '../structure/erofs.ts';

const { magic } = SUPERBLOCK.at;

/** The names of the feature bits in dump.erofs (erofs-utils, `dump/main.c`). */
const COMPATIBLE_NAMES: readonly [bit: number, name: string][] = [
  [COMPATIBLE.checksum, 'sb_csum'],
  [COMPATIBLE.modificationTimes, 'mtime'],
  [COMPATIBLE.xattrFilter, 'xattr_filter'],
];
const INCOMPATIBLE_NAMES: readonly [bit: number, name: string][] = [
  [INCOMPATIBLE.zeroPadding, '0padding'],
  [INCOMPATIBLE.compressionSettings, 'compr_cfgs'],
  [INCOMPATIBLE.chunks, 'chunked_file'],
  [INCOMPATIBLE.devicesOrSecondAlgorithm, 'device_table'],
  [INCOMPATIBLE.inlineClusters, 'ztailpacking'],
  [INCOMPATIBLE.fragments, 'fragments'],
  [INCOMPATIBLE.xattrPrefixes, 'xattr_prefixes'],
];

function featureNames({ compatible, incompatible }: ErofsSuperblock): string[] {
  return [
    ...COMPATIBLE_NAMES.filter(([bit]) => (compatible & bit) !== 0),
    ...INCOMPATIBLE_NAMES.filter(([bit]) => (incompatible & bit) !== 0),
  ].map(([, name]) => name);
}

export const erofs: Format = {
  name: 'erofs',
  matches(source) {
    const bytes = peek(source, SUPERBLOCK_OFFSET_BYTES, magic.endBytes);
    return bytes.length === magic.endBytes && magic.get(viewOf(bytes)) === MAGIC;
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
