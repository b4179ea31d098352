import type { TreeReader } from '../../lib/formats/entry/tree-reader.ts';
import { type Ext4Reader, type Ext4Record, readExt4 } from '../../lib/formats/ext4/ext4.ts';
import {
  SUPERBLOCK,
  SUPERBLOCK_MAGIC,
  SUPERBLOCK_OFFSET_BYTES,
} from '../../lib/formats/ext4/format-superblock.ts';
import { viewOf } from '../../lib/formats/structure/view.ts';
import { uuidFromBytes } from '../../lib/formats/uuid/uuid.ts';
import { type Content, type Format, peek } from '../content.ts';
import { ext4Structures } from '../structure/ext4.ts';
import { ext4FeatureNames } from './ext4-names.ts';

const { s_magic } = SUPERBLOCK.at;

/**
 * Makes the tree. If the next file to read is the last one listed, its inode is known, so no second
 * path lookup is needed.
 */
function treeOf(reader: Ext4Reader): TreeReader {
  let last: Ext4Record | undefined;
  return {
    *walk() {
      for (const record of reader.walk()) {
        last = record;
        yield record;
      }
    },
    readFile: (path) => reader.readFile(last?.entry.path === path ? last.inodeNumber : path),
  };
}

export const ext4: Format = {
  name: 'ext4',
  matches(source) {
    const bytes = peek(source, SUPERBLOCK_OFFSET_BYTES, s_magic.endBytes);
    return bytes.length === s_magic.endBytes && s_magic.get(viewOf(bytes)) === SUPERBLOCK_MAGIC;
  },
  open(source, name): Content {
    const reader = readExt4(source, name);
    const { superblock } = reader;
    const { blockBytes, blockCount, freeBlockCount, inodeCount, freeInodeCount } = superblock;
    return {
      format: 'ext4',
      source,
      facts: {
        label: superblock.label,
        uuid: uuidFromBytes(superblock.uuid),
        sizeBytes: blockCount * blockBytes,
        usedBytes: (blockCount - freeBlockCount) * blockBytes,
        freeBytes: freeBlockCount * blockBytes,
        blockBytes,
        inodes: inodeCount,
        freeInodes: freeInodeCount,
        features: ext4FeatureNames(superblock),
      },
      tree: treeOf(reader),
      parts: [],
      structures: () => ext4Structures(source, superblock),
    };
  },
};
