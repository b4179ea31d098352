/**
 * Tests one tree in one format: writes it, checks it with the real tool, and compares what our
 * reader and a real kernel read.
 */
import { randomFillSync } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Entry } from '../../tools/lib/formats/entry/entry.ts';
import { printableName } from '../../tools/lib/formats/entry/name.ts';
import { runInKernel } from '../../tools/lib/testing/kernel/test-kernel.ts';
import { checker, type Format } from './format.ts';
import { type Listing, listingOf, sampleEntries, tarEntries } from './listing.ts';
import type { SampleTree } from './sample-trees.ts';

const SECTOR_BYTES = 512;
/** The number of random bytes in the file before it is written. */
const STALE_BYTES = 1 << 20;
/** An upper bound of the headers that GNU tar writes for one of these entries. */
const TAR_BYTES_PER_ENTRY = 12_288;
const SCRATCH_BYTES = 1 << 30;
const KERNEL_MEBIBYTES = 512;

function sparseFile(path: string, sizeBytes: number): string {
  const descriptor = openSync(path, 'w');
  ftruncateSync(descriptor, Math.ceil(sizeBytes / SECTOR_BYTES) * SECTOR_BYTES);
  closeSync(descriptor);
  return path;
}

/** Makes an empty file system with the real tool, to extract archives into. */
function scratchDisk(folder: string): string {
  const path = sparseFile(join(folder, 'scratch'), SCRATCH_BYTES);
  checker('mke2fs', 'e2fsprogs', ['-q', '-F', '-t', 'ext4', '-N', '120000', '-I', '256', path]);
  return path;
}

/**
 * Lists the tree that a real kernel reads: an archive of GNU tar, and the sockets, which tar omits.
 */
async function kernelListing(
  folder: string,
  format: Format,
  tree: SampleTree,
  image: string,
): Promise<Listing> {
  const contentBytes = tree.entries.reduce(
    (sum, entry) => sum + (entry.type === 'file' ? entry.sizeBytes : 0),
    0,
  );
  const archive = sparseFile(
    join(folder, 'archive.tar'),
    contentBytes + tree.entries.length * TAR_BYTES_PER_ENTRY + STALE_BYTES,
  );
  // The size of a disk is a multiple of the sector size.
  const sizeBytes = statSync(image).size;
  if (sizeBytes % SECTOR_BYTES !== 0)
    writeFileSync(image, Buffer.alloc(SECTOR_BYTES - (sizeBytes % SECTOR_BYTES)), { flag: 'a' });
  const { output, status, kernelLog } = await runInKernel({
    disks: [
      { path: image },
      { path: archive, writable: true },
      { path: scratchDisk(folder), writable: true },
    ],
    memoryMebibytes: KERNEL_MEBIBYTES,
    script: `${format.appear}
      tool tar -cf /dev/ubdb --format=posix --xattrs --xattrs-include='*' --numeric-owner -C /mnt . 2>&1 |
        (grep -v 'socket ignored' || true)
      find /mnt -type s -exec stat -c 'socket %a %u:%g %n' {} ';'`,
  });
  if (status !== 0) throw new Error(`the kernel failed: ${output.toString()}\n${kernelLog.slice(-2000)}`);
  const listing = new Map(listingOf(await tarEntries(archive), forgetting(format)));
  for (const line of output
    .toString()
    .split('\n')
    .filter((text) => text !== '')) {
    const [, description, path] = /^(socket .*) \/mnt\/(.*)$/.exec(line) ?? [];
    if (description === undefined || path === undefined)
      throw new Error(`unexpected output of the kernel: ${line}`);
    listing.set(path, `${description} `);
  }
  return listing;
}

function forgetting(format: Format): (entry: Entry) => Entry {
  return (entry) => format.forget?.(entry) ?? entry;
}

/** Makes one line per path, sorted. */
function lines(listing: Listing, additions: readonly string[] = []): string[] {
  const found = [...listing].filter(([path]) => !additions.includes(path));
  return found.map(([path, description]) => `${printableName(path)}: ${description}`).sort();
}

/** Compares long lists fast, and lets vitest show the difference only if they differ. */
function expectEqual(actual: readonly string[], expected: readonly string[]): void {
  if (actual.join('\n') !== expected.join('\n')) expect(actual).toEqual(expected);
}

/** Selects the trees that the format can store. */
export function fitting(format: Format, trees: readonly SampleTree[]): SampleTree[] {
  return trees.filter(({ name, features }) => {
    return !format.lacks.some((feature) => features.has(feature)) && format.cannotHold?.[name] === undefined;
  });
}

/**
 * Tests a tree in a format.
 *
 * @param folder where the images are written; existing ones are overwritten
 */
export async function checkTree(folder: string, format: Format, tree: SampleTree): Promise<void> {
  const image = join(folder, 'image');
  writeFileSync(image, randomFillSync(Buffer.alloc(STALE_BYTES)));
  await format.write(tree, image);
  format.check(image);
  const expected = lines(listingOf(sampleEntries(tree), forgetting(format)));
  const ours = listingOf(await format.read(image), forgetting(format));
  expectEqual(lines(ours, format.additions), expected);
  const kernels = await kernelListing(folder, format, tree, image);
  expectEqual(lines(kernels, format.additions), expected);
}
