/**
 * The part of `startCopy` that runs on worker threads. Reads pieces of content, drops blocks of
 * zeros and writes the rest.
 */

import { closeSync, openSync } from 'node:fs';
import { readFully } from '../../formats/block/read-fully.ts';
import { naming, writeFully } from '../../formats/block/write.ts';
import { defineTask } from '../../runtime/parallel/parallel.ts';
import { BLOCK_BYTES, type CopyJob, Progress, STATE, WORDS } from './copy-job.ts';

/**
 * Content of this size is read directly to its place; shorter content is read together with its
 * neighbours and then moved.
 */
const DIRECT_BYTES = 64 << 10;
/**
 * Neighbours are read together if at most this many bytes are between them: headers of an archive,
 * small hidden files.
 */
const GAP_BYTES = 16 << 10;
const STAGE_BYTES = 256 << 10;
const WORD_BYTES = 4;
const WORDS_PER_BLOCK = BLOCK_BYTES / WORD_BYTES;
const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);

/** A file that can be read at any position. */
class SourceFile {
  readonly #path: string;
  readonly #descriptor: number;

  constructor(path: string) {
    this.#path = path;
    this.#descriptor = openSync(path, 'r');
  }

  read(bytes: Uint8Array, offsetBytes: number): void {
    readFully(this.#descriptor, this.#path, bytes, offsetBytes);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Fills the buffer of a piece with the content of its blocks. */
class PieceReader {
  readonly #job: CopyJob;
  readonly #sources: readonly SourceFile[];
  readonly #piece: Buffer;
  readonly #stage = Buffer.allocUnsafeSlow(STAGE_BYTES);
  /** The range of one source that will be read into the stage, for the parts in the list below. */
  #stageSource = 0;
  #stageStart = 0;
  #stageEnd = 0;
  readonly #parts: number[] = [];
  #filled = 0;

  constructor(job: CopyJob, sources: readonly SourceFile[], piece: Buffer) {
    this.#job = job;
    this.#sources = sources;
    this.#piece = piece;
  }

  /** Reads a piece: `lengthBytes` of the sequence of all blocks, from `startBytes` on. */
  read(startBytes: number, lengthBytes: number): void {
    const { contents, contentCount } = this.#job;
    this.#filled = 0;
    for (let index = this.#firstAt(startBytes); index < contentCount; index++) {
      const word = index * WORDS.perContent;
      const start = contents[word + WORDS.target] as number;
      if (start >= startBytes + lengthBytes) break;
      const end = start + (contents[word + WORDS.length] as number);
      const from = Math.max(start, startBytes);
      const to = Math.min(end, startBytes + lengthBytes);
      if (to <= from) continue;
      this.#put(
        contents[word + WORDS.source] as number,
        (contents[word + WORDS.offset] as number) + from - start,
        from - startBytes,
        to - from,
      );
    }
    this.#readStage();
    this.#clear(lengthBytes);
  }

  /**
   * Fills bytes up to `position` that no content covers with zeros. A piece that was read from the
   * target keeps them.
   */
  #clear(position: number): void {
    const keeps = this.#job.fixed?.keepsTarget === true;
    if (!keeps && position > this.#filled) this.#piece.fill(0, this.#filled, position);
  }

  /** Finds the first content that ends after `startBytes`. */
  #firstAt(startBytes: number): number {
    const { contents, contentCount } = this.#job;
    let low = 0;
    let high = contentCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const word = middle * WORDS.perContent;
      const end = (contents[word + WORDS.target] as number) + (contents[word + WORDS.length] as number);
      if (end <= startBytes) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #put(source: number, offsetBytes: number, position: number, lengthBytes: number): void {
    const isNext =
      source === this.#stageSource &&
      offsetBytes >= this.#stageEnd &&
      offsetBytes - this.#stageEnd <= GAP_BYTES &&
      offsetBytes + lengthBytes - this.#stageStart <= STAGE_BYTES;
    if (!isNext || lengthBytes >= DIRECT_BYTES) this.#readStage();
    if (lengthBytes >= DIRECT_BYTES) {
      this.#clear(position);
      const target = this.#piece.subarray(position, position + lengthBytes);
      (this.#sources[source] as SourceFile).read(target, offsetBytes);
      this.#filled = position + lengthBytes;
      return;
    }
    if (this.#parts.length === 0) {
      this.#stageSource = source;
      this.#stageStart = offsetBytes;
    }
    this.#stageEnd = offsetBytes + lengthBytes;
    this.#parts.push(offsetBytes, position, lengthBytes);
  }

  #readStage(): void {
    const parts = this.#parts;
    if (parts.length === 0) return;
    const source = this.#sources[this.#stageSource] as SourceFile;
    source.read(this.#stage.subarray(0, this.#stageEnd - this.#stageStart), this.#stageStart);
    for (let index = 0; index < parts.length; index += 3) {
      const from = (parts[index] as number) - this.#stageStart;
      const position = parts[index + 1] as number;
      const lengthBytes = parts[index + 2] as number;
      this.#clear(position);
      this.#piece.set(this.#stage.subarray(from, from + lengthBytes), position);
      this.#filled = position + lengthBytes;
    }
    parts.length = 0;
  }
}

function wordsOf(piece: Buffer): Int32Array {
  return new Int32Array(piece.buffer, piece.byteOffset, piece.length / WORD_BYTES);
}

function isZeroBlock(piece: Buffer, words: Int32Array, block: number): boolean {
  // This check finds most blocks with data early, because they have data in their first or last
  // bytes.
  if (words[block * WORDS_PER_BLOCK] !== 0 || words[(block + 1) * WORDS_PER_BLOCK - 1] !== 0) return false;
  return ZERO_BLOCK.compare(piece, block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES) === 0;
}

/** Finds the runs of blocks that are not all zeros: start and end of each. */
function dataRuns(piece: Buffer, blockCount: number): [start: number, end: number][] {
  const words = wordsOf(piece);
  const runs: [number, number][] = [];
  for (let block = 0; block < blockCount; block++) {
    if (isZeroBlock(piece, words, block)) continue;
    const last = runs.at(-1);
    if (last !== undefined && last[1] === block) last[1]++;
    else runs.push([block, block + 1]);
  }
  return runs;
}

/**
 * Moves the blocks that hold data to the front of the piece and sets their bits.
 *
 * @returns the number of these blocks
 */
function keepDataBlocks(job: CopyJob, piece: Buffer, firstBlock: number, blockCount: number): number {
  const words = wordsOf(piece);
  let kept = 0;
  for (let block = 0; block < blockCount; block++) {
    if (isZeroBlock(piece, words, block)) continue;
    const start = block * BLOCK_BYTES;
    if (kept !== block) piece.copyWithin(kept * BLOCK_BYTES, start, start + BLOCK_BYTES);
    kept++;
    const bit = firstBlock + block;
    const byte = bit >>> 3;
    job.dataBits[byte] = (job.dataBits[byte] as number) | (1 << (bit & 7));
  }
  return kept;
}

/** Writes blocks to their places, which may be in several ranges. */
function writeBlocks(job: CopyJob, target: number, piece: Buffer, first: number, count: number): void {
  const { freeStarts, freeCounts, targetPath } = job;
  let range = 0;
  let before = 0;
  while (before + (freeCounts[range] ?? Infinity) <= first) before += freeCounts[range++] as number;
  for (let done = 0; done < count; range++) {
    const inRange = first + done - before;
    const length = Math.min((freeCounts[range] as number) - inRange, count - done);
    const position = ((freeStarts[range] as number) + inRange) * BLOCK_BYTES;
    writeFully(
      target,
      targetPath,
      piece.subarray(done * BLOCK_BYTES, (done + length) * BLOCK_BYTES),
      position,
    );
    before += freeCounts[range] as number;
    done += length;
  }
}

function copyPieces(job: CopyJob, sources: readonly SourceFile[], target: number): void {
  const progress = new Progress(job.progress);
  const { pieceBlocks, blockCount, freeCounts } = job;
  const freeBlocks = freeCounts.reduce((sum, count) => sum + count, 0);
  const piece = Buffer.allocUnsafeSlow(pieceBlocks * BLOCK_BYTES);
  const reader = new PieceReader(job, sources, piece);
  for (;;) {
    const index = progress.take();
    const firstBlock = index * pieceBlocks;
    if (firstBlock >= blockCount) return;
    const count = Math.min(pieceBlocks, blockCount - firstBlock);
    reader.read(firstBlock * BLOCK_BYTES, count * BLOCK_BYTES);
    const kept = keepDataBlocks(job, piece, firstBlock, count);
    // The place of these blocks depends on how many blocks before them hold data. Each piece passes
    // this count on.
    const before = progress.waitFor(index);
    if (before < 0) return;
    if (before + kept > freeBlocks) {
      progress.stop(STATE.full);
      return;
    }
    progress.publish(index, before + kept);
    progress.writing.run(() => writeBlocks(job, target, piece, before, kept));
  }
}

/** Copies pieces whose blocks have fixed places. */
function copyFixedPieces(job: CopyJob, sources: readonly SourceFile[], target: number): void {
  const { pieceBlocks, blockCount, targetPath } = job;
  const { firstBlock, keepsTarget } = job.fixed as NonNullable<CopyJob['fixed']>;
  const progress = new Progress(job.progress);
  const piece = Buffer.allocUnsafeSlow(pieceBlocks * BLOCK_BYTES);
  const reader = new PieceReader(job, sources, piece);
  const before = keepsTarget ? new SourceFile(targetPath) : undefined;
  for (let index = progress.take(); index * pieceBlocks < blockCount; index = progress.take()) {
    const first = index * pieceBlocks;
    const count = Math.min(pieceBlocks, blockCount - first);
    const startBytes = (firstBlock + first) * BLOCK_BYTES;
    before?.read(piece.subarray(0, count * BLOCK_BYTES), startBytes);
    reader.read(first * BLOCK_BYTES, count * BLOCK_BYTES);
    progress.writing.run(() => {
      for (const [start, end] of dataRuns(piece, count)) {
        const bytes = piece.subarray(start * BLOCK_BYTES, end * BLOCK_BYTES);
        writeFully(target, targetPath, bytes, startBytes + start * BLOCK_BYTES);
      }
    });
  }
  before?.close();
}

export const copyTask = defineTask(import.meta.url, 'copy-contents', (job: CopyJob | undefined): void => {
  // A call without a job starts the thread and loads this module, while the caller still determines
  // what to copy.
  if (job === undefined) return;
  const sources = job.sourcePaths.map((path) => new SourceFile(path));
  const target = openSync(job.targetPath, 'r+');
  try {
    if (job.fixed === undefined) copyPieces(job, sources, target);
    else copyFixedPieces(job, sources, target);
  } catch (error) {
    new Progress(job.progress).stop(STATE.failed);
    throw naming(error, job.targetPath);
  } finally {
    closeSync(target);
    for (const source of sources) source.close();
  }
});
