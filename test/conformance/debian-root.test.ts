/** Tests a real Debian root in every format that can store it. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { streamContents } from '../../tools/lib/image/layer/content.ts';
import { openLayerFile } from '../../tools/lib/image/layer/file.ts';
import { mergeLayers } from '../../tools/lib/image/layer/merge.ts';
import { checkTree } from './cell.ts';
import { FORMATS } from './formats.ts';
import type { SampleTree } from './sample-trees.ts';

/** The layers that `apt_base` makes from locked packages. */
const LAYERS = ['unpacked', 'configured'].map((step) => `ic-os/guestos/packages_prod.${step}.layer.tar.zst`);
const PIECE_BYTES = 1 << 20;
const folder = mkdtempSync(join(tmpdir(), 'debian-root-'));
const spool = openSync(join(folder, 'contents'), 'w+');
let tree: SampleTree;

/** Writes the contents of all files to one file, so that they can be read several times. */
async function debianRoot(): Promise<SampleTree> {
  const merged = (await mergeLayers(LAYERS.map(openLayerFile))).entries();
  const starts = new Map<string, number>();
  let end = 0;
  await streamContents(merged, (entry, positionBytes, bytes) => {
    if (positionBytes === 0) {
      starts.set(entry.path, end);
      end += entry.sizeBytes;
    }
    writeSync(spool, bytes, 0, bytes.length, (starts.get(entry.path) ?? 0) + positionBytes);
  });
  const entries = merged.map(({ entry }) => entry);
  const sizes = new Map(entries.map((entry) => [entry.path, entry.type === 'file' ? entry.sizeBytes : 0]));
  return {
    name: 'a Debian root',
    features: new Set(),
    entries,
    *content(path) {
      const start = starts.get(path) ?? 0;
      const sizeBytes = sizes.get(path) ?? 0;
      for (let done = 0; done < sizeBytes; done += PIECE_BYTES) {
        const piece = Buffer.alloc(Math.min(PIECE_BYTES, sizeBytes - done));
        readSync(spool, piece, 0, piece.length, start + done);
        yield piece;
      }
    },
  };
}

beforeAll(async () => {
  tree = await debianRoot();
});
afterAll(() => {
  closeSync(spool);
  rmSync(folder, { recursive: true });
});

test('the tree has thousands of entries of several types', () => {
  expect(tree.entries.length).toBeGreaterThan(5000);
  expect(new Set(tree.entries.map(({ type }) => type)).size).toBeGreaterThan(3);
});

describe('a Debian root', () => {
  const formats = FORMATS.filter(({ lacks }) => !lacks.includes('owners'));
  test.each(formats)('in $name', (format) => checkTree(folder, format, tree), 300_000);
});
