/** Runs steps on a small tree. */
import { join } from 'node:path';
import type { LayerItem } from '../../image/layer/writer.ts';
import { type RunOptions, runSteps } from '../../image/steps/run.ts';
import type { Step } from '../../image/steps/step.ts';
import { busyboxTree, describeLayer, runnerRoot, type TestFolder } from './sample-layers.ts';

export interface TestRun {
  /** The description of each path of the layer. */
  readonly layer: Record<string, string>;
  /** The log that people see. */
  readonly log: string;
  readonly basePath: string;
  readonly outputPath: string;
}

export type TestOptions = Partial<Omit<RunOptions, 'layers' | 'steps' | 'output' | 'log'>>;

/** Runs the steps on a tree of busybox and `items`. */
export async function runOn(
  folder: TestFolder,
  items: LayerItem[],
  steps: Step[],
  options: TestOptions = {},
  log: Uint8Array[] = [],
): Promise<TestRun> {
  const basePath = await folder.layer('base', [...busyboxTree(), ...items]);
  const outputPath = join(folder.path, 'output.layer.tar.zst');
  await runSteps({
    layers: [basePath],
    steps,
    output: outputPath,
    runner: { kind: 'uml', root: runnerRoot() },
    timeLimitSeconds: 60,
    ...options,
    log: (bytes) => log.push(Buffer.from(bytes)),
  });
  return {
    layer: await describeLayer(outputPath),
    log: Buffer.concat(log).toString('latin1'),
    basePath,
    outputPath,
  };
}

/** Runs steps that must fail. Returns the message of the error, and the log. */
export async function failOn(
  folder: TestFolder,
  steps: Step[],
  options: TestOptions = {},
): Promise<{ message: string; log: string }> {
  const log: Uint8Array[] = [];
  try {
    await runOn(folder, [], steps, options, log);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { message: error.message, log: Buffer.concat(log).toString('latin1') };
  }
  throw new Error('the steps did not fail');
}
