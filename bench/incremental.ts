/**
 * Measures how long a build takes after a change, and lists the actions that it runs:
 *
 *     node bench/incremental.ts
 *
 * Builds //ic-os/guestos/envs/dev, builds it again without a change, and once more after it adds a
 * line to a component file. It restores the file at the end.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bazel, printTable, seconds, WORKSPACE } from './bazel.ts';

const TARGET = '//ic-os/guestos/envs/dev/...';
const COMPONENT = join(WORKSPACE, 'ic-os/components/console/banner.sh');

interface Measurement {
  readonly title: string;
  readonly wallSeconds: number;
  /** The mnemonics of the actions that ran. */
  readonly actions: readonly string[];
}

/** Builds once with an execution log, which lists every action whose result was in no cache. */
function measure(title: string, folder: string): Measurement {
  const log = join(folder, 'execution.json');
  const wallSeconds = seconds(() => bazel(WORKSPACE, 'build', TARGET, `--execution_log_json_file=${log}`));
  const actions = [...readFileSync(log, 'utf8').matchAll(/^ {2}"mnemonic": "(.*)"/gm)].map(
    ([, name = '']) => name,
  );
  return { title, wallSeconds, actions };
}

const folder = mkdtempSync(join(tmpdir(), 'icos-bench-'));
const original = readFileSync(COMPONENT);
const measurements: Measurement[] = [];
try {
  bazel(WORKSPACE, 'build', TARGET);
  measurements.push(measure('nothing changed', folder));
  writeFileSync(COMPONENT, `${original.toString('utf8')}\n# changed by bench/incremental.ts\n`);
  measurements.push(measure('a component file changed', folder));
} finally {
  writeFileSync(COMPONENT, original);
  rmSync(folder, { recursive: true });
}
measurements.push({
  title: 'the change reverted',
  wallSeconds: seconds(() => bazel(WORKSPACE, 'build', TARGET)),
  actions: [],
});
printTable(
  ['build', 'wall s', 'actions'],
  measurements.map(({ title, wallSeconds, actions }) => [title, wallSeconds.toFixed(1), actions.join(', ')]),
);
