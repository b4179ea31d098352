/** Formats the results as tables for docs/benchmarks.md, and as JSON. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Machine } from './machine.ts';
import type { PeerSamples, RowResult, Samples } from './measure.ts';
import type { Peer, RowKind } from './row.ts';
import type { Usage } from './run.ts';
import { spread } from './statistics.ts';

export interface Report {
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly runs: number;
  readonly overheadSeconds: number;
  readonly results: readonly RowResult[];
}

const BEGIN = '<!-- bench: `npm run bench` writes the following part -->';
const END = '<!-- bench: end -->';
const MEBIBYTE = 1024 ** 2;
/** The most memory that any of our tools may use, for images of any size. */
const MEMORY_GOAL_MIB = 320;

const LINE_CHARACTERS = 100;
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

/** Returns the ratio of our median time to the peer's; `undefined` if one of them failed. */
export function ratio(ours: readonly Usage[], theirs: readonly Usage[]): number | undefined {
  if (ours.length === 0 || theirs.length === 0) return undefined;
  return median(ours, 'wallSeconds') / median(theirs, 'wallSeconds');
}

/** Returns the error of a comparison, if any. */
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

/** Breaks a paragraph into lines of at most {@link LINE_CHARACTERS}. */
function wrapped(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= LINE_CHARACTERS)
      lines.push(`${lines.pop()} ${word}`);
    else lines.push(word);
  }
  return lines.join('\n');
}

interface Comparison {
  readonly result: RowResult;
  readonly peer: Peer;
  readonly theirs: PeerSamples;
}

const SECTIONS: readonly {
  readonly kind: RowKind;
  readonly title: string;
  readonly text: string;
}[] = [
  {
    kind: 'build',
    title: 'What the build runs',
    text:
      'The command lines of the rules, with every output that a rule declares: layers in zstd, all entries ' +
      'listed, a hash tree, both compressions, and the digests. The peers do the same work, one program ' +
      'after another.',
  },
  {
    kind: 'best-case',
    title: 'Best cases',
    text:
      'The same tools where they do the least work: a plain tar instead of layers, one output, no list of ' +
      'entries, no digest. No rule runs these commands. They compare one step with the program that does ' +
      'only this step.',
  },
];

function section(
  { kind, title, text }: (typeof SECTIONS)[number],
  comparisons: readonly Comparison[],
): string[] {
  const rows = comparisons.filter(({ result }) => result.row.kind === kind);
  if (rows.length === 0) return [];
  const lines = rows.map(({ result, peer, theirs }) => line(result, peer, theirs));
  return [`## ${title}`, '', wrapped(text), '', table(HEAD, lines)];
}

/**
 * Returns the measured part of docs/benchmarks.md: the rows of the build first, the best cases
 * second.
 */
export function reportText({ machine, versions, runs, overheadSeconds, results }: Report): string {
  const comparisons = results.flatMap((result) =>
    result.row.peers.map((peer, index) => ({ result, peer, theirs: result.peers[index] as PeerSamples })),
  );
  const failures = comparisons.flatMap(({ result, peer, theirs }) => {
    const reason = failure(result, theirs) ?? theirs.disagreement;
    return reason === undefined ? [] : [`- ${result.row.name} ${result.row.root}, ${peer.title}: ${reason}`];
  });
  const { processor, processors, memoryGib, kernel, fileSystem } = machine;
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    ...SECTIONS.flatMap((each) => section(each, comparisons)),
    ...(failures.length === 0 ? [] : ['Failed, or different results:', '', ...failures, '']),
    '## Legend',
    '',
    wrapped(
      `Medians of ${runs} runs, with the minimum and the maximum. † = the peer calls fsync, so our time includes ` +
        `an fsync of our output. ✗ = the goal is missed; the goal for memory is ${MEMORY_GOAL_MIB} MiB. Two figures ` +
        'are "ours : theirs". Processor time is the user and system time of all threads and processes. Memory ' +
        'is the peak of the largest process. Starting and measuring each command adds ' +
        `${(overheadSeconds * 1000).toFixed(1)} ms.`,
    ),
    '',
    wrapped(
      `Machine: ${processor}, ${processors} processors, ${memoryGib} GiB, Linux ${kernel}, work folder on ${fileSystem}.`,
    ),
    '',
    wrapped(`Versions: ${named.join(', ')}.`),
    '',
  ].join('\n');
}

/**
 * Replaces the measured part of a document.
 *
 * @throws Error if the document does not mark that part
 */
export function writeDocument(path: string, text: string): void {
  const document = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${path} has no lines "${BEGIN}" and "${END}"`);
  const before = document.slice(0, begin + BEGIN.length);
  writeFileSync(path, `${before}\n\n${text}\n${document.slice(end)}`);
}

/** Returns all samples as JSON, for programs. */
export function reportJson(report: Report): string {
  const results = report.results.map(({ row, ours, peers }) => ({
    name: row.name,
    kind: row.kind,
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
