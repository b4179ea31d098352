import { closeSync, mkdirSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDERS = 20;
const FILES_PER_FOLDER = 50;
/** Sizes are distributed evenly between 0 and twice the mean: 50 MB in total. */
const MEAN_BYTES = 50_000;

/**
 * A linear congruential generator (Numerical Recipes, 7.1): the same seed gives the same numbers.
 */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * Writes 1,000 files with long names, 50 MB in total, to directories below `path`.
 *
 * @param source the file whose consecutive pieces become the content of the files, so that they
 *   compress like real files
 */
export function writeFatTree(source: string, path: string): void {
  const next = numbers(1);
  const descriptor = openSync(source, 'r');
  try {
    for (let folder = 0; folder < FOLDERS; folder++) {
      const directory = join(path, `folder ${String(folder).padStart(2, '0')}`);
      mkdirSync(directory, { recursive: true });
      for (let file = 0; file < FILES_PER_FOLDER; file++) {
        const name = `a file with a long name ${String(file).padStart(3, '0')}.bin`;
        const content = Buffer.alloc(Math.floor(next() * 2 * MEAN_BYTES));
        const count = readSync(descriptor, content);
        writeFileSync(join(directory, name), content.subarray(0, count));
      }
    }
  } finally {
    closeSync(descriptor);
  }
}
