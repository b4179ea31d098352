import { expect, test } from 'vitest';
import { fuzz } from './run.ts';
import { TARGETS } from './targets.ts';

/** Enough to find common errors. `nightly` finds the others. */
const CASES = 1000;

test.each(TARGETS.map(({ name }) => name))(
  '%s: any damaged image is read, or refused in one line',
  async (target) => {
    expect(await fuzz({ target, seed: 1, first: 0, count: CASES })).toBe(CASES);
  },
);
