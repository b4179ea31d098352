/** Unpacks packed images on several threads. */

import { statSync } from 'node:fs';
import { TaskPool, workerCount } from '../../runtime/parallel/parallel.ts';
import { sharedWords } from '../../runtime/parallel/shared.ts';
import { type PackedPartition, packedFilePath } from './archive.ts';
import { contentBytes } from './chunk.ts';
import { checkPackedSize } from './unpack.ts';
import { UNPACK_WORDS, type UnpackFrame, type UnpackJob, unpackTask } from './unpack-worker.ts';

export type UnpackPool = TaskPool<UnpackJob | undefined, void>;

/**
 * Starts the threads. Call it before the partitions are known, because threads take a while to
 * start.
 */
export function startUnpackPool(threads = workerCount()): UnpackPool {
  const pool: UnpackPool = new TaskPool(unpackTask, threads);
  // Start-up errors are ignored; the first real job reports them.
  for (let index = 0; index < pool.size; index++) pool.run(undefined).catch(() => {});
  return pool;
}

/** A packed image and its position in the target. */
export interface PlacedPartition {
  readonly packed: PackedPartition;
  readonly startBytes: number;
}

function framesOf({ packed: { index }, startBytes }: PlacedPartition, source: number): UnpackFrame[] {
  return index.chunks.map(({ zst: [offsetBytes, lengthBytes], extents }) => ({
    source,
    offsetBytes,
    lengthBytes,
    contentBytes: contentBytes({ extents }),
    extents: extents.map(([offset, length]) => [startBytes + offset, length] as const),
  }));
}

/**
 * Unpacks images into a file that already has its final size. Ranges that are in no extent are not
 * written, so that a sparse file stays sparse.
 *
 * @throws UserError if the data of an image is damaged or does not belong to its index
 */
export async function unpackInParallel(
  pool: UnpackPool,
  placed: readonly PlacedPartition[],
  targetPath: string,
): Promise<void> {
  const sourcePaths = placed.map(({ packed }) => packedFilePath(packed, 'zst'));
  placed.forEach(({ packed }, index) => {
    const path = sourcePaths[index] as string;
    checkPackedSize(packed.index, statSync(path).size, path);
  });
  const job: UnpackJob = {
    sourcePaths,
    targetPath,
    frames: placed.flatMap(framesOf),
    words: sharedWords(UNPACK_WORDS.count),
  };
  const results = await Promise.allSettled(Array.from({ length: pool.size }, () => pool.run(job)));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
