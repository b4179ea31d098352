/** Names the bytes of an ext4 file system. */
import type { Superblock } from '../../lib/formats/ext4/ext4.ts';
import { INCOMPAT } from '../../lib/formats/ext4/features.ts';
import { GROUP_DESCRIPTOR, GROUP_FLAGS } from '../../lib/formats/ext4/format-group.ts';
import { INODE } from '../../lib/formats/ext4/format-inode.ts';
import { SUPERBLOCK, SUPERBLOCK_OFFSET_BYTES } from '../../lib/formats/ext4/format-superblock.ts';
import { decodeGroupDescriptor, type StoredGroup } from '../../lib/formats/ext4/group.ts';
import { groupHasSuperblock } from '../../lib/formats/ext4/group-reader.ts';
import { JOURNAL_INODE } from '../../lib/formats/ext4/inode.ts';
import type { Field } from '../../lib/formats/structure/structure.ts';
import type { ImageSource } from '../bytes/source.ts';
import { type OwnedRun, OwnerScan } from './ext4-owners.ts';
import { fieldPlace, type Region, RegionMap, region, type StructureMap, structureRegion } from './map.ts';

/** "Special inodes" in the kernel's ext4 documentation. */
const RESIZE_INODE = 7;
const MAXIMUM_INODE_BYTES = 4096;
const INODE_FIELDS: readonly Field[] = [
  ...INODE.fields,
  [INODE.sizeBytes, MAXIMUM_INODE_BYTES - INODE.sizeBytes, 'extended attributes'],
];

/** Returns the number of inodes at the start of a group's table that were ever used. */
function usedInodes({ flags, unusedInodeCount }: StoredGroup, inodesPerGroup: number): number {
  return (flags & GROUP_FLAGS.inodeUninit) !== 0 ? 0 : Math.max(0, inodesPerGroup - unusedInodeCount);
}

function readGroups(source: ImageSource, superblock: Superblock, groupCount: number): StoredGroup[] {
  const { descriptorBytes, firstDataBlock, blockBytes } = superblock;
  const bytes = source.read((firstDataBlock + 1) * blockBytes, groupCount * descriptorBytes);
  return Array.from({ length: groupCount }, (_, group) =>
    decodeGroupDescriptor(bytes.subarray(group * descriptorBytes, (group + 1) * descriptorBytes)),
  );
}

/** Yields the superblock and the descriptors of one group. */
function* copyRegions(superblock: Superblock, group: number, groupCount: number): Generator<Region> {
  const { blockBytes, blocksPerGroup, firstDataBlock, descriptorBytes } = superblock;
  const groupStart = (firstDataBlock + group * blocksPerGroup) * blockBytes;
  const where = group === 0 ? '' : ` (copy in group ${group})`;
  const superblockStart = group === 0 ? SUPERBLOCK_OFFSET_BYTES : groupStart;
  yield structureRegion(`superblock${where}`, SUPERBLOCK.fields, superblockStart, SUPERBLOCK.sizeBytes);
  const startBytes = groupStart + blockBytes;
  const fields = GROUP_DESCRIPTOR.fields.filter(([offset]) => offset < descriptorBytes);
  yield {
    startBytes,
    endBytes: startBytes + groupCount * descriptorBytes,
    place(offsetBytes) {
      const described = Math.floor((offsetBytes - startBytes) / descriptorBytes);
      const start = startBytes + described * descriptorBytes;
      return fieldPlace(
        `descriptor of group ${described}${where}`,
        fields,
        start,
        descriptorBytes,
        offsetBytes,
      );
    },
  };
}

function* groupRegions(superblock: Superblock, group: number, descriptor: StoredGroup): Generator<Region> {
  const { blockBytes, inodeBytes, inodesPerGroup } = superblock;
  const { blockBitmap, inodeBitmap, inodeTable } = descriptor;
  const block = (number: number, name: string) =>
    region(number * blockBytes, (number + 1) * blockBytes, name);
  yield block(blockBitmap, `block bitmap of group ${group}`);
  yield block(inodeBitmap, `inode bitmap of group ${group}`);
  const startBytes = inodeTable * blockBytes;
  yield {
    startBytes,
    endBytes: startBytes + inodesPerGroup * inodeBytes,
    place(offsetBytes) {
      const index = Math.floor((offsetBytes - startBytes) / inodeBytes);
      const inodeNumber = group * inodesPerGroup + index + 1;
      const start = startBytes + index * inodeBytes;
      return {
        ...fieldPlace(`inode ${inodeNumber}`, INODE_FIELDS, start, inodeBytes, offsetBytes),
        inodeNumber,
      };
    },
  };
}

function ownedRegion(run: OwnedRun, blockBytes: number): Region {
  const { startBlock, blockCount, inodeNumber, kind } = run;
  const startBytes = startBlock * blockBytes;
  const endBytes = startBytes + blockCount * blockBytes;
  if (inodeNumber === JOURNAL_INODE) return region(startBytes, endBytes, 'journal');
  if (inodeNumber === RESIZE_INODE)
    return region(startBytes, endBytes, 'blocks reserved for group descriptors');
  return {
    startBytes,
    endBytes,
    place: () => ({ structure: `${kind} of inode ${inodeNumber}`, endBytes, inodeNumber }),
  };
}

function* regions(source: ImageSource, superblock: Superblock): Generator<Region> {
  const { blockBytes, blockCount, firstDataBlock, blocksPerGroup, inodeBytes, inodesPerGroup } = superblock;
  yield region(0, SUPERBLOCK_OFFSET_BYTES, 'boot block');
  yield region(blockCount * blockBytes, Number.POSITIVE_INFINITY, 'space after the file system');
  if ((superblock.incompat & INCOMPAT.metaBg) !== 0) {
    yield structureRegion('superblock', SUPERBLOCK.fields, SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK.sizeBytes);
    return;
  }
  const groupCount = Math.ceil((blockCount - firstDataBlock) / blocksPerGroup);
  const groups = readGroups(source, superblock, groupCount);
  for (const [group, descriptor] of groups.entries()) {
    if (groupHasSuperblock(superblock, group)) yield* copyRegions(superblock, group, groupCount);
    yield* groupRegions(superblock, group, descriptor);
  }
  const tables = groups.map((group) => ({
    startBlock: group.inodeTable,
    usedInodes: usedInodes(group, inodesPerGroup),
  }));
  const scan = new OwnerScan({ source, blockBytes, blockCount, inodeBytes, inodesPerGroup, tables });
  for (const run of scan.runs) yield ownedRegion(run, blockBytes);
}

/** @param source a file system whose superblock the reader has already checked */
export function ext4Structures(source: ImageSource, superblock: Superblock): StructureMap {
  return new RegionMap(regions(source, superblock));
}
