/** The rows of the benchmark: each is one piece of work that our tool and its peers do. */
import type { Inputs } from './inputs.ts';
import type { OwnTools } from './own-tools.ts';
import type { PeerTools } from './peers.ts';
import type { RootName } from './roots.ts';
import type { Run } from './run.ts';

/** The resources that rows use: inputs and tools. */
export interface Bench {
  readonly own: OwnTools;
  readonly peers: PeerTools;
  readonly inputs: Inputs;
}

/**
 * Facts about a result that are compared between our tool and its peers, such as the number of
 * files.
 */
export type Facts = Readonly<Record<string, number>>;

export interface Contender {
  /** The command, for the table. */
  readonly title: string;
  /** Does the work. Only commands that it runs as `timed` count. */
  run(run: Run): void | Promise<void>;
  /**
   * Checks the result with an independent checker. Runs once per row and is not measured.
   *
   * @throws Error if the checker complains
   */
  check?(run: Run): Facts;
}

export interface OwnContender extends Contender {
  /**
   * Output files, by name in the run's directory. They are synced to disk if a peer syncs its own.
   */
  readonly outputs: readonly string[];
}

export interface Peer extends Contender {
  /**
   * Whether the peer calls fsync for its output. If so, our time includes an fsync of our output.
   */
  readonly fsync: boolean;
  /** The highest allowed ratio of our time to the peer's. */
  readonly goal?: number;
  /** The factor by which each of our facts may exceed the peer's. All other facts must be equal. */
  readonly tolerance?: Facts;
}

/**
 * What a row measures.
 *
 * - `build`: the command line of a rule, with every output that the rule declares.
 * - `best-case`: the same tool with the least work, compared with a peer that does only this work.
 */
export type RowKind = 'build' | 'best-case';

export interface Row {
  /** The name that `--row` selects. */
  readonly name: string;
  readonly kind: RowKind;
  readonly root: RootName;
  /** The work, for the table. */
  readonly work: string;
  readonly ours: OwnContender;
  readonly peers: readonly Peer[];
}

/**
 * Compares our facts with a peer's.
 *
 * @throws Error that names the fact that differs
 */
export function compareFacts(ours: Facts, theirs: Facts, tolerance: Facts = {}): void {
  for (const [name, value] of Object.entries(theirs)) {
    const own = ours[name];
    if (own === undefined) continue;
    const factor = tolerance[name];
    if (factor === undefined ? own === value : own <= value * factor) continue;
    const limit = factor === undefined ? 'must be equal' : `ours may be at most ${factor} times theirs`;
    throw new Error(`${name}: ours ${own}, theirs ${value}: ${limit}`);
  }
}
