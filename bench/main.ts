/**
 * Measures our tools and the common tools for the same work, in one run:
 *
 *     npm run bench -- [--row=NAME]... [--root=small|large] [--runs=N] [--work=DIR] [--quick]
 *       [--output=FILE]
 *
 * Every run prints the tables and writes results.json to the work folder. A run of all rows with at
 * least five samples also writes the tables to docs/benchmarks.md (or FILE). --quick takes one
 * sample of each row of the small root, to check that everything works.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { WORKSPACE } from './bazel.ts';
import { Inputs } from './inputs.ts';
import { freeDiskBytes, machine, touchMemory, versions } from './machine.ts';
import { Measurer, type RowResult } from './measure.ts';
import { checkNode, OwnTools } from './own-tools.ts';
import { PeerTools } from './peers.ts';
import { ratio, reportJson, reportText, writeDocument } from './report.ts';
import { ROOT_NAMES } from './roots.ts';
import type { Row } from './row.ts';
import { allRows } from './rows.ts';

const GIBIBYTE = 1024 ** 3;
/** The number of samples that a result in docs/benchmarks.md needs. */
const RUNS = 5;
/**
 * The disk space of a whole run: the inputs, one tree of the large root per sample of the row that
 * unpacks trees, and an image.
 */
const INPUT_BYTES = 19 * GIBIBYTE;
const TREE_BYTES = 3.5 * GIBIBYTE;
const IMAGE_BYTES = 4 * GIBIBYTE;

function defaultFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'icos/bench');
}

function select(rows: readonly Row[], names: readonly string[], root: string | undefined): Row[] {
  for (const name of names) {
    if (rows.some((row) => row.name === name)) continue;
    throw new Error(
      `--row=${name}: no such row; the rows are ${[...new Set(rows.map((row) => row.name))].join(', ')}`,
    );
  }
  if (root !== undefined && !rows.some((row) => row.root === root)) {
    throw new Error(`--root=${root}: no such root; the roots are ${ROOT_NAMES.join(' and ')}`);
  }
  return rows.filter(
    (row) => (names.length === 0 || names.includes(row.name)) && row.root === (root ?? row.root),
  );
}

function printProgress({ row, ours, peers }: RowResult): void {
  const texts = row.peers.map((peer, index) => {
    const theirs = peers[index];
    const own = peer.fsync ? ours.usagesWithFsync : ours.usages;
    const error = ours.error ?? theirs?.error ?? theirs?.disagreement;
    return `${peer.title}: ${error ?? ratio(own, theirs?.usages ?? [])?.toFixed(3)}`;
  });
  process.stderr.write(`${row.name} ${row.root}: ${texts.join('; ')}\n`);
}

const { values } = parseArgs({
  options: {
    row: { type: 'string', multiple: true, default: [] },
    root: { type: 'string' },
    runs: { type: 'string', default: String(RUNS) },
    work: { type: 'string', default: defaultFolder() },
    quick: { type: 'boolean', default: false },
    output: { type: 'string', default: join(WORKSPACE, 'docs/benchmarks.md') },
  },
});
const folder = resolve(values.work);
const runs = values.quick ? 1 : Number(values.runs);
if (!Number.isInteger(runs) || runs < 1)
  throw new Error(`--runs=${values.runs}: give a whole number of at least 1`);
mkdirSync(folder, { recursive: true });
const neededBytes = INPUT_BYTES + (runs + 1) * TREE_BYTES + IMAGE_BYTES;
if (!values.quick && freeDiskBytes(folder) < neededBytes) {
  process.stderr.write(
    `${folder}: a whole run needs ${neededBytes / GIBIBYTE} GiB including its inputs, and less is free\n`,
  );
}

checkNode();
const own = OwnTools.bundle(join(folder, 'tools'));
const peers = PeerTools.fetch(join(folder, 'peers'));
const measurer = new Measurer({ folder, runs, warm: !values.quick }, peers);
const inputs = new Inputs(folder, own, peers, measurer.newRun('inputs'));
const rows = select(allRows({ own, peers, inputs }), values.row, values.quick ? 'small' : values.root);
if (!values.quick) touchMemory();

const overheadSeconds = measurer.overheadSeconds();
const results: RowResult[] = [];
for (const row of rows) {
  const result = await measurer.measure(row);
  printProgress(result);
  results.push(result);
}
const report = { machine: machine(folder), versions: versions(), runs, overheadSeconds, results };
writeFileSync(join(folder, 'results.json'), reportJson(report));
const text = reportText(report);
console.log(text);
const isWhole = values.row.length === 0 && values.root === undefined && runs >= RUNS;
if (isWhole) writeDocument(values.output, text);
const isFailure = ({ ours, peers: theirs }: RowResult) =>
  ours.error !== undefined ||
  theirs.some(({ error, disagreement }) => error !== undefined || disagreement !== undefined);
if (results.some(isFailure)) process.exitCode = 1;
