import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { BlockSource } from '../../../tools/lib/formats/block/block.ts';
import { readGpt } from '../../../tools/lib/formats/gpt/read.ts';
import { parseGrubEnvironment } from '../../../tools/lib/formats/grubenv/grubenv.ts';
import { seedOf } from '../mutate.ts';
import type { Target } from '../target.ts';
import { run } from './sample-folder.ts';

const SECTOR_BYTES = 512;
const DISK_BYTES = 1 << 20;
/** UEFI 2.10, table 5-5: the fields of a header for the checksums of the header and the entries. */
const GPT_HEADER_BYTES = 92;
const HEADER_CRC_OFFSET = 16;
const ENTRIES_SECTOR_OFFSET = 72;
const ENTRY_COUNT_OFFSET = 80;
const ENTRY_BYTES_OFFSET = 84;
const ENTRIES_CRC_OFFSET = 88;

/** Corrects the checksums of a header, so that the reader uses its other fields. */
function seal(disk: Buffer, sector: number): void {
  const start = sector * SECTOR_BYTES;
  if (start + SECTOR_BYTES > disk.length) return;
  const entriesStart = disk.readUInt32LE(start + ENTRIES_SECTOR_OFFSET) * SECTOR_BYTES;
  const entriesBytes =
    disk.readUInt32LE(start + ENTRY_COUNT_OFFSET) * disk.readUInt32LE(start + ENTRY_BYTES_OFFSET);
  if (entriesStart + entriesBytes <= disk.length) {
    const entries = disk.subarray(entriesStart, entriesStart + entriesBytes);
    disk.writeUInt32LE(crc32(entries), start + ENTRIES_CRC_OFFSET);
  }
  disk.writeUInt32LE(0, start + HEADER_CRC_OFFSET);
  disk.writeUInt32LE(crc32(disk.subarray(start, start + GPT_HEADER_BYTES)), start + HEADER_CRC_OFFSET);
}

function sealed(source: BlockSource): BlockSource {
  const disk = Buffer.from(source.read(0, source.sizeBytes));
  seal(disk, 1);
  seal(disk, Math.floor(disk.length / SECTOR_BYTES) - 1);
  return {
    sizeBytes: disk.length,
    read: (offset, length) => Uint8Array.from(disk.subarray(offset, offset + length)),
  };
}

function gptSeed(folder: string) {
  const path = join(folder, 'disk');
  writeFileSync(path, Buffer.alloc(DISK_BYTES));
  run('sgdisk', 'gdisk', ['-a1', '-n1:34:200', '-c1:first', '-n2:300:1000', '-c2:second', '-A2:set:2', path]);
  return [seedOf('sgdisk', readFileSync(path))];
}

export const DISKS: readonly Target[] = [
  { name: 'gpt', seeds: gptSeed, read: (source) => void readGpt(source, 'disk') },
  {
    name: 'gpt with correct checksums',
    seeds: gptSeed,
    read: (source) => void readGpt(sealed(source), 'disk'),
  },
  {
    name: 'grubenv',
    seeds(folder) {
      const path = join(folder, 'grubenv');
      run('grub-editenv', 'grub-common', [path, 'create']);
      run('grub-editenv', 'grub-common', [path, 'set', 'boot_alternative=A', 'boot_cycle=stable']);
      return [seedOf('grub-editenv', readFileSync(path))];
    },
    read: (source) => void parseGrubEnvironment(source.read(0, source.sizeBytes), 'grubenv'),
  },
];
