import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileImage } from '../../formats/block/file.ts';
import { UserError } from '../../formats/error/user-error.ts';
import { file } from '../../testing/entries/entries.ts';
import { archive } from '../../testing/tar/archive.ts';
import { openLayerFile } from '../layer/file.ts';
import { type BlockRun, startCopyPool } from './copy.ts';
import { BLOCK_BYTES } from './copy-job.ts';
import { placeContents } from './place.ts';
import { type SelectedTree, selectFromLayers } from './selection.ts';

const folder = mkdtempSync(join(tmpdir(), 'place-test-'));
const archivePath = join(folder, 'a.tar');
const image = join(folder, 'image');
const BLOCKS = 2000;

afterAll(() => rmSync(folder, { recursive: true }));

/**
 * Makes the content of a file: one byte repeated. Every third block of a file with an odd number is
 * zero.
 */
function fileBytes(number: number): Buffer {
  const bytes = Buffer.alloc((number % 7) * 40_000 + number, (number % 255) + 1);
  if (number % 2 === 1) {
    for (let block = 0; block * BLOCK_BYTES < bytes.length; block += 3) {
      bytes.fill(0, block * BLOCK_BYTES, Math.min((block + 1) * BLOCK_BYTES, bytes.length));
    }
  }
  return bytes;
}

beforeAll(() => {
  const contents: Record<string, Buffer> = {};
  for (let number = 0; number < 50; number++) contents[String(number).padStart(2, '0')] = fileBytes(number);
  // An object lists its integer keys first; the archive has the order of the paths.
  const entries = Object.keys(contents)
    .sort()
    .map((path) => file(path, contents[path]?.length ?? 0));
  writeFileSync(archivePath, archive(entries, contents));
});

/** Records its calls. Blocks go to two runs, with room for `freeBlocks`. */
function placement(freeBlocks: number) {
  const placed: string[] = [];
  const freeRuns: BlockRun[] = [
    { start: 3, count: 300 },
    { start: 500, count: freeBlocks - 300 },
  ];
  return {
    placed,
    freeRuns,
    placeFile(path: string, runs: readonly number[], dataBits: Uint8Array, firstBit: number): number {
      const count = runs.reduce((sum, value, index) => sum + (index % 2 === 1 ? value : 0), 0);
      const bits = Array.from({ length: count }, (_, block) => {
        const bit = firstBit + block;
        return ((dataBits[bit >>> 3] as number) >>> (bit & 7)) & 1;
      });
      placed.push(`${path} ${runs} ${bits.join('')}`);
      return count;
    },
    full(): never {
      throw new UserError('full');
    },
  };
}

async function place(threads: number, freeBlocks = 1500, tree?: SelectedTree) {
  const target = placement(freeBlocks);
  FileImage.create(image, BLOCKS * BLOCK_BYTES).close();
  const pool = startCopyPool(threads);
  try {
    const selected = tree ?? (await selectFromLayers([openLayerFile(archivePath)], { exclude: [] }));
    const written = await placeContents(pool, selected, target, image, () => {});
    return { placed: target.placed, written, bytes: readFileSync(image) };
  } finally {
    await pool.close();
  }
}

describe('contents copied by threads', () => {
  it('are the same for every number of threads, and each block is at its reported place', async () => {
    const one = await place(1);
    for (const threads of [2, 3, 4]) {
      const more = await place(threads);
      expect(more.placed).toEqual(one.placed);
      expect(more.written).toEqual(one.written);
      expect(more.bytes.equals(one.bytes)).toBe(true);
    }
    const blocks = one.written.flatMap(({ start, count }) =>
      Array.from({ length: count }, (_, block) => (start + block) * BLOCK_BYTES),
    );
    let next = 0;
    for (const line of one.placed) {
      const [path = '', , bits = ''] = line.split(' ');
      const expected = fileBytes(Number(path));
      const actual = Buffer.alloc(bits.length * BLOCK_BYTES);
      [...bits].forEach((bit, block) => {
        if (bit === '0') return;
        const from = blocks[next++] as number;
        one.bytes.copy(actual, block * BLOCK_BYTES, from, from + BLOCK_BYTES);
      });
      expect(actual.subarray(0, expected.length).equals(expected)).toBe(true);
    }
    expect(next).toBe(blocks.length);
  });

  it('that do not fit make the file system report it', async () => {
    await expect(place(2, 310)).rejects.toThrow('full');
  });

  it('of an archive that was truncated meanwhile are refused', async () => {
    const short = join(folder, 'short.tar');
    writeFileSync(short, readFileSync(archivePath));
    const tree = await selectFromLayers([openLayerFile(short)], { exclude: [] });
    truncateSync(short, 1 << 20);
    await expect(place(2, 1500, tree)).rejects.toThrow(
      new UserError(`${short}: became shorter while it was read`),
    );
  });
});
