/** Tests every tree in every format that can store it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, test } from 'vitest';
import { checkTree, fitting } from './cell.ts';
import { FORMATS } from './formats.ts';
import { TREES } from './sample-trees.ts';

const folder = mkdtempSync(join(tmpdir(), 'conformance-'));
afterAll(() => rmSync(folder, { recursive: true }));

const SAMPLES = TREES.map((make) => make());

describe.each(FORMATS)('$name', (format) => {
  test.each(fitting(format, SAMPLES))('$name', (tree) => checkTree(folder, format, tree));
});
