/**
 * The part of `unpackInParallel` that runs on worker threads. Decompresses frames and writes their
 * extents.
 */

import { closeSync, openSync } from 'node:fs';
import { readFully } from '../../formats/block/read-fully.ts';
import { naming, writeFully } from '../../formats/block/write.ts';
import { defineTask } from '../../runtime/parallel/parallel.ts';
import { releaseBuffer } from '../../runtime/parallel/release.ts';
import { SharedCounter, SharedLock } from '../../runtime/parallel/shared.ts';
import { decompressChunk } from './chunk.ts';

/** A frame, and the place of its content. */
export interface UnpackFrame {
  /** The index of its file in the list of paths. */
  readonly source: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly contentBytes: number;
  /** The runs that the content consists of: [offset in the target, length]. */
  readonly extents: readonly (readonly [offsetBytes: number, lengthBytes: number])[];
}

export interface UnpackJob {
  readonly sourcePaths: readonly string[];
  readonly targetPath: string;
  readonly frames: readonly UnpackFrame[];
  readonly words: Int32Array;
}

/** The words that the threads share. */
export const UNPACK_WORDS = { next: 0, writing: 1, count: 2 } as const;

function unpackFrames(
  { sourcePaths, targetPath, frames, words }: UnpackJob,
  sources: readonly number[],
  target: number,
): void {
  const next = new SharedCounter(words, UNPACK_WORDS.next);
  const buffer = Buffer.allocUnsafeSlow(
    frames.reduce((most, { lengthBytes }) => Math.max(most, lengthBytes), 0),
  );
  const writing = new SharedLock(words, UNPACK_WORDS.writing);
  for (let index = next.take(); index < frames.length; index = next.take()) {
    const frame = frames[index] as UnpackFrame;
    const path = sourcePaths[frame.source] as string;
    const bytes = buffer.subarray(0, frame.lengthBytes);
    readFully(sources[frame.source] as number, path, bytes, frame.offsetBytes);
    const content = decompressChunk(bytes, frame.contentBytes, path, frame.offsetBytes);
    writing.run(() => {
      let position = 0;
      for (const [offsetBytes, lengthBytes] of frame.extents) {
        writeFully(target, targetPath, content.subarray(position, position + lengthBytes), offsetBytes);
        position += lengthBytes;
      }
    });
    releaseBuffer(content);
  }
}

export const unpackTask = defineTask(import.meta.url, 'unpack-frames', (job: UnpackJob | undefined): void => {
  // A call without a job starts the thread and loads this module, while the caller still determines
  // what to unpack.
  if (job === undefined) return;
  const sources: number[] = [];
  let target: number | undefined;
  try {
    for (const path of job.sourcePaths) sources.push(openSync(path, 'r'));
    target = openSync(job.targetPath, 'r+');
    unpackFrames(job, sources, target);
  } catch (error) {
    // The other threads can stop, too.
    Atomics.store(job.words, UNPACK_WORDS.next, job.frames.length);
    throw naming(error, job.targetPath);
  } finally {
    for (const descriptor of [...sources, ...(target === undefined ? [] : [target])]) closeSync(descriptor);
  }
});
