/** Measures a row: runs its contenders in turn, several times. */
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { PeerTools } from './peers.ts';
import { type Contender, compareFacts, type Facts, type Peer, type Row } from './row.ts';
import { Run, type Usage } from './run.ts';
import { spread } from './statistics.ts';

const OVERHEAD_SAMPLES = 21;

/** The samples of one contender, or its error. */
export interface Samples {
  readonly title: string;
  readonly usages: readonly Usage[];
  /** Includes an fsync of the outputs; empty for peers. */
  readonly usagesWithFsync: readonly Usage[];
  readonly facts: Facts;
  readonly error?: string;
}

export interface PeerSamples extends Samples {
  /** The fact in which our result and the peer's differ. */
  readonly disagreement?: string;
}

export interface RowResult {
  readonly row: Row;
  readonly ours: Samples;
  readonly peers: readonly PeerSamples[];
}

export interface MeasureOptions {
  readonly folder: string;
  readonly runs: number;
  /** Whether every contender runs once before the samples are taken. */
  readonly warm: boolean;
}

class ContenderState {
  readonly contender: Contender;
  /** The outputs to fsync after each run. The fsync is timed separately. */
  readonly fsyncOutputs: readonly string[];
  readonly usages: Usage[] = [];
  readonly usagesWithFsync: Usage[] = [];
  facts: Facts | undefined;
  error: string | undefined;

  constructor(contender: Contender, fsyncOutputs: readonly string[]) {
    this.contender = contender;
    this.fsyncOutputs = fsyncOutputs;
  }

  samples(): Samples {
    const { contender, usages, usagesWithFsync, facts = {}, error } = this;
    return {
      title: contender.title,
      usages,
      usagesWithFsync,
      facts,
      ...(error === undefined ? {} : { error }),
    };
  }
}

export class Measurer {
  readonly #options: MeasureOptions;
  readonly #peers: PeerTools;
  readonly #time: readonly string[];
  #runCount = 0;

  constructor(options: MeasureOptions, peers: PeerTools) {
    this.#options = options;
    this.#peers = peers;
    this.#time = peers.command('time').argv;
    rmSync(this.#runs, { recursive: true, force: true });
    rmSync(this.#trash, { recursive: true, force: true });
    mkdirSync(this.#trash, { recursive: true });
  }

  get #runs(): string {
    return join(this.#options.folder, 'runs');
  }

  get #trash(): string {
    return join(this.#options.folder, 'trash');
  }

  /** Returns a run with a new, empty directory. */
  newRun(name: string): Run {
    const folder = join(this.#runs, `${++this.#runCount}-${name}`);
    mkdirSync(folder, { recursive: true });
    return new Run(folder, this.#time);
  }

  /** Measures `true`: the fixed cost of each measured command, in seconds. */
  overheadSeconds(): number {
    const run = this.newRun('overhead');
    const samples = Array.from({ length: OVERHEAD_SAMPLES }, () => {
      const before = run.usage.wallSeconds;
      run.timed(this.#peers.command('true'));
      return run.usage.wallSeconds - before;
    });
    this.#discard(run);
    return spread(samples).median;
  }

  /**
   * Removes the files of a run. Directories are kept until the row ends, because deleting a large
   * tree slows down the writing of the next one.
   */
  #discard(run: Run): void {
    for (const entry of readdirSync(run.folder, { withFileTypes: true })) {
      if (entry.isDirectory())
        renameSync(run.path(entry.name), join(this.#trash, `${this.#runCount}-${entry.name}`));
    }
    rmSync(run.folder, { recursive: true });
    this.#settle();
  }

  /**
   * Waits until all data is written, so that writes of the previous run do not slow down the next
   * one.
   */
  #settle(): void {
    const run = this.newRun('sync');
    run.untimed(this.#peers.command('sync'));
    rmSync(run.folder, { recursive: true });
  }

  async #runOnce(state: ContenderState, name: string, counts: boolean): Promise<void> {
    const { contender, fsyncOutputs } = state;
    const run = this.newRun(name);
    try {
      await contender.run(run);
      const usage = run.usage;
      if (fsyncOutputs.length > 0) {
        run.timed(this.#peers.command('sync', ...fsyncOutputs.map((output) => run.path(output))));
      }
      if (counts) {
        state.usages.push(usage);
        if (fsyncOutputs.length > 0) state.usagesWithFsync.push(run.usage);
      }
      state.facts ??= contender.check?.(run) ?? {};
    } catch (error) {
      state.error = messageOf(error);
    } finally {
      this.#discard(run);
    }
  }

  async measure(row: Row): Promise<RowResult> {
    const ours = new ContenderState(row.ours, row.peers.some(({ fsync }) => fsync) ? row.ours.outputs : []);
    const peers = row.peers.map((peer) => new ContenderState(peer, []));
    const { runs, warm } = this.#options;
    for (let round = warm ? -1 : 0; round < runs; round++) {
      for (const state of [ours, ...peers]) {
        if (state.error === undefined) await this.#runOnce(state, row.name, round >= 0);
      }
    }
    rmSync(this.#trash, { recursive: true, force: true });
    mkdirSync(this.#trash, { recursive: true });
    this.#settle();
    return {
      row,
      ours: ours.samples(),
      peers: row.peers.map((peer, index) => {
        const theirs = peers[index] as ContenderState;
        const disagreement = findDisagreement(ours, theirs, peer);
        return { ...theirs.samples(), ...(disagreement === undefined ? {} : { disagreement }) };
      }),
    };
  }
}

function findDisagreement(ours: ContenderState, theirs: ContenderState, peer: Peer): string | undefined {
  if (ours.facts === undefined || theirs.facts === undefined) return undefined;
  try {
    compareFacts(ours.facts, theirs.facts, peer.tolerance);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
