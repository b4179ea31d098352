import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDERS = 20;
const FILES_PER_FOLDER = 50;
/** Sizes lie evenly between 0 and twice the mean: 50 MB in all. */
const MEAN_BYTES = 50_000;

/** A linear congruential generator (Numerical Recipes, 7.1): the same numbers at every call. */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Writes 1,000 files of 50 MB together, with long names, into folders below `path`. */
export function writeFatTree(path: string): void {
  const next = numbers(1);
  const content = Buffer.alloc(2 * MEAN_BYTES);
  for (let offset = 0; offset < content.length; offset++) content[offset] = Math.floor(next() * 256);
  for (let folder = 0; folder < FOLDERS; folder++) {
    const directory = join(path, `folder ${String(folder).padStart(2, '0')}`);
    mkdirSync(directory, { recursive: true });
    for (let file = 0; file < FILES_PER_FOLDER; file++) {
      const name = `a file with a long name ${String(file).padStart(3, '0')}.bin`;
      writeFileSync(join(directory, name), content.subarray(0, Math.floor(next() * 2 * MEAN_BYTES)));
    }
  }
}
