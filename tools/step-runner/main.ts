/** Runs a list of steps on layers, and writes their changes as a layer. See docs/step-runner.md. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { UserError } from '../lib/formats/error/user-error.ts';
import { withInterruption } from '../lib/image/steps/interruption.ts';
import { runSteps, type StepRunner } from '../lib/image/steps/run.ts';
import { parseStepList } from '../lib/image/steps/step.ts';
import { LIST, required, runTool, TEXT } from '../lib/runtime/cli/cli.ts';

function wholeNumber(value: string, option: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(value)) throw new UserError(`--${option}=${value} is not a number above 0`);
  return Number(value);
}

function stepRunner(kind: string, root: string, memory: string | undefined): StepRunner {
  if (kind === 'chroot') return { kind, root };
  if (kind !== 'uml') throw new UserError(`--runner=${kind} is unknown; use uml or chroot`);
  return memory === undefined
    ? { kind, root }
    : { kind, root, memoryMebibytes: wholeNumber(memory, 'memory') };
}

/** Parses top-level folders, which may be written with or without a leading slash. */
function temporaryFolders(values: readonly string[]): string[] {
  return values.map((value) => {
    const name = value.replace(/^\//, '');
    if (name === '' || name.includes('/'))
      throw new UserError(`--tmpfs=${value} is not a top-level folder such as /tmp`);
    return name;
  });
}

await runTool(async ({ args, output }) => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runner: { ...TEXT, default: 'uml' },
      'runner-root': TEXT,
      layer: LIST,
      steps: TEXT,
      output: TEXT,
      'time-limit': { ...TEXT, default: '3600' },
      memory: TEXT,
      'free-space': TEXT,
      tmpfs: { ...TEXT, multiple: true, default: ['/run', '/tmp'] },
    },
  });
  const stepList = required(values.steps, 'steps');
  const freeSpace = values['free-space'];
  const outputPath = required(values.output, 'output');
  const runner = stepRunner(values.runner, required(values['runner-root'], 'runner-root'), values.memory);
  await withInterruption((signal) =>
    runSteps({
      layers: values.layer,
      steps: parseStepList(readFileSync(stepList, 'utf8'), stepList),
      runner,
      output: output(outputPath),
      timeLimitSeconds: wholeNumber(values['time-limit'], 'time-limit'),
      ...(freeSpace === undefined ? {} : { freeMebibytes: wholeNumber(freeSpace, 'free-space') }),
      temporaryFolders: temporaryFolders(values.tmpfs),
      signal,
    }),
  );
});
