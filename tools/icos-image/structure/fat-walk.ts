/** Finds the owner of each cluster of a FAT volume. */
import { type FatChild, readDirectory } from '../../lib/formats/fat/directory-reader.ts';
import type { FatReader } from '../../lib/formats/fat/fat.ts';
import { ATTRIBUTE, FIRST_CLUSTER, SLOT_BYTES } from '../../lib/formats/fat/format.ts';
import type { ImageSource } from '../bytes/source.ts';

/** The file or directory that a cluster belongs to. */
export interface FatOwner {
  readonly path: string;
  readonly isDirectory: boolean;
}

interface Directory {
  readonly path: string;
  /** Its bytes, in pieces of whole slots. */
  readonly pieces: Iterable<Uint8Array>;
}

/**
 * Walks all directories. Unlike the format's reader, it accepts damaged chains: a chain ends at the
 * first cluster that leaves the volume or has an owner already.
 */
class FatWalk {
  readonly owners = new Map<number, FatOwner>();
  readonly #source: ImageSource;
  readonly #reader: FatReader;

  constructor(source: ImageSource, reader: FatReader) {
    this.#source = source;
    this.#reader = reader;
    const isFat32 = reader.volume.type === 'fat32';
    const directories = [this.#root()];
    for (const { path, pieces } of directories) {
      for (const child of readDirectory(pieces, isFat32).children) {
        const directory = this.#enter(child, path === '' ? child.name : `${path}/${child.name}`);
        if (directory !== undefined) directories.push(directory);
      }
    }
  }

  /** The root directory of FAT32 is a chain; that of FAT12 and FAT16 has a fixed area. */
  #root(): Directory {
    const { type, rootCluster, rootStartSector, sectorBytes, rootEntryCount } = this.#reader.volume;
    if (type === 'fat32') return { path: '', pieces: this.#pieces(this.#claim(rootCluster, '', true)) };
    const bytes = this.#source.read(rootStartSector * sectorBytes, rootEntryCount * SLOT_BYTES);
    return { path: '', pieces: [bytes] };
  }

  /** Claims the clusters of a file or directory. Returns it if it is a directory. */
  #enter({ attributes, firstCluster }: FatChild, path: string): Directory | undefined {
    const isDirectory = (attributes & ATTRIBUTE.directory) !== 0;
    const clusters = this.#claim(firstCluster, path, isDirectory);
    return isDirectory ? { path, pieces: this.#pieces(clusters) } : undefined;
  }

  /** Claims the clusters of a chain. */
  #claim(firstCluster: number, path: string, isDirectory: boolean): number[] {
    const { volume, table } = this.#reader;
    const endCluster = FIRST_CLUSTER + volume.clusterCount;
    const owner = { path, isDirectory };
    const clusters: number[] = [];
    for (
      let cluster = firstCluster;
      cluster >= FIRST_CLUSTER && cluster < endCluster && !this.owners.has(cluster);
      cluster = table.entry(cluster)
    ) {
      this.owners.set(cluster, owner);
      clusters.push(cluster);
    }
    return clusters;
  }

  *#pieces(clusters: readonly number[]): Generator<Uint8Array> {
    const { dataStartSector, sectorBytes, clusterBytes } = this.#reader.volume;
    for (const cluster of clusters) {
      const startBytes = dataStartSector * sectorBytes + (cluster - FIRST_CLUSTER) * clusterBytes;
      yield this.#source.read(startBytes, clusterBytes);
    }
  }
}

/** Returns the owners of the clusters in use, by the number of the cluster. */
export function clusterOwners(source: ImageSource, reader: FatReader): ReadonlyMap<number, FatOwner> {
  return new FatWalk(source, reader).owners;
}
