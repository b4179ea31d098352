/** Names for the bytes of an ext4 file system. */
import type { Superblock } from '../../lib/formats/ext4/ext4.ts';
import type { ImageSource } from '../bytes/source.ts';
import { DESCRIPTOR_FIELDS, INODE_FIELDS, SUPERBLOCK_FIELDS } from './ext4-fields.ts';
import { type OwnedRun, OwnerScan } from './ext4-owners.ts';
import { fieldPlace, type Region, RegionMap, region, type StructureMap, structureRegion } from './map.ts';

/** The kernel's ext4 documentation, "Super Block". */
const SUPERBLOCK_OFFSET_BYTES = 1024;
const SUPERBLOCK_BYTES = 1024;
const BACKUP_GROUPS_OFFSET = 0x24c;
const COMPAT_SPARSE_SUPER2 = 0x200;
const INCOMPAT_META_BG = 0x10;
const RO_COMPAT_SPARSE_SUPER = 0x1;
const INODE_UNINIT = 0x1;
const JOURNAL_INODE = 8;
const RESIZE_INODE = 7;
const TWO_TO_32 = 2 ** 32;

interface Group {
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
  readonly usedInodes: number;
}

type Layout = Pick<
  Superblock,
  | 'blockBytes'
  | 'blockCount'
  | 'firstDataBlock'
  | 'blocksPerGroup'
  | 'inodesPerGroup'
  | 'inodeBytes'
  | 'descriptorBytes'
  | 'compat'
  | 'incompat'
  | 'roCompat'
>;

function isPowerOf(base: number, value: number): boolean {
  let power = base;
  while (power < value) power *= base;
  return power === value;
}

/** Whether a group has a copy of superblock and descriptors. */
function hasCopy(source: ImageSource, layout: Layout, group: number): boolean {
  if (group === 0) return true;
  if ((layout.compat & COMPAT_SPARSE_SUPER2) !== 0) {
    const groups = Buffer.from(source.read(SUPERBLOCK_OFFSET_BYTES + BACKUP_GROUPS_OFFSET, 8));
    return group === groups.readUInt32LE(0) || group === groups.readUInt32LE(4);
  }
  if ((layout.roCompat & RO_COMPAT_SPARSE_SUPER) === 0) return true;
  return group === 1 || [3, 5, 7].some((base) => isPowerOf(base, group));
}

function decodeGroup(bytes: Buffer, inodesPerGroup: number): Group {
  const isWide = bytes.length >= 64;
  const high = (offset: number) => (isWide ? bytes.readUInt32LE(offset) * TWO_TO_32 : 0);
  const unused = bytes.readUInt16LE(0x1c) + (isWide ? bytes.readUInt16LE(0x32) * 0x10000 : 0);
  const isUnused = (bytes.readUInt16LE(0x12) & INODE_UNINIT) !== 0;
  return {
    blockBitmap: bytes.readUInt32LE(0) + high(0x20),
    inodeBitmap: bytes.readUInt32LE(4) + high(0x24),
    inodeTable: bytes.readUInt32LE(8) + high(0x28),
    usedInodes: isUnused ? 0 : Math.max(0, inodesPerGroup - unused),
  };
}

function readGroups(source: ImageSource, layout: Layout, groupCount: number): Group[] {
  const { descriptorBytes, firstDataBlock, blockBytes, inodesPerGroup } = layout;
  const bytes = Buffer.from(source.read((firstDataBlock + 1) * blockBytes, groupCount * descriptorBytes));
  return Array.from({ length: groupCount }, (_, group) =>
    decodeGroup(bytes.subarray(group * descriptorBytes, (group + 1) * descriptorBytes), inodesPerGroup),
  );
}

/** Superblock and descriptors of one group, the first or copies. */
function* copyRegions(layout: Layout, group: number, groupCount: number): Generator<Region> {
  const { blockBytes, blocksPerGroup, firstDataBlock, descriptorBytes } = layout;
  const groupStart = (firstDataBlock + group * blocksPerGroup) * blockBytes;
  const where = group === 0 ? '' : ` (copy in group ${group})`;
  const superblock = group === 0 ? SUPERBLOCK_OFFSET_BYTES : groupStart;
  yield structureRegion(`superblock${where}`, SUPERBLOCK_FIELDS, superblock, SUPERBLOCK_BYTES);
  const startBytes = groupStart + blockBytes;
  const fields = DESCRIPTOR_FIELDS.filter(([offset]) => offset < descriptorBytes);
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

function* groupRegions(layout: Layout, group: number, descriptor: Group): Generator<Region> {
  const { blockBytes, inodeBytes, inodesPerGroup } = layout;
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

function* regions(source: ImageSource, layout: Layout): Generator<Region> {
  const { blockBytes, blockCount, firstDataBlock, blocksPerGroup, inodeBytes, inodesPerGroup } = layout;
  yield region(0, SUPERBLOCK_OFFSET_BYTES, 'boot block');
  yield region(blockCount * blockBytes, Number.POSITIVE_INFINITY, 'space behind the file system');
  if ((layout.incompat & INCOMPAT_META_BG) !== 0) {
    yield structureRegion('superblock', SUPERBLOCK_FIELDS, SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK_BYTES);
    return;
  }
  const groupCount = Math.ceil((blockCount - firstDataBlock) / blocksPerGroup);
  const groups = readGroups(source, layout, groupCount);
  for (const [group, descriptor] of groups.entries()) {
    if (hasCopy(source, layout, group)) yield* copyRegions(layout, group, groupCount);
    yield* groupRegions(layout, group, descriptor);
  }
  const tables = groups.map(({ inodeTable, usedInodes }) => ({ startBlock: inodeTable, usedInodes }));
  const scan = new OwnerScan({ source, blockBytes, blockCount, inodeBytes, inodesPerGroup, tables });
  for (const run of scan.runs) yield ownedRegion(run, blockBytes);
}

/** @param source the file system, opened before, so that its superblock is known to be sane */
export function ext4Structures(source: ImageSource, superblock: Superblock): StructureMap {
  return new RegionMap(regions(source, superblock));
}
