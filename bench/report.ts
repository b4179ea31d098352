/** The results as a table for docs/benchmarks.md, and as JSON. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Machine } from './machine.ts';
import type { PeerSamples, RowResult, Samples } from './measure.ts';
import type { Peer } from './row.ts';
import type { Usage } from './run.ts';
import { spread } from './statistics.ts';

export interface Report {
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly runs: number;
  readonly overheadSeconds: number;
  readonly results: readonly RowResult[];
}

const BEGIN = '<!-- bench: what follows is written by `pnpm run bench` -->';
const END = '<!-- bench: end -->';
const MEBIBYTE = 1024 ** 2;
/** What any of our tools may need, whatever the image's size. */
const MEMORY_GOAL_MIB = 320;

const MISSED = ' ✗';
const HEAD = ['work', 'root', 'peer', 'ours s', 'theirs s', 'ratio', 'goal', 'cpu s', 'peak MiB'];

const seconds = (value: number) => value.toFixed(value < 1 ? 3 : 2);
const mebibytes = (usages: readonly Usage[]) =>
  Math.ceil(Math.max(...usages.map(({ peakBytes }) => peakBytes)) / MEBIBYTE);

function wall(usages: readonly Usage[]): string {
  const { median, minimum, maximum } = spread(usages.map(({ wallSeconds }) => wallSeconds));
  return `${seconds(median)} (${seconds(minimum)} to ${seconds(maximum)})`;
}

const median = (usages: readonly Usage[], field: 'wallSeconds' | 'cpuSeconds') =>
  spread(usages.map((usage) => usage[field])).median;

/** Our time over the peer's, in the middle; `undefined` where one of them failed. */
export function ratio(ours: readonly Usage[], theirs: readonly Usage[]): number | undefined {
  if (ours.length === 0 || theirs.length === 0) return undefined;
  return median(ours, 'wallSeconds') / median(theirs, 'wallSeconds');
}

/** What went wrong in a comparison, if anything did. */
function failure({ ours }: RowResult, theirs: Samples): string | undefined {
  return ours.error ?? theirs.error;
}

function line(result: RowResult, peer: Peer, theirs: PeerSamples): string[] {
  const { row, ours } = result;
  const own = peer.fsync ? ours.usagesWithFsync : ours.usages;
  const time = ({ error }: Samples, usages: readonly Usage[]) =>
    error !== undefined || usages.length === 0 ? 'failed' : wall(usages);
  const start = [
    row.work,
    row.root,
    `${peer.title}${peer.fsync ? ' †' : ''}`,
    time(ours, own),
    time(theirs, theirs.usages),
  ];
  const goal = peer.goal === undefined ? '' : String(peer.goal);
  const quotient = ratio(own, theirs.usages);
  if (failure(result, theirs) !== undefined || quotient === undefined)
    return [...start, 'failed', goal, '', ''];
  const missed = theirs.disagreement !== undefined || (peer.goal !== undefined && quotient > peer.goal);
  const cpu = [own, theirs.usages].map((usages) => seconds(median(usages, 'cpuSeconds')));
  return [
    ...start,
    `${quotient.toFixed(quotient < 0.1 ? 3 : 2)}${missed ? MISSED : ''}`,
    goal,
    cpu.join(' : '),
    `${mebibytes(own)}${mebibytes(own) > MEMORY_GOAL_MIB ? MISSED : ''} : ${mebibytes(theirs.usages)}`,
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |\n`).join('');
}

/** The part of docs/benchmarks.md that is measured. */
export function reportText({ machine, versions, runs, overheadSeconds, results }: Report): string {
  const pairs = results.flatMap((result) =>
    result.row.peers.map((peer, index) => ({ result, peer, theirs: result.peers[index] as PeerSamples })),
  );
  const failures = pairs.flatMap(({ result, peer, theirs }) => {
    const reason = failure(result, theirs) ?? theirs.disagreement;
    return reason === undefined ? [] : [`- ${result.row.name} ${result.row.root}, ${peer.title}: ${reason}`];
  });
  const { processor, processors, memoryGib, kernel, fileSystem } = machine;
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    table(
      HEAD,
      pairs.map(({ result, peer, theirs }) => line(result, peer, theirs)),
    ),
    ...(failures.length === 0 ? [] : ['Failed, or not the same:', '', ...failures, '']),
    `Medians of ${runs}, with the least and the most. † = the peer calls fsync, and so ours is with an fsync of its output. ✗ = the`,
    `goal is not reached; for memory it is ${MEMORY_GOAL_MIB} MiB. Two figures: ours : theirs. Processor time is user and system time of all threads`,
    `and processes, memory is of the process with the most. Each command has ${(overheadSeconds * 1000).toFixed(1)} ms of starting and accounting in its time.`,
    '',
    `Machine: ${processor}, ${processors} processors, ${memoryGib} GiB, Linux ${kernel}, work folder on ${fileSystem}.`,
    '',
    `Versions: ${named.join(', ')}.`,
    '',
  ].join('\n');
}

/**
 * Puts the measured part into a document, in the place of the one before.
 *
 * @throws Error where the document does not mark the place
 */
export function writeDocument(path: string, text: string): void {
  const document = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${path} has no lines "${BEGIN}" and "${END}"`);
  const before = document.slice(0, begin + BEGIN.length);
  writeFileSync(path, `${before}\n\n${text}\n${document.slice(end)}`);
}

/** Everything that was measured, for programs. */
export function reportJson(report: Report): string {
  const results = report.results.map(({ row, ours, peers }) => ({
    name: row.name,
    root: row.root,
    work: row.work,
    ours,
    peers: peers.map((samples, index) => {
      const peer = row.peers[index] as Peer;
      const own = peer.fsync ? ours.usagesWithFsync : ours.usages;
      return { ...samples, fsync: peer.fsync, goal: peer.goal, ratio: ratio(own, samples.usages) };
    }),
  }));
  return `${JSON.stringify({ ...report, results }, undefined, 1)}\n`;
}
