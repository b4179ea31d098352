/**
 * Executes a Dockerfile on layers, and writes its changes as one layer (docs/dockerfile.md):
 *
 *     dockerfile --dockerfile=FILE --output=OUT.layer.tar.zst --output-config=OUT.config.json
 *       [--context=PATH=FILE[:MODE]]... [--base=NAME=CONFIG.json]... [--base-layer=NAME=FILE]...
 *       [--build-arg=NAME=VALUE]... [--build-arg-file=NAME=FILE]... [--target=STAGE]
 *       [--runner=uml|chroot --runner-root=DIR] [--memory=MIB] [--time-limit=SECONDS]
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { writeWholeFile } from '../lib/formats/block/write.ts';
import { UserError } from '../lib/formats/error/user-error.ts';
import { DEFAULT_CONFIG, ROOT_CONFIG, rootConfigText } from '../lib/formats/oci/root-config.ts';
import { writeLayerFile } from '../lib/image/layer/file.ts';
import { withInterruption } from '../lib/image/steps/interruption.ts';
import { runSteps, type StepRunner } from '../lib/image/steps/run.ts';
import { LIST, nameValuePairs, readJson, required, runTool, TEXT } from '../lib/runtime/cli/cli.ts';
import { type Base, buildStages } from './build.ts';
import { parseContextOption, readContext } from './context.ts';
import { parseDockerfile, targetStage } from './language/dockerfile.ts';

function readBases(configs: readonly string[], layers: readonly string[]): Map<string, Base> {
  const bases = new Map<string, Base>();
  for (const [name, config] of nameValuePairs(configs, 'base'))
    bases.set(name, { layers: [], config: readJson(config, ROOT_CONFIG) });
  for (const [name, layer] of nameValuePairs(layers, 'base-layer')) {
    const base = bases.get(name) ?? { layers: [], config: DEFAULT_CONFIG };
    bases.set(name, { ...base, layers: [...base.layers, layer] });
  }
  return bases;
}

function readBuildArgs(values: readonly string[], files: readonly string[]): Map<string, string> {
  const fromFiles = nameValuePairs(files, 'build-arg-file').map(
    ([name, path]) => [name, readFileSync(path, 'utf8').replace(/\n$/, '')] as const,
  );
  return new Map([...nameValuePairs(values, 'build-arg'), ...fromFiles]);
}

function wholeNumber(value: string, option: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(value)) throw new UserError(`--${option}=${value} is not a number above 0`);
  return Number(value);
}

function stepRunner(kind: string, root: string | undefined, memoryMebibytes: number): StepRunner {
  if (root === undefined) throw new UserError('this Dockerfile has RUN, which needs --runner-root=DIR');
  if (kind === 'uml') return { kind, root, memoryMebibytes };
  if (kind === 'chroot') return { kind, root };
  throw new UserError(`--runner=${kind} is unknown; use uml or chroot`);
}

await runTool(async ({ args, output }) => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      dockerfile: TEXT,
      context: LIST,
      base: LIST,
      'base-layer': LIST,
      'build-arg': LIST,
      'build-arg-file': LIST,
      target: TEXT,
      runner: { ...TEXT, default: 'uml' },
      'runner-root': TEXT,
      memory: { ...TEXT, default: '1024' },
      'time-limit': { ...TEXT, default: '3600' },
      output: TEXT,
      'output-config': TEXT,
    },
  });
  const file = required(values.dockerfile, 'dockerfile');
  const layerPath = output(required(values.output, 'output'));
  const configPath = output(required(values['output-config'], 'output-config'));
  const timeLimitSeconds = wholeNumber(values['time-limit'], 'time-limit');
  const memoryMebibytes = wholeNumber(values.memory, 'memory');
  const bases = readBases(values.base, values['base-layer']);
  const buildArgs = readBuildArgs(values['build-arg'], values['build-arg-file']);
  const dockerfile = parseDockerfile(readFileSync(file, 'utf8'), file, {
    buildArgs,
    bases: [...bases.keys()],
  });
  const target = targetStage(dockerfile, values.target);
  const context = readContext(values.context.map(parseContextOption));
  const workingFolder = mkdtempSync(join(dirname(resolve(layerPath)), '.dockerfile-'));
  try {
    const { items, config } = await withInterruption((signal) =>
      buildStages({
        dockerfile,
        target,
        context,
        bases,
        buildArgs,
        workingFolder,
        progress: (line) => process.stderr.write(`${line}\n`),
        async runSteps(layers, steps, sessionOutput) {
          const runner = stepRunner(values.runner, values['runner-root'], memoryMebibytes);
          await runSteps({
            layers,
            steps,
            runner,
            output: sessionOutput,
            // /tmp is part of the image, so that RUN sees the files that COPY put there.
            temporaryFolders: ['run'],
            timeLimitSeconds,
            signal,
          });
        },
      }),
    );
    await writeLayerFile(layerPath, items);
    writeWholeFile(configPath, rootConfigText(config));
  } finally {
    rmSync(workingFolder, { recursive: true, force: true });
  }
});
