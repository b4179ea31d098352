/** What a row of the benchmark is: one piece of work, done by our tool and by its peers. */
import type { Inputs } from './inputs.ts';
import type { OwnTools } from './own-tools.ts';
import type { PeerTools } from './peers.ts';
import type { RootName } from './roots.ts';
import type { Run } from './run.ts';

/** What rows are made with. */
export interface Bench {
  readonly own: OwnTools;
  readonly peers: PeerTools;
  readonly inputs: Inputs;
}

/** Facts about a result that our tool and its peers have to agree on, such as the number of its files. */
export type Facts = Readonly<Record<string, number>>;

export interface Contender {
  /** What runs, for the table. */
  readonly title: string;
  /** Does the work; only what it runs as `timed` counts. */
  run(run: Run): void | Promise<void>;
  /**
   * Holds the result to a checker of somebody else; runs once, outside of what is measured.
   *
   * @throws Error where the checker complains
   */
  check?(run: Run): Facts;
}

export interface OwnContender extends Contender {
  /** The files, by their names in the run's folder, that are brought to the disk where a peer does the same with its own. */
  readonly outputs: readonly string[];
}

export interface Peer extends Contender {
  /** Whether the peer calls fsync for its output; then our time is with an fsync of ours. */
  readonly fsync: boolean;
  /** Our time over the peer's is to be at most so much. */
  readonly goal?: number;
  /** How far our facts may lie above the peer's, as a factor for each; facts that are not here have to be equal. */
  readonly tolerance?: Facts;
}

export interface Row {
  /** What `--row` selects. */
  readonly name: string;
  readonly root: RootName;
  /** The work, for the table. */
  readonly work: string;
  readonly ours: OwnContender;
  readonly peers: readonly Peer[];
}

/**
 * Holds our facts to a peer's.
 *
 * @throws Error naming the fact that differs
 */
export function compareFacts(ours: Facts, theirs: Facts, tolerance: Facts = {}): void {
  for (const [name, value] of Object.entries(theirs)) {
    const own = ours[name];
    if (own === undefined) continue;
    const factor = tolerance[name];
    if (factor === undefined ? own === value : own <= value * factor) continue;
    const limit = factor === undefined ? 'has to be the same' : `may be ${factor} times as much`;
    throw new Error(`${name}: ours ${own}, theirs ${value}: it ${limit}`);
  }
}
