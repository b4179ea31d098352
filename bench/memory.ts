/**
 * What each tool needs for GuestOS: peak memory, processor time, wall time.
 *
 *     node bench/memory.ts
 *
 * Builds //ic-os/guestos/envs/dev, then runs the command of each of its actions again, alone, with its outputs in a
 * folder of their own. The memory of user-mode Linux, which the step runner starts, is not in the tool's.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { bazel, printTable, WORKSPACE } from './bazel.ts';

const TARGET = '//ic-os/guestos/envs/dev:dev';
const OUTPUT_OPTIONS = /^--(output|output-config|steps|packages|zst|gz|index|entries|root-hash)=(.*)$/;
const MIB_FORMAT = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

interface Action {
  readonly mnemonic: string;
  readonly arguments: readonly string[];
}

function imageActions(): Action[] {
  const query = bazel('aquery', '--output=jsonproto', `mnemonic("Icos.*", deps(${TARGET}))`);
  const { actions } = JSON.parse(query) as { actions: Action[] };
  return actions;
}

/** Puts every output of a parameter file into `folder`; the step list and packages of a reader stay where they are. */
function redirectOutputs(
  lines: readonly string[],
  isReader: (option: string) => boolean,
  folder: string,
): string[] {
  return lines.map((line) => {
    const match = OUTPUT_OPTIONS.exec(line);
    const [, option = '', path = ''] = match ?? [];
    return match === null || isReader(option) ? line : `--${option}=${join(folder, basename(path))}`;
  });
}

/** Options that name an input for these tools and an output for others. */
const INPUT_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  'step-runner': ['steps'],
  manifest: ['packages', 'entries'],
};

function measure(action: Action, executionRoot: string, folder: string): readonly string[] {
  const [node = '', bundle = '', ...options] = action.arguments.map((argument) =>
    argument.replaceAll('bazel-out/cfg/', 'bazel-out/k8-fastbuild/'),
  );
  const tool = basename(bundle, '.mjs');
  const reads = (option: string) => INPUT_OPTIONS[tool]?.includes(option) ?? false;
  const parameterFile = join(folder, 'parameters');
  const report = join(folder, 'report');
  writeFileSync(parameterFile, `${redirectOutputs(options, reads, folder).join('\n')}\n`);
  writeFileSync(report, '');
  const { status, stderr } = spawnSync(
    join(executionRoot, node),
    ['--import', join(WORKSPACE, 'bench/report-memory.mjs'), bundle, `@${parameterFile}`],
    { cwd: executionRoot, encoding: 'utf8', env: { BENCH_REPORT: report }, maxBuffer: 1 << 28 },
  );
  if (status !== 0) throw new Error(`${tool} exits with ${status}: ${stderr.trim().split('\n').at(-1)}`);
  const [memoryMib, cpuSeconds, wallSeconds] = readFileSync(report, 'utf8').trim().split(' ').map(Number);
  const output = options
    .map((option) => OUTPUT_OPTIONS.exec(option))
    .find((match) => match && !reads(match[1] ?? ''));
  return [
    `${action.mnemonic} ${basename(output?.[2] ?? '')}`,
    MIB_FORMAT.format(memoryMib ?? 0),
    (cpuSeconds ?? 0).toFixed(1),
    (wallSeconds ?? 0).toFixed(1),
  ];
}

bazel('build', TARGET);
const executionRoot = bazel('info', 'execution_root').trim();
const folder = mkdtempSync(join(tmpdir(), 'icos-bench-'));
try {
  const rows = imageActions().map((action) => measure(action, executionRoot, folder));
  printTable(['action', 'peak MiB', 'cpu s', 'wall s'], rows);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
