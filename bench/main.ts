/**
 * Our tools beside the tools that everybody calls, in one run:
 *
 *     pnpm run bench [--row=NAME]... [--root=small|large] [--runs=N] [--work=DIR] [--quick] [--output=FILE]
 *
 * A run of all rows with at least five runs writes the table into docs/benchmarks.md (or FILE). Every run prints it, and
 * writes results.json into the work folder. --quick is one run of the small root, to see that everything works.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { WORKSPACE } from './bazel.ts';
import { fileSystemRows } from './file-system-rows.ts';
import { imageRows } from './image-rows.ts';
import { Inputs } from './inputs.ts';
import { freeDiskBytes, machine, touchMemory, versions } from './machine.ts';
import { Measurer, type RowResult } from './measure.ts';
import { checkNode, OwnTools } from './own-tools.ts';
import { PeerTools } from './peers.ts';
import { ratio, reportJson, reportText, writeDocument } from './report.ts';
import { ROOT_NAMES } from './roots.ts';
import type { Bench, Row } from './row.ts';

const GIBIBYTE = 1024 ** 3;
/** For the median, and to be written down. */
const RUNS = 5;
/** What a whole run needs: the inputs, a tree of the large root for each run of the row that unpacks, and its image. */
const INPUT_BYTES = 17 * GIBIBYTE;
const TREE_BYTES = 3.5 * GIBIBYTE;
const IMAGE_BYTES = 4 * GIBIBYTE;

function defaultFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'icos/bench');
}

function allRows(bench: Bench): Row[] {
  const { first, last } = fileSystemRows(bench);
  return [...first, ...imageRows(bench), ...last];
}

function select(rows: readonly Row[], names: readonly string[], root: string | undefined): Row[] {
  for (const name of names) {
    if (rows.some((row) => row.name === name)) continue;
    throw new Error(`--row=${name}: there are ${[...new Set(rows.map((row) => row.name))].join(', ')}`);
  }
  if (root !== undefined && !rows.some((row) => row.root === root)) {
    throw new Error(`--root=${root}: there are ${ROOT_NAMES.join(' and ')}`);
  }
  return rows.filter(
    (row) => (names.length === 0 || names.includes(row.name)) && row.root === (root ?? row.root),
  );
}

function say({ row, ours, peers }: RowResult): void {
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
  throw new Error(`--runs=${values.runs}: write a number of at least 1`);
mkdirSync(folder, { recursive: true });
const neededBytes = INPUT_BYTES + (runs + 1) * TREE_BYTES + IMAGE_BYTES;
if (!values.quick && freeDiskBytes(folder) < neededBytes) {
  process.stderr.write(
    `${folder}: a whole run needs ${neededBytes / GIBIBYTE} GiB, inputs included, and less are free\n`,
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
  say(result);
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
