import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FileImage } from '../lib/formats/block/file.ts';
import { type Layout, parseLayout, partitionNamed, SECTOR_BYTES } from '../lib/image/layout/layout.ts';
import { IMAGE_MANIFEST, type ImageEntry, type ImageManifest } from '../lib/image/manifest/manifest.ts';
import { readIndexFile } from '../lib/image/packed/file.ts';
import type { PackedIndex } from '../lib/image/packed/index.ts';
import { readJson } from '../lib/runtime/cli/cli.ts';
import { realTool } from '../lib/testing/real-tool.ts';
import { failure, runRealTool } from './tool.ts';

export type Extent = readonly [offsetBytes: number, lengthBytes: number];

/**
 * A partition that was copied out of the unpacked disk, with its index and its entries in the
 * manifest.
 */
export interface PartitionImage {
  readonly name: string;
  /** The raw image, with the size from the index. */
  readonly path: string;
  readonly index: PackedIndex;
  readonly extents: readonly Extent[];
  readonly entries: readonly ImageEntry[];
}

/** Everything that the checks examine. */
export interface Image {
  readonly manifest: ImageManifest;
  readonly layout: Layout;
  readonly disk: string;
  readonly partitions: readonly PartitionImage[];
  readonly folder: string;
}

/** Unpacks an archive with GNU tar and the program of its compressor. */
export function unpack(archive: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const program = archive.endsWith('.gz') ? 'gzip' : 'zstd';
  const tar = join(folder, 'archive.tar');
  const script = '"$1" -dc < "$2" > "$3"';
  const decompressed = runRealTool('sh', 'dash', [
    '-c',
    script,
    'sh',
    realTool(program, program),
    archive,
    tar,
  ]);
  const problems = [
    ...failure(`${program} -dc ${archive}`, decompressed),
    ...failure(`tar xf ${archive}`, runRealTool('tar', 'tar', ['-xf', tar, '-C', folder])),
  ];
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

function indexExtents(index: PackedIndex): Extent[] {
  return index.chunks.flatMap((chunk) => chunk.extents.map(([offset, length]) => [offset, length] as const));
}

/** Copies the data of a partition from the disk into a separate sparse file. */
function cutPartition(disk: FileImage, startBytes: number, index: PackedIndex, path: string): void {
  const image = FileImage.create(path, index.sizeBytes);
  for (const [offsetBytes, lengthBytes] of indexExtents(index)) {
    image.write(offsetBytes, disk.read(startBytes + offsetBytes, lengthBytes));
  }
  image.close();
}

/** Unpacks the disk and copies its partitions out of it. */
export function openImage(options: {
  readonly manifest: string;
  readonly layout: string;
  readonly disk: string;
  readonly indexes: readonly (readonly [string, string])[];
  readonly folder: string;
}): Image {
  const { folder } = options;
  const manifest = readJson(options.manifest, IMAGE_MANIFEST);
  const layout = parseLayout(readFileSync(options.layout, 'utf8'), options.layout);
  unpack(options.disk, join(folder, 'disk'));
  const diskPath = join(folder, 'disk', 'disk.img');
  const disk = FileImage.open(diskPath);
  const partitions = options.indexes.map(([name, indexPath]) => {
    const index = readIndexFile(indexPath);
    const path = join(folder, `${name}.img`);
    cutPartition(disk, partitionNamed(layout, name).startSector * SECTOR_BYTES, index, path);
    const entries = manifest.entries.filter((entry) => entry.partition === name);
    return { name, path, index, extents: indexExtents(index), entries };
  });
  disk.close();
  return { manifest, layout, disk: diskPath, partitions, folder };
}

/** Returns the bytes that a file occupies on its disk, without its holes. */
export function allocatedBytes(path: string): number {
  return statSync(path).blocks * 512;
}
