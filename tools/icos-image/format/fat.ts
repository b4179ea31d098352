import { readFat } from '../../lib/formats/fat/fat.ts';
import { type Content, type Format, peek } from '../content.ts';
import { fatStructures } from '../structure/fat.ts';

/**
 * Microsoft FAT specification, "Boot Sector and BPB Structure": the fields that distinguish a FAT
 * volume from other boot sectors.
 */
const BOOT_SECTOR_BYTES = 512;
const SIGNATURE = 0xaa55;
const SECTOR_SIZES = [512, 1024, 2048, 4096];

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

export const fat: Format = {
  name: 'vfat',
  matches(source) {
    const boot = peek(source, 0, BOOT_SECTOR_BYTES);
    if (boot.length < BOOT_SECTOR_BYTES || boot.readUInt16LE(510) !== SIGNATURE) return false;
    const jump = boot.readUInt8(0);
    return (
      (jump === 0xeb || jump === 0xe9) &&
      SECTOR_SIZES.includes(boot.readUInt16LE(11)) &&
      isPowerOfTwo(boot.readUInt8(13)) &&
      boot.readUInt16LE(14) > 0 &&
      boot.readUInt8(16) > 0
    );
  },
  open(source, name): Content {
    const reader = readFat(source, name);
    const { volume } = reader;
    const serial = volume.volumeId.toString(16).padStart(8, '0').toUpperCase();
    const freeBytes = volume.freeClusterCount * volume.clusterBytes;
    return {
      format: 'vfat',
      source,
      facts: {
        label: reader.rootLabel,
        uuid: `${serial.slice(0, 4)}-${serial.slice(4)}`,
        sizeBytes: volume.sizeBytes,
        usedBytes: volume.clusterCount * volume.clusterBytes - freeBytes,
        freeBytes,
        blockBytes: volume.clusterBytes,
        features: [volume.type],
      },
      tree: reader,
      parts: [],
      structures: () => fatStructures(source),
    };
  },
};
