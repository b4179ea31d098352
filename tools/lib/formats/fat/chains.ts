import type { BlockSource } from '../block/block.ts';
import { printableName } from '../entry/name.ts';
import { UserError } from '../error/user-error.ts';
import { END_OF_CHAIN_MINIMUM, FIRST_CLUSTER } from './format.ts';
import type { ClusterRun } from './table.ts';
import type { OpenVolume } from './volume.ts';

/** Consecutive clusters are read at once, up to this many bytes. */
const READ_BYTES = 1024 ** 2;

/** A set of clusters with one bit per cluster: 32 MiB for the largest possible volume. */
export class ClusterSet {
  readonly #bits: Uint8Array;

  constructor(clusterCount: number) {
    this.#bits = new Uint8Array(Math.ceil((FIRST_CLUSTER + clusterCount) / 8));
  }

  /** Adds a cluster, and returns whether it is new. */
  add(cluster: number): boolean {
    const byte = this.#bits[cluster >> 3] as number;
    const bit = 1 << (cluster & 7);
    this.#bits[cluster >> 3] = byte | bit;
    return (byte & bit) === 0;
  }
}

/** Reads the chains of clusters of a volume. */
export class ChainReader {
  readonly #source: BlockSource;
  readonly #open: OpenVolume;
  readonly #name: string;

  constructor(source: BlockSource, open: OpenVolume, name: string) {
    this.#source = source;
    this.#open = open;
    this.#name = name;
  }

  fail(path: string, message: string): never {
    throw new UserError(`${this.#name}: "${printableName(path)}": ${message}`);
  }

  /**
   * Yields the clusters of a chain as runs of consecutive clusters. The chain of cluster 0 is
   * empty.
   *
   * @throws UserError for a chain that leaves the volume, ends in a free cluster or is a cycle
   */
  *runs(firstCluster: number, path: string): Generator<ClusterRun> {
    const { volume, table } = this.#open;
    const endCluster = FIRST_CLUSTER + volume.clusterCount;
    if (firstCluster === 0) return;
    let start = firstCluster;
    let count = 0;
    let length = 0;
    for (let cluster = firstCluster; ; ) {
      length += 1;
      if (cluster < FIRST_CLUSTER || cluster >= endCluster || length > volume.clusterCount) {
        this.fail(path, `its chain of clusters leaves the volume or is a cycle at ${cluster}`);
      }
      count += 1;
      const next = table.entry(cluster);
      if (next >= END_OF_CHAIN_MINIMUM[volume.type]) break;
      if (next === 0) this.fail(path, `its chain of clusters leads to a free cluster after ${cluster}`);
      if (next !== cluster + 1) {
        yield { firstCluster: start, clusterCount: count };
        start = next;
        count = 0;
      }
      cluster = next;
    }
    yield { firstCluster: start, clusterCount: count };
  }

  /**
   * Adds the clusters of a chain to `used`, which must not contain any of them yet. Returns their
   * number.
   */
  claim(firstCluster: number, used: ClusterSet, path: string): number {
    let total = 0;
    for (const run of this.runs(firstCluster, path)) {
      for (let cluster = run.firstCluster; cluster < run.firstCluster + run.clusterCount; cluster += 1) {
        if (!used.add(cluster))
          this.fail(path, `cluster ${cluster} occurs twice in its chain, or also in another file's chain`);
      }
      total += run.clusterCount;
    }
    return total;
  }

  /** Yields the first `sizeBytes` bytes of a chain, in pieces of up to 1 MiB. */
  *read(firstCluster: number, sizeBytes: number, path: string): Generator<Uint8Array> {
    const { clusterBytes, dataStartSector, sectorBytes } = this.#open.volume;
    let restBytes = sizeBytes;
    for (const run of this.runs(firstCluster, path)) {
      const startBytes = dataStartSector * sectorBytes + (run.firstCluster - FIRST_CLUSTER) * clusterBytes;
      const runBytes = Math.min(run.clusterCount * clusterBytes, restBytes);
      for (let done = 0; done < runBytes; done += READ_BYTES) {
        yield this.#source.read(startBytes + done, Math.min(READ_BYTES, runBytes - done));
      }
      restBytes -= runBytes;
      if (restBytes === 0) return;
    }
    if (restBytes > 0)
      this.fail(path, `it has ${sizeBytes} bytes, but its chain has no clusters for the last ${restBytes}`);
  }
}
