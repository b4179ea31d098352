/** Executes the stages that the target needs, and writes one layer and one configuration. */
import { join } from 'node:path';
import { DEFAULT_CONFIG, type RootConfig } from '../lib/formats/oci/root-config.ts';
import { openLayerFile, writeLayerFile } from '../lib/image/layer/file.ts';
import type { LayerItem } from '../lib/image/layer/writer.ts';
import type { Step } from '../lib/image/steps/step.ts';
import { changesSince, type Snapshot, takeSnapshot } from './changes.ts';
import { copySource, type Dockerfile, type ImageReference, type Stage } from './language/dockerfile.ts';
import { StageRun } from './stage.ts';
import { StageFiles } from './stage-files.ts';

/** A root file system that FROM and COPY --from can refer to. */
export interface Base {
  readonly layers: readonly string[];
  readonly config: RootConfig;
}

export interface BuildOptions {
  readonly dockerfile: Dockerfile;
  readonly target: Stage;
  readonly context: StageFiles;
  readonly bases: ReadonlyMap<string, Base>;
  readonly buildArgs: ReadonlyMap<string, string>;
  /** A folder that only this build uses, for layers between two sessions. */
  readonly workingFolder: string;
  /** Runs steps on layers, and writes their changes as a layer. */
  readonly runSteps: (layers: readonly string[], steps: readonly Step[], output: string) => Promise<void>;
  /** Receives a progress message for each instruction that is executed. */
  readonly progress: (line: string) => void;
}

export interface BuildResult {
  /** The changes to the base of the target's chain of stages. */
  readonly items: readonly LayerItem[];
  readonly config: RootConfig;
}

/** The layers of a stage. */
interface StageLayers {
  readonly baseLayers: readonly string[];
  /** The files of the base, as they were in the stage before its first instruction. */
  readonly baseSnapshot: Snapshot;
  /** The layers above the base: those that sessions ran on, and those that they produced. */
  readonly ownLayers: readonly string[];
  /** The files of all these layers, merged. */
  readonly layered: Snapshot;
}

/** A stage whose instructions have all been executed. */
interface FinishedStage extends StageLayers {
  readonly run: StageRun;
}

/** A stage before its first instruction. */
interface StageStart extends StageLayers {
  readonly files: StageFiles;
  readonly config: RootConfig;
  readonly args: ReadonlyMap<string, string>;
}

class Build {
  readonly #options: BuildOptions;
  readonly #finished = new Map<number, FinishedStage>();
  readonly #baseFiles = new Map<string, StageFiles>();
  readonly #spool: { path: string; sizeBytes: number };
  #layerCount = 0;

  constructor(options: BuildOptions) {
    this.#options = options;
    this.#spool = { path: join(options.workingFolder, 'archives'), sizeBytes: 0 };
  }

  #newLayerPath(): string {
    return join(this.#options.workingFolder, `${this.#layerCount++}.layer.tar.zst`);
  }

  #base(name: string): Base {
    const base = this.#options.bases.get(name);
    if (base === undefined) throw new RangeError(`no base ${name}`);
    return base;
  }

  async #openLayers(layers: readonly string[]): Promise<StageFiles> {
    const files = new StageFiles();
    for (const layer of layers) await files.apply(openLayerFile(layer));
    return files;
  }

  async #startOn(layers: readonly string[], config: RootConfig): Promise<StageStart> {
    const files = await this.#openLayers(layers);
    const snapshot = takeSnapshot(files);
    const args = new Map<string, string>();
    const own = { ownLayers: [], layered: snapshot };
    return { files, baseLayers: layers, baseSnapshot: snapshot, ...own, config, args };
  }

  /**
   * Writes the changes since `layered` as a layer. Returns its path, or nothing if there are no
   * changes.
   */
  async #writeChanges(layered: Snapshot, files: StageFiles): Promise<string[]> {
    const unwritten = changesSince(layered, files);
    if (unwritten.length === 0) return [];
    const layer = this.#newLayerPath();
    await writeLayerFile(layer, unwritten);
    return [layer];
  }

  /** Starts a stage from a copy of another stage's files, because both may still be needed. */
  async #startOnStage(below: FinishedStage): Promise<StageStart> {
    const { run, baseLayers } = below;
    const ownLayers = [...below.ownLayers, ...(await this.#writeChanges(below.layered, run.files))];
    const files = await this.#openLayers(baseLayers);
    const baseSnapshot = takeSnapshot(files);
    for (const layer of ownLayers) await files.apply(openLayerFile(layer));
    const layered = takeSnapshot(files);
    return { files, baseLayers, baseSnapshot, ownLayers, layered, config: run.config, args: run.args };
  }

  async #start(from: ImageReference): Promise<StageStart> {
    switch (from.kind) {
      case 'scratch':
        return await this.#startOn([], DEFAULT_CONFIG);
      case 'base': {
        const base = this.#base(from.name);
        return await this.#startOn(base.layers, base.config);
      }
      case 'stage':
        return await this.#startOnStage(await this.#stage(from.index));
    }
  }

  async #stage(index: number): Promise<FinishedStage> {
    const finished =
      this.#finished.get(index) ?? (await this.#execute(this.#options.dockerfile.stages[index] as Stage));
    this.#finished.set(index, finished);
    return finished;
  }

  async #filesOf(reference: ImageReference): Promise<StageFiles> {
    if (reference.kind === 'stage') return (await this.#stage(reference.index)).run.files;
    if (reference.kind === 'scratch') return new StageFiles();
    const files =
      this.#baseFiles.get(reference.name) ?? (await this.#openLayers(this.#base(reference.name).layers));
    this.#baseFiles.set(reference.name, files);
    return files;
  }

  async #execute(stage: Stage): Promise<FinishedStage> {
    const { dockerfile, buildArgs } = this.#options;
    const start = await this.#start(stage.from);
    const ownLayers = [...start.ownLayers];
    let layered = start.layered;
    const { files, config, args } = start;
    const session = async (steps: readonly Step[]): Promise<void> => {
      ownLayers.push(...(await this.#writeChanges(layered, files)));
      const output = this.#newLayerPath();
      await this.#options.runSteps([...start.baseLayers, ...ownLayers], steps, output);
      ownLayers.push(output);
      await files.apply(openLayerFile(output));
      layered = takeSnapshot(files);
    };
    const run = new StageRun({
      dockerfile,
      stage,
      files,
      config,
      args,
      buildArgs,
      session,
      spool: this.#spool,
    });
    for (const instruction of stage.instructions) await this.#instruction(run, stage, instruction);
    await run.flush();
    const { baseLayers, baseSnapshot } = start;
    return { run, baseLayers, baseSnapshot, ownLayers, layered };
  }

  async #instruction(run: StageRun, stage: Stage, instruction: Stage['instructions'][number]): Promise<void> {
    const { where, summary } = instruction;
    switch (instruction.keyword) {
      case 'ARG':
        return run.arg(instruction);
      case 'ENV':
      case 'LABEL':
        return run.pairs(instruction);
      case 'SHELL':
        return run.shell(instruction.argv);
      case 'USER':
        return run.user(instruction.value, where);
      case 'WORKDIR':
        return await run.workdir(instruction.value, where);
      case 'RUN':
        return await run.run(instruction);
      case 'COPY':
      case 'ADD': {
        const { dockerfile, context, bases } = this.#options;
        const from =
          instruction.from === undefined
            ? undefined
            : copySource(dockerfile, stage, instruction, [...bases.keys()]);
        const files = from === undefined ? context : await this.#filesOf(from);
        await run.flush();
        this.#options.progress(`${where}: ${summary}`);
        return await run.copy(
          instruction,
          files,
          from === undefined ? 'the context' : `--from=${instruction.from}`,
        );
      }
    }
  }

  async result(): Promise<BuildResult> {
    const { run, baseSnapshot } = await this.#stage(this.#options.target.index);
    return { items: changesSince(baseSnapshot, run.files), config: run.config };
  }
}

/**
 * Executes a Dockerfile up to the target stage. Like Docker, skips stages that the target does not
 * need.
 *
 * @throws UserError `FILE:LINE: ...`
 */
export async function buildStages(options: BuildOptions): Promise<BuildResult> {
  return await new Build(options).result();
}
