import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { PeerSamples, Samples } from './measure.ts';
import { reportText, writeDocument } from './report.ts';
import type { Row, RowKind } from './row.ts';
import type { Usage } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'bench-report-'));
const document = join(folder, 'benchmarks.md');
afterAll(() => rmSync(folder, { recursive: true }));

const MEBIBYTE = 1024 ** 2;
const usage = (wallSeconds: number, peakMib = 100): Usage => ({
  wallSeconds,
  cpuSeconds: wallSeconds,
  peakBytes: peakMib * MEBIBYTE,
});
const samples = (usages: Usage[], withFsync: Usage[] = []): Samples => ({
  title: 'tool',
  usages,
  usagesWithFsync: withFsync,
  facts: {},
});

/** Returns the cells of the table's row of one comparison, and the whole text. */
function report(
  fsync: boolean,
  ours: Samples,
  theirs: PeerSamples,
  kind: RowKind = 'build',
): { cells: string[]; text: string } {
  const work = { title: 'tool', run: () => undefined };
  const row: Row = {
    name: 'row',
    kind,
    root: 'small',
    work: 'some work',
    ours: { ...work, outputs: [] },
    peers: [{ ...work, title: 'peer', fsync, goal: 0.5 }],
  };
  const text = reportText({
    machine: { processor: 'P', processors: 2, memoryGib: 24, kernel: 'K', fileSystem: 'F' },
    versions: { node: '1' },
    runs: 3,
    overheadSeconds: 0.001,
    results: [{ row, ours, peers: [theirs] }],
  });
  const cells =
    text
      .split('\n')
      .find((line) => line.startsWith('| some work |'))
      ?.split('|')
      .map((cell) => cell.trim()) ?? [];
  return { cells, text };
}

test('the ratio compares the medians, and a goal that is reached has no mark', () => {
  const { cells } = report(
    false,
    samples([usage(1), usage(2), usage(30)]),
    samples([usage(8), usage(4), usage(4)]),
  );
  expect(cells[6]).toBe('0.50');
});

test('if the peer calls fsync, our time includes one', () => {
  const { cells } = report(true, samples([usage(1)], [usage(3)]), samples([usage(4)]));
  expect(cells[6]).toBe('0.75 ✗');
});

test('memory above the goal is marked', () => {
  const { cells } = report(false, samples([usage(1, 321)]), samples([usage(4, 5000)]));
  expect(cells[9]).toBe('321 ✗ : 5000');
});

test('failures and different results are listed and never count as reached', () => {
  const failed = report(false, { ...samples([]), error: 'no such tool' }, samples([usage(4)]));
  expect(failed.cells[6]).toBe('failed');
  expect(failed.text).toContain('- row small, peer: no such tool');
  const different = report(false, samples([usage(1)]), { ...samples([usage(4)]), disagreement: 'too large' });
  expect(different.cells[6]).toBe('0.25 ✗');
  expect(different.text).toContain('- row small, peer: too large');
});

test('a document keeps the text around the measured part', () => {
  const begin = '<!-- bench: `npm run bench` writes the following part -->';
  writeFileSync(document, `before\n${begin}\nold\n<!-- bench: end -->\nafter\n`);
  writeDocument(document, 'new');
  writeDocument(document, 'newer');
  expect(readFileSync(document, 'utf8')).toBe(`before\n${begin}\n\nnewer\n<!-- bench: end -->\nafter\n`);
});

test('a document without the marks stays unchanged', () => {
  writeFileSync(document, 'mine\n');
  expect(() => writeDocument(document, 'new')).toThrow('has no lines');
  expect(readFileSync(document, 'utf8')).toBe('mine\n');
});

test('the row of a rule and a best case have separate tables', () => {
  const [ours, theirs] = [samples([usage(1)]), samples([usage(4)])];
  expect(report(false, ours, theirs, 'build').text).toContain('## What the build runs');
  expect(report(false, ours, theirs, 'best-case').text).toContain('## Best cases');
});
