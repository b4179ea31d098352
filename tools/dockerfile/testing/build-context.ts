/** Executes small Dockerfiles in tests. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Entry } from '../../lib/formats/entry/entry.ts';
import { DEFAULT_CONFIG, type RootConfig } from '../../lib/formats/oci/root-config.ts';
import { readContent } from '../../lib/image/layer/content.ts';
import { openLayerFile, writeLayerFile } from '../../lib/image/layer/file.ts';
import { mergeLayers } from '../../lib/image/layer/merge.ts';
import { listLayer } from '../../lib/image/layer/reader.ts';
import type { LayerItem } from '../../lib/image/layer/writer.ts';
import type { Step } from '../../lib/image/steps/step.ts';
import { type BuildOptions, buildStages } from '../build.ts';
import { parseContextOption, readContext } from '../context.ts';
import { parseDockerfile, targetStage } from '../language/dockerfile.ts';

export interface TestBuild {
  readonly text: string;
  /** Files of the context by path. */
  readonly context?: Readonly<Record<string, string | Uint8Array>>;
  /** More `--context=` options, in which `{folder}` is replaced by the folder's path. */
  readonly contextOptions?: readonly string[];
  /** Layers of the base called `base`. */
  readonly base?: readonly (readonly LayerItem[])[];
  readonly config?: RootConfig;
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly target?: string;
  /** Replaces the step runner. */
  readonly runSteps?: BuildOptions['runSteps'];
}

export interface TestResult {
  /** The description of each path of the layer. */
  readonly layer: Record<string, string>;
  /** The files of base and layer together, as `MODE UID:GID CONTENT`. */
  readonly merged: Record<string, string>;
  readonly config: RootConfig;
  /** The sessions that ran, each with its steps. */
  readonly sessions: Step[][];
  readonly progress: string[];
}

function describe(entry: Entry, text: string): string {
  const owner = `${entry.uid}:${entry.gid}`;
  const mode = entry.mode.toString(8).padStart(4, '0');
  if (entry.type === 'symlink') return `${owner} -> ${entry.target}`;
  if (entry.type === 'hardlink') return `= ${entry.target}`;
  if (entry.type === 'directory') return `${mode} ${owner} /`;
  return entry.type === 'file' ? `${mode} ${owner} ${text}`.trimEnd() : `${mode} ${owner} ${entry.type}`;
}

async function describeMerged(layers: readonly string[]): Promise<Record<string, string>> {
  const tree = await mergeLayers(layers.map(openLayerFile));
  const lines: [string, string][] = [];
  for (const { entry, inode } of tree.entries()) {
    if (entry.path === '') continue;
    let text = '';
    if (entry.type === 'file')
      for await (const chunk of readContent(inode)) text += Buffer.from(chunk).toString();
    lines.push([entry.path, describe(entry, text)]);
  }
  return Object.fromEntries(lines);
}

/** Executes a Dockerfile in a temporary folder, which is removed at the end. */
export async function runBuild(options: TestBuild): Promise<TestResult> {
  const folder = mkdtempSync(join(tmpdir(), 'dockerfile-'));
  try {
    return await buildIn(folder, options);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function buildIn(folder: string, options: TestBuild): Promise<TestResult> {
  const buildArgs = new Map(Object.entries(options.buildArgs ?? {}));
  const baseLayers: string[] = [];
  for (const [index, items] of (options.base ?? [[]]).entries()) {
    baseLayers.push(join(folder, `base-${index}.layer.tar.zst`));
    await writeLayerFile(baseLayers[index] as string, items);
  }
  const contextOptions = Object.entries(options.context ?? {}).map(([path, content]) => {
    const source = join(folder, 'context', path);
    mkdirSync(dirname(source), { recursive: true });
    writeFileSync(source, content);
    return `${path}=${source}`;
  });
  contextOptions.push(
    ...(options.contextOptions ?? []).map((option) => option.replaceAll('{folder}', folder)),
  );
  const dockerfile = parseDockerfile(options.text, 'Dockerfile', { buildArgs, bases: ['base'] });
  const sessions: Step[][] = [];
  const progress: string[] = [];
  const { items, config } = await buildStages({
    dockerfile,
    target: targetStage(dockerfile, options.target),
    context: readContext(contextOptions.map(parseContextOption)),
    bases: new Map([['base', { layers: baseLayers, config: options.config ?? DEFAULT_CONFIG }]]),
    buildArgs,
    workingFolder: folder,
    async runSteps(layers, steps, output) {
      sessions.push([...steps]);
      if (options.runSteps === undefined) await writeLayerFile(output, []);
      else await options.runSteps(layers, steps, output);
    },
    progress: (line) => progress.push(line),
  });
  const layerPath = join(folder, 'out.layer.tar.zst');
  await writeLayerFile(layerPath, items);
  const scanned = await listLayer(openLayerFile(layerPath));
  const layer = Object.fromEntries(
    Array.from(scanned, (item): [string, string] =>
      item.kind === 'entry' ? [item.entry.path, describe(item.entry, '')] : [item.path, item.kind],
    ),
  );
  return { layer, merged: await describeMerged([...baseLayers, layerPath]), config, sessions, progress };
}
