import { formatVolumeId, readFat } from '../../lib/formats/fat/fat.ts';
import {
  BOOT_RECORD_BYTES,
  BOOT_SECTOR_16,
  BOOT_SIGNATURE,
  JUMP_NEAR,
  JUMP_SHORT,
  SECTOR_SIZES,
} from '../../lib/formats/fat/format.ts';
import { viewOf } from '../../lib/formats/structure/view.ts';
import { type Content, type Format, peek } from '../content.ts';
import { fatStructures } from '../structure/fat.ts';

const JUMPS: readonly (number | undefined)[] = [JUMP_SHORT, JUMP_NEAR];

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

export const fat: Format = {
  name: 'vfat',
  /** Checks the fields that tell a FAT volume from other boot sectors. All types have them. */
  matches(source) {
    const bytes = peek(source, 0, BOOT_RECORD_BYTES);
    if (bytes.length < BOOT_RECORD_BYTES) return false;
    const boot = viewOf(bytes);
    const { at } = BOOT_SECTOR_16;
    return (
      at.signature.get(boot) === BOOT_SIGNATURE &&
      JUMPS.includes(at.BS_jmpBoot.bytes(bytes)[0]) &&
      SECTOR_SIZES.includes(at.BPB_BytsPerSec.get(boot)) &&
      isPowerOfTwo(at.BPB_SecPerClus.get(boot)) &&
      at.BPB_RsvdSecCnt.get(boot) > 0 &&
      at.BPB_NumFATs.get(boot) > 0
    );
  },
  open(source, name): Content {
    const reader = readFat(source, name);
    const { volume } = reader;
    const freeBytes = volume.freeClusterCount * volume.clusterBytes;
    return {
      format: 'vfat',
      source,
      facts: {
        label: reader.rootLabel,
        uuid: formatVolumeId(volume.volumeId),
        sizeBytes: volume.sizeBytes,
        usedBytes: volume.clusterCount * volume.clusterBytes - freeBytes,
        freeBytes,
        blockBytes: volume.clusterBytes,
        features: [volume.type],
      },
      tree: reader,
      parts: [],
      structures: () => fatStructures(source, reader),
    };
  },
};
