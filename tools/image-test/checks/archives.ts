import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { FileImage } from '../../lib/formats/block/file.ts';
import { partitionNamed, SECTOR_BYTES } from '../../lib/image/layout/layout.ts';
import { allocatedBytes, type Extent, type Image, unpack } from '../image.ts';
import { failure, runRealTool } from '../tool.ts';

const MIB = 1 << 20;
/**
 * The holes of a file consist of whole blocks, so an extent may occupy up to this many additional
 * bytes on each side.
 */
const BLOCK_SLACK_BYTES = 4096;

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/**
 * Checks that the `.sha256` file of each archive and the manifest have the digest of the archive.
 */
export async function checksumProblems(image: Image, archives: readonly string[]): Promise<string[]> {
  const problems: string[] = [];
  for (const archive of archives) {
    const name = basename(archive);
    const digest = await sha256(archive);
    const said = readFileSync(`${archive}.sha256`, 'utf8');
    if (said !== `${digest}  ${name}\n`)
      problems.push(`${name}.sha256 contains ${said.trim()}, but the digest is ${digest}`);
    if (image.manifest.archives[name] !== digest) problems.push(`image.json has another digest for ${name}`);
  }
  return problems;
}

/** Checks with sgdisk that the partition table is valid and agrees with the layout. */
export function tableProblems(image: Image): string[] {
  const verify = runRealTool('sgdisk', 'gdisk', ['--verify', image.disk]);
  const problems = failure('sgdisk --verify', verify);
  if (!/No problems found/.test(verify.stdout)) problems.push(`sgdisk --verify: ${verify.stdout.trim()}`);
  image.layout.partitions.forEach((partition, index) => {
    const { stdout } = runRealTool('sgdisk', 'gdisk', [`--info=${index + 1}`, image.disk]);
    const expected = [
      `Partition unique GUID: ${partition.uuid.toUpperCase()}`,
      `First sector: ${partition.startSector} `,
      `Partition size: ${partition.sizeSectors} sectors`,
      `Partition name: '${partition.name}'`,
    ];
    for (const line of expected) {
      if (!stdout.includes(line))
        problems.push(`partition ${index + 1} (${partition.name}): sgdisk does not show "${line}"`);
    }
  });
  return problems;
}

/** Checks that the extents of two images, each from its own offset on, have the same bytes. */
function extentProblems(
  what: string,
  left: FileImage,
  leftStartBytes: number,
  right: FileImage,
  rightStartBytes: number,
  extents: readonly Extent[],
): string[] {
  const different = extents.filter(
    ([offset, length]) =>
      Buffer.compare(
        left.read(leftStartBytes + offset, length),
        right.read(rightStartBytes + offset, length),
      ) !== 0,
  );
  return different.map(([offset, length]) => `${what}: ${length} bytes at ${offset} differ`);
}

/**
 * Checks that all data on the disk belongs to the partition table or to an extent of a partition.
 */
export function strayDataProblems(image: Image): string[] {
  const extents = image.partitions.flatMap((partition) => partition.extents);
  const expectedBytes = extents.reduce((sum, [, length]) => sum + length + 2 * BLOCK_SLACK_BYTES, 2 * MIB);
  const actualBytes = allocatedBytes(image.disk);
  return actualBytes <= expectedBytes
    ? []
    : [`the disk occupies ${actualBytes} bytes, but its partitions need at most ${expectedBytes}`];
}

/** Checks that the second archive of the disk unpacks to the same disk. */
export function twinProblems(image: Image, twin: string): string[] {
  const folder = join(image.folder, 'twin');
  unpack(twin, folder);
  const left = FileImage.open(image.disk);
  const right = FileImage.open(join(folder, 'disk.img'));
  if (left.sizeBytes !== right.sizeBytes) return [`${twin}: ${right.sizeBytes} bytes, not ${left.sizeBytes}`];
  const tables: Extent[] = [
    [0, MIB],
    [left.sizeBytes - MIB, MIB],
  ];
  const problems = extentProblems('partition table', left, 0, right, 0, tables);
  for (const { name, extents } of image.partitions) {
    const startBytes = partitionNamed(image.layout, name).startSector * SECTOR_BYTES;
    problems.push(...extentProblems(name, left, startBytes, right, startBytes, extents));
  }
  return problems;
}

/**
 * Checks that an upgrade archive has the boot and root partitions of the disk, byte for byte, and
 * the version, in this order.
 */
export function upgradeProblems(
  image: Image,
  archive: string,
  subject: { readonly version: string; readonly rootPartition: string; readonly bootPartition: string },
): string[] {
  const folder = join(image.folder, `upgrade-${basename(archive)}`);
  unpack(archive, folder);
  const { stdout } = runRealTool('tar', 'tar', ['-tf', join(folder, 'archive.tar')]);
  const members = stdout.trim().split('\n');
  const problems =
    members.join(' ') === 'boot.img root.img VERSION.TXT' ? [] : [`the members are ${members.join(', ')}`];
  if (readFileSync(join(folder, 'VERSION.TXT'), 'utf8').trim() !== subject.version)
    problems.push('VERSION.TXT has another version');
  for (const [member, partitionName] of [
    ['boot.img', subject.bootPartition],
    ['root.img', subject.rootPartition],
  ] as const) {
    const partition = image.partitions.find(({ name }) => name === partitionName);
    if (partition === undefined) {
      problems.push(`the disk has no ${partitionName}`);
      continue;
    }
    const path = join(folder, member);
    const upgrade = FileImage.open(path);
    const original = FileImage.open(partition.path);
    if (upgrade.sizeBytes !== original.sizeBytes) {
      problems.push(`${member}: ${upgrade.sizeBytes} bytes, and ${partitionName} ${original.sizeBytes}`);
      continue;
    }
    problems.push(...extentProblems(member, upgrade, 0, original, 0, partition.extents));
    const dataBytes = partition.extents.reduce((sum, [, length]) => sum + length, 0);
    const allowedBytes = dataBytes + 2 * BLOCK_SLACK_BYTES * partition.extents.length;
    if (statSync(path).blocks * 512 > allowedBytes)
      problems.push(`${member}: data outside the extents of ${partitionName}`);
    upgrade.close();
    original.close();
  }
  return problems;
}
