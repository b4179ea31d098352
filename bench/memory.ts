/**
 * Measures the peak memory, the processor time and the wall time of each tool in the GuestOS build:
 *
 *     node bench/memory.ts
 *
 * Builds //ic-os/guestos/envs/dev, then runs the command of each of its actions again, one at a
 * time, with the outputs in a temporary directory. The step runner starts user-mode Linux, whose
 * memory is not counted.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { listOf, object, parseJson, text } from '../tools/lib/formats/json/json.ts';
import { bazel, printTable, WORKSPACE } from './bazel.ts';

const TARGET = '//ic-os/guestos/envs/dev:dev';
const OUTPUT_OPTIONS = /^--(output|output-config|steps|packages|zst|gz|index|entries|root-hash)=(.*)$/;
const MIB_FORMAT = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

interface Action {
  readonly mnemonic: string;
  readonly arguments: readonly string[];
}

/** What `bazel aquery` prints. An action that runs no command has no arguments. */
const ACTIONS = object({ actions: listOf(object({ mnemonic: text }, { arguments: listOf(text) })) });

function imageActions(): Action[] {
  const json = bazel(WORKSPACE, 'aquery', '--output=jsonproto', `mnemonic("Icos.*", deps(${TARGET}))`);
  return parseJson(json, 'bazel aquery', ACTIONS).actions.flatMap(({ mnemonic, arguments: argv }) =>
    argv === undefined ? [] : [{ mnemonic, arguments: argv }],
  );
}

/**
 * Redirects every output of a parameter file to `folder`. Options that name an input stay
 * unchanged.
 */
function redirectOutputs(
  lines: readonly string[],
  isInput: (option: string) => boolean,
  folder: string,
): string[] {
  return lines.map((line) => {
    const match = OUTPUT_OPTIONS.exec(line);
    const [, option = '', path = ''] = match ?? [];
    return match === null || isInput(option) ? line : `--${option}=${join(folder, basename(path))}`;
  });
}

/** Options that name an input of these tools, and an output of others. */
const INPUT_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  'step-runner': ['steps'],
  manifest: ['packages', 'entries'],
};

function measure(action: Action, executionRoot: string, folder: string): readonly string[] {
  const [node = '', bundle = '', ...options] = action.arguments.map((argument) =>
    argument.replaceAll('bazel-out/cfg/', 'bazel-out/k8-fastbuild/'),
  );
  const tool = basename(bundle, '.mjs');
  const isInput = (option: string) => INPUT_OPTIONS[tool]?.includes(option) ?? false;
  const parameterFile = join(folder, 'parameters');
  const report = join(folder, 'report');
  writeFileSync(parameterFile, `${redirectOutputs(options, isInput, folder).join('\n')}\n`);
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
    .find((match) => match && !isInput(match[1] ?? ''));
  return [
    `${action.mnemonic} ${basename(output?.[2] ?? '')}`,
    MIB_FORMAT.format(memoryMib ?? 0),
    (cpuSeconds ?? 0).toFixed(1),
    (wallSeconds ?? 0).toFixed(1),
  ];
}

bazel(WORKSPACE, 'build', TARGET);
const executionRoot = bazel(WORKSPACE, 'info', 'execution_root').trim();
const folder = mkdtempSync(join(tmpdir(), 'icos-bench-'));
try {
  const rows = imageActions().map((action) => measure(action, executionRoot, folder));
  printTable(['action', 'peak MiB', 'cpu s', 'wall s'], rows);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
