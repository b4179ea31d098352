import { expect, test } from 'vitest';
import { fuzz } from './run.ts';
import { TARGETS } from './targets.ts';

/** Enough to find a mistake that is easy to find; `nightly` looks for the others. */
const CASES = 1000;

test.each(TARGETS.map(({ name }) => name))(
  '%s: a damaged image gives one line, whatever the damage',
  async (target) => {
    expect(await fuzz({ target, seed: 1, first: 0, count: CASES })).toBe(CASES);
  },
);
