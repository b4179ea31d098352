import { describe, expect, test } from 'vitest';
import { entriesOf, IDENTITY, type Tree } from '../../testing/fat/volume.ts';
import { noise } from '../../testing/noise.ts';
import { MemoryImage } from '../block/block.ts';
import { type FatType, planGeometry, readFat, writeFat } from './fat.ts';

const MEBIBYTE = 1024 ** 2;

const TREE: Tree = {
  'a/file.txt': noise(3000),
  'a/another file with a long name.txt': noise(70_000),
  'zeros in it.bin': Buffer.concat([noise(100), Buffer.alloc(500_000), noise(100)]),
  'only zeros': Buffer.alloc(600_000),
  ...Object.fromEntries(Array.from({ length: 90 }, (_, index) => [`many/f ${index}`, noise(index, index)])),
};

interface Write {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** Writes the volume over noise, with zeros only in sectors that the writer does not write. */
function writeOverNoise(type: FatType, sizeBytes: number): { image: MemoryImage; writes: Write[] } {
  const image = new MemoryImage(sizeBytes);
  const isWritten = new Uint8Array(sizeBytes / 512);
  const writes: Write[] = [];
  image.write(0, noise(sizeBytes));
  const sink = {
    write(offsetBytes: number, bytes: Uint8Array): void {
      writes.push({ offsetBytes, lengthBytes: bytes.length });
      isWritten.fill(1, Math.floor(offsetBytes / 512), Math.ceil((offsetBytes + bytes.length) / 512));
      image.write(offsetBytes, bytes);
    },
  };
  writeFat(sink, entriesOf(TREE), (path) => [TREE[path] ?? Buffer.alloc(0)], {
    ...IDENTITY,
    sizeBytes,
    type,
  });
  for (const [sector, written] of isWritten.entries()) {
    if (written === 0) image.write(sector * 512, new Uint8Array(512));
  }
  return { image, writes };
}

describe.each<[FatType, number]>([
  ['fat12', 3],
  ['fat16', 10],
  ['fat32', 36],
])('the unwritten part of %s', (type, sizeMib) => {
  const sizeBytes = sizeMib * MEBIBYTE;

  test('is whole sectors: boot sectors, tables and directories contain no old bytes', () => {
    const { image, writes } = writeOverNoise(type, sizeBytes);
    const plan = planGeometry({ sizeBytes, type });
    const clean = new MemoryImage(sizeBytes);
    writeFat(clean, entriesOf(TREE), (path) => [TREE[path] ?? Buffer.alloc(0)], {
      ...IDENTITY,
      sizeBytes,
      type,
    });
    const reader = readFat(clean);
    const files = [...reader.walk()].filter(({ entry }) => entry.type === 'file' && entry.sizeBytes > 0);
    const firstFileCluster = Math.min(...files.map(({ firstCluster }) => firstCluster));
    const filesStart = plan.dataStartSector * 512 + (firstFileCluster - 2) * plan.clusterSectors * 512;
    expect(Buffer.from(image.read(0, filesStart)).equals(Buffer.from(clean.read(0, filesStart)))).toBe(true);
    const metadata = writes.filter(({ offsetBytes }) => offsetBytes < filesStart);
    expect(metadata.length).toBeGreaterThan(4);
    for (const { offsetBytes, lengthBytes } of metadata) {
      expect([offsetBytes % 512, lengthBytes % 512]).toEqual([0, 0]);
    }
  });

  test('contains the zeros of files, which are read as zeros', () => {
    const { image, writes } = writeOverNoise(type, sizeBytes);
    const reader = readFat(image);
    for (const [path, content] of Object.entries(TREE)) {
      expect(Buffer.concat([...reader.readFile(path)]).equals(content as Buffer), path).toBe(true);
    }
    const writtenBytes = writes.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    const contentBytes = Object.values(TREE).reduce((sum, content) => sum + (content?.length ?? 0), 0);
    expect(writtenBytes).toBeLessThan(contentBytes - 900_000);
  });
});
