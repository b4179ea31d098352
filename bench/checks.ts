/** Checks results with independent tools. These checks are not measured. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { FileImage } from '../tools/lib/formats/block/file.ts';
import { dataExtents, type PackedIndex, parseIndex } from '../tools/lib/image/packed/packed.ts';
import type { PeerTools } from './peers.ts';
import type { Facts } from './row.ts';
import type { Run } from './run.ts';

const COPY_BYTES = 4 << 20;

/** Returns the number that the pattern's first group matches in a checker's output. */
function count(output: string, pattern: RegExp): number {
  const found = pattern.exec(output)?.[1];
  if (found === undefined)
    throw new Error(`the checker's output does not match ${pattern}: ${output.trim()}`);
  return Number(found);
}

/** Checks a file system at `path`, and returns the facts that two writers must agree on. */
export type FileSystemCheck = (peers: PeerTools, run: Run, path: string) => Facts;

export const checkExt4: FileSystemCheck = (peers, run, path) => {
  const output = run.untimed(peers.command('e2fsck', '-fn', path));
  return { inodes: count(output, /: (\d+)\/\d+ files/) };
};

export const checkErofs: FileSystemCheck = (peers, run, path) => {
  run.untimed(peers.command('fsck.erofs', path));
  const output = run.untimed(peers.command('dump.erofs', '-s', path));
  return { inodes: count(output, /inode count:\s*(\d+)/) };
};

export const checkFat: FileSystemCheck = (peers, run, path) => {
  const output = run.untimed(peers.command('fsck.vfat', '-n', path));
  return { files: count(output, /: (\d+) files/) };
};

/**
 * Writes the raw image of a packed partition: the data of its frames at the offsets that the index
 * names.
 */
function placeExtents(index: PackedIndex, data: string, path: string): void {
  const image = FileImage.create(path, index.sizeBytes);
  const descriptor = openSync(data, 'r');
  const buffer = Buffer.alloc(COPY_BYTES);
  try {
    for (const [offsetBytes, lengthBytes] of dataExtents(index)) {
      for (let done = 0; done < lengthBytes; ) {
        const bytes = readSync(descriptor, buffer, 0, Math.min(COPY_BYTES, lengthBytes - done), null);
        if (bytes === 0) throw new Error(`${data}: ends before the last extent of the index`);
        image.write(offsetBytes + done, buffer.subarray(0, bytes));
        done += bytes;
      }
    }
  } finally {
    closeSync(descriptor);
    image.close();
  }
}

/**
 * Unpacks `BASE.img.zst` with zstd, checks `BASE.img.gz` with pigz and the digest in `BASE.json`
 * with sha256sum.
 *
 * @returns the path of the raw image
 */
export function unpackPartition(peers: PeerTools, run: Run, base: string): string {
  const index = parseIndex(readFileSync(run.path(`${base}.json`), 'utf8'), `${base}.json`);
  const [data, image] = [run.path('unpacked.data'), run.path('unpacked.img')];
  run.untimed(peers.command('zstd', '-dqf', run.path(`${base}.img.zst`), '-o', data));
  run.untimed(peers.command('pigz', '-t', run.path(`${base}.img.gz`)));
  placeExtents(index, data, image);
  const [digest = ''] = run.untimed(peers.command('sha256sum', image)).split(' ');
  if (digest !== index.sha256)
    throw new Error(`${base}.json: sha256 ${index.sha256}, sha256sum says ${digest}`);
  return image;
}
