/** Reads only the headers of uncompressed archives, for random access to the contents. */

import type { BlockSource } from '../block/block.ts';
import { type TarMember, TarParser } from './parser.ts';

/**
 * Headers are read in windows of this size. The content of a small file is within a window, and
 * that of a larger file is skipped.
 */
const WINDOW_BYTES = 64 << 10;

/** A source that may be able to fill the caller's buffer, as `FileImage` does. */
export type ScanSource = BlockSource & { readInto?(offsetBytes: number, bytes: Uint8Array): void };

/**
 * Lists the members of an uncompressed archive without their contents: each entry, the offset of
 * its stored content, and the ranges of a sparse file that hold data. A file's bytes are at
 * {@link TarMember.dataOffsetBytes}. The bytes of its extents are consecutive there.
 *
 * @param archive the archive's name, for errors
 * @throws UserError if the archive is damaged or hostile: one line that names the archive, the
 *   entry and the rule
 */
export function* scanTar(source: ScanSource, archive: string): Generator<TarMember, void, undefined> {
  const parser = new TarParser(archive, source.sizeBytes);
  const parsing = parser.events();
  const window = new Uint8Array(WINDOW_BYTES);
  const nextChunk = (): Uint8Array | undefined => {
    const lengthBytes = Math.min(WINDOW_BYTES, source.sizeBytes - parser.offsetBytes);
    if (lengthBytes <= 0) return undefined;
    if (source.readInto === undefined) return source.read(parser.offsetBytes, lengthBytes);
    const chunk = window.subarray(0, lengthBytes);
    source.readInto(parser.offsetBytes, chunk);
    return chunk;
  };
  for (let step = parsing.next(); !step.done; ) {
    if (step.value === undefined) {
      step = parsing.next(nextChunk());
    } else {
      if (step.value.kind === 'member') yield step.value;
      step = parsing.next();
    }
  }
}
