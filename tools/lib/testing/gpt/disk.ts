import { execFileSync } from 'node:child_process';
import type { BlockSink } from '../../formats/block/block.ts';
import { MemoryImage } from '../../formats/block/block.ts';
import { FileImage } from '../../formats/block/file.ts';
import { encodeGpt, type GptDisk, SECTOR_BYTES } from '../../formats/gpt/gpt.ts';
import { realTool } from '../real-tool.ts';

/** A disk, its table in files and in memory, and the real tools, for tests of GPT. */

export const DISK_UUID = '2b110bb7-cdec-7d41-b97e-893edcbe5428';
export const EFI_SYSTEM = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b';
export const LINUX_DATA = '0fc63daf-8483-4772-8e79-3d69d8477de4';

export const DISK: GptDisk = {
  diskSectors: 8192,
  diskUuid: DISK_UUID,
  partitions: [
    {
      name: 'esp',
      startSector: 2048,
      sizeSectors: 2048,
      typeUuid: EFI_SYSTEM,
      uuid: 'b78084e2-3363-1346-8c25-d426f26b8928',
      attributes: 1n,
    },
    {
      name: 'Größe_A',
      startSector: 4096,
      sizeSectors: 2048,
      typeUuid: LINUX_DATA,
      uuid: '6788e4cf-f456-104e-9a34-a2c58cfb0ee6',
    },
  ],
};

export function writeDisk(sink: BlockSink, disk: GptDisk): void {
  const gpt = encodeGpt(disk);
  sink.write(0, gpt.primary);
  sink.write(gpt.backupStartSector * (disk.sectorBytes ?? SECTOR_BYTES), gpt.backup);
}

/** Writes a disk to a new file, and returns the path. */
export function diskFile(path: string, disk: GptDisk): string {
  const image = FileImage.create(path, disk.diskSectors * (disk.sectorBytes ?? SECTOR_BYTES));
  writeDisk(image, disk);
  image.close();
  return path;
}

export function diskInMemory(disk = DISK): MemoryImage {
  const image = new MemoryImage(disk.diskSectors * (disk.sectorBytes ?? SECTOR_BYTES));
  writeDisk(image, disk);
  return image;
}

export function sgdisk(...args: string[]): string {
  return execFileSync(realTool('sgdisk', 'gdisk'), args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export function sfdisk(...args: string[]): string {
  return execFileSync(realTool('sfdisk', 'fdisk'), args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
