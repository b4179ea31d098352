import { closeSync, copyFileSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Fixtures, makeFixtures } from './testing/fixtures.ts';
import { MIB, run } from './testing/workbench.ts';

/**
 * The undamaged images. A damaged copy must give an error of one line or no error; `run` fails on
 * every other error.
 */
let images: Fixtures;

beforeAll(() => {
  images = makeFixtures();
});

/** A pseudo-random generator with a fixed sequence. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

function damage(image: string, name: string, starts: readonly number[], seed: number): string {
  const path = join(images.folder, name);
  copyFileSync(image, path);
  const next = numbers(seed);
  const descriptor = openSync(path, 'r+');
  for (let count = 0; count < 6; count++) {
    const start = starts[next(starts.length)] ?? 0;
    const bytes = Buffer.of(next(2) === 0 ? next(256) : 0xff);
    writeSync(descriptor, bytes, 0, 1, start + next(4096));
  }
  closeSync(descriptor);
  return path;
}

/** The offsets of each image's structures. */
const PLACES: readonly [
  name: 'ext4' | 'fat' | 'erofs' | 'disk' | 'diskZst' | 'verity',
  starts: readonly number[],
][] = [
  ['ext4', [0, 4096, 128 * 4096, 136 * 4096]],
  ['fat', [0, 2048, 8192, 24576]],
  ['erofs', [0, 1024, 4096]],
  ['disk', [0, 512, 1024, 10 * MIB, 30 * MIB, MIB]],
  ['diskZst', [0, 4096, 100_000, 1_000_000]],
  ['verity', [0, 16 * MIB, 16 * MIB + 4096]],
];

describe('damaged images', () => {
  test.each(PLACES)('%s: every command ends properly', async (name, starts) => {
    for (let seed = 1; seed <= 12; seed++) {
      const path = damage(images[name], 'mutant', starts, seed);
      for (const args of [
        ['inspect', path],
        ['verify', path],
        ['diff', images[name], path],
      ]) {
        const { error, status } = await run(...args);
        if (error !== undefined) {
          expect(error, `seed ${seed}: ${args[0]}`).not.toContain('\n');
          expect(status).not.toBe(0);
        }
      }
    }
  });
});
