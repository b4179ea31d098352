import type { BlockSource } from '../block/block.ts';
import { type Entry, NO_XATTRS } from '../entry/entry.ts';
import { UserError } from '../error/user-error.ts';
import {
  ATTRIBUTE,
  CASE_LOWER_BASE,
  CASE_LOWER_EXTENSION,
  DIRECTORY_SLOT_LIMIT,
  END_OF_CHAIN_MINIMUM,
  FIRST_CLUSTER,
  LONG,
  LONG_LAST,
  LONG_UNIT_OFFSETS,
  SECTOR_BYTES,
  SHORT_BASE_BYTES,
  SHORT_NAME_BYTES,
  SLOT,
  SLOT_BYTES,
  SLOT_END,
  SLOT_FREE,
  shortNameChecksum,
} from './format.ts';
import { checkName } from './names.ts';
import { tableEntry } from './table.ts';
import { type FatVolume, readVolume } from './volume.ts';

/** FAT has no owners and modes: these are what a mounted volume shows by default. */
const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

/** A file or directory as it was found. */
export type FatEntry = Entry & {
  /** Eight and three characters without padding, as `NAME.EXT`. */
  readonly shortName: string;
  readonly firstCluster: number;
  /** "Date and Time Formats": the bits of the last change. */
  readonly writeDate: number;
  readonly writeTime: number;
};

/** A volume that was opened. */
export interface FatReader extends FatVolume {
  /** The label of the root directory, or the empty string. */
  readonly rootLabel: string;
  /** Everything but the root, each directory before what lies in it, in the order of the directories' slots. */
  readonly entries: readonly FatEntry[];
  /** The bytes of a file, cluster run by cluster run. */
  content(path: string): Generator<Uint8Array>;
}

/**
 * Opens a volume and reads all its directories.
 *
 * @param name the volume's name, for errors
 * @throws UserError for what is no FAT volume, and for a damaged one: chains that leave the volume, end early or meet,
 *   tables that differ, names that FAT forbids
 */
export function readFat(source: BlockSource, name = 'volume'): FatReader {
  const volume = readVolume(source, name);
  const walker = new Walker(source, volume, name);
  const rootSlots =
    volume.type === 'fat32'
      ? walker.readChain(volume.rootCluster, '')
      : Buffer.from(source.read(volume.rootStartSector * SECTOR_BYTES, volume.rootEntryCount * SLOT_BYTES));
  walker.readDirectory(rootSlots, '');
  const files = new Map(walker.entries.map((entry) => [entry.path, entry]));
  return {
    ...volume,
    rootLabel: walker.label,
    entries: walker.entries,
    *content(path) {
      const entry = files.get(path);
      if (entry?.type !== 'file') throw new UserError(`${name}: "${path}" is not a file there`);
      let restBytes = entry.sizeBytes;
      for (const cluster of walker.chain(entry.firstCluster, path)) {
        const bytes = walker.readCluster(cluster);
        yield bytes.subarray(0, restBytes);
        restBytes -= Math.min(restBytes, bytes.length);
      }
    },
  };
}

class Walker {
  readonly entries: FatEntry[] = [];
  label = '';
  readonly #source: BlockSource;
  readonly #volume: FatVolume;
  readonly #name: string;
  readonly #usedClusters = new Set<number>();

  constructor(source: BlockSource, volume: FatVolume, name: string) {
    this.#source = source;
    this.#volume = volume;
    this.#name = name;
  }

  fail(path: string, message: string): never {
    throw new UserError(`${this.#name}: "${path}": ${message}`);
  }

  readCluster(cluster: number): Uint8Array {
    const { dataStartSector, clusterBytes } = this.#volume;
    const offsetBytes = dataStartSector * SECTOR_BYTES + (cluster - FIRST_CLUSTER) * clusterBytes;
    return this.#source.read(offsetBytes, clusterBytes);
  }

  /** The clusters of a chain; none for 0. */
  *chain(firstCluster: number, path: string): Generator<number> {
    const { type, table, clusterCount } = this.#volume;
    let cluster = firstCluster;
    for (let length = 0; cluster !== 0; length += 1) {
      if (cluster < FIRST_CLUSTER || cluster >= FIRST_CLUSTER + clusterCount || length > clusterCount) {
        this.fail(path, `its chain of clusters leaves the volume or runs in a circle at ${cluster}`);
      }
      yield cluster;
      const next = tableEntry(type, table, cluster);
      if (next >= END_OF_CHAIN_MINIMUM[type]) return;
      if (next === 0) this.fail(path, `its chain of clusters goes on in a free one behind ${cluster}`);
      cluster = next;
    }
  }

  /** Walks a chain once, claiming its clusters, and gives their number. */
  #claim(firstCluster: number, path: string): number {
    let count = 0;
    for (const cluster of this.chain(firstCluster, path)) {
      if (this.#usedClusters.has(cluster))
        this.fail(path, `cluster ${cluster} stands twice in its chain, or in another file's too`);
      this.#usedClusters.add(cluster);
      count += 1;
    }
    return count;
  }

  /** The slots of a directory that is a chain. */
  readChain(firstCluster: number, path: string): Buffer {
    const count = this.#claim(firstCluster, path);
    if (count === 0) this.fail(path, 'a directory without clusters');
    if (count * this.#volume.clusterBytes > DIRECTORY_SLOT_LIMIT * SLOT_BYTES + this.#volume.clusterBytes) {
      this.fail(path, 'a directory of more than 65536 slots');
    }
    return Buffer.concat([...this.chain(firstCluster, path)].map((cluster) => this.readCluster(cluster)));
  }

  readDirectory(slots: Buffer, directory: string): void {
    let longName = new LongName();
    for (let offset = 0; offset < slots.length; offset += SLOT_BYTES) {
      const slot = slots.subarray(offset, offset + SLOT_BYTES);
      const lead = slot.readUInt8(SLOT.name);
      if (lead === SLOT_END) break;
      const attributes = slot.readUInt8(SLOT.attributes);
      if (lead === SLOT_FREE) {
        longName = new LongName();
      } else if (attributes === ATTRIBUTE.longName) {
        longName.add(slot);
      } else {
        const known = longName.take(slot.subarray(0, SHORT_NAME_BYTES));
        if ((attributes & ATTRIBUTE.volumeId) !== 0)
          this.label ||= slot.toString('latin1', 0, SHORT_NAME_BYTES).trim();
        else this.#readEntry(slot, known, directory);
      }
    }
  }

  #readEntry(slot: Buffer, longName: string | undefined, directory: string): void {
    const shortName = decodeShortName(slot, 0);
    if (shortName === '.' || shortName === '..') return;
    const name = longName ?? decodeShortName(slot, slot.readUInt8(SLOT.caseFlags));
    const path = directory === '' ? name : `${directory}/${name}`;
    checkName(name, path);
    const firstCluster =
      slot.readUInt16LE(SLOT.firstClusterLow) +
      (this.#volume.type === 'fat32' ? slot.readUInt16LE(SLOT.firstClusterHigh) * 0x10000 : 0);
    const metadata = {
      path,
      uid: 0,
      gid: 0,
      xattrs: NO_XATTRS,
      shortName,
      firstCluster,
      writeDate: slot.readUInt16LE(SLOT.writeDate),
      writeTime: slot.readUInt16LE(SLOT.writeTime),
    };
    if ((slot.readUInt8(SLOT.attributes) & ATTRIBUTE.directory) !== 0) {
      this.entries.push({ ...metadata, type: 'directory', mode: DIRECTORY_MODE });
      this.readDirectory(this.readChain(firstCluster, path), path);
      return;
    }
    const sizeBytes = slot.readUInt32LE(SLOT.sizeBytes);
    const clusterCount = this.#claim(firstCluster, path);
    if (clusterCount !== Math.ceil(sizeBytes / this.#volume.clusterBytes)) {
      this.fail(path, `${sizeBytes} bytes in a chain of ${clusterCount} clusters`);
    }
    this.entries.push({ ...metadata, type: 'file', mode: FILE_MODE, sizeBytes });
  }
}

/** Gathers the slots of a long name, which stand last part first before the short name that they belong to. */
class LongName {
  #parts: string[] = [];
  #checksum = 0;
  #nextOrder = 0;

  add(slot: Buffer): void {
    const order = slot.readUInt8(LONG.order);
    const checksum = slot.readUInt8(LONG.checksum);
    if ((order & LONG_LAST) !== 0) {
      this.#parts = [];
      this.#nextOrder = order & ~LONG_LAST;
      this.#checksum = checksum;
    }
    if ((order & ~LONG_LAST) !== this.#nextOrder || checksum !== this.#checksum || this.#nextOrder === 0) {
      // An orphan: the short name alone is valid.
      this.#parts = [];
      this.#nextOrder = -1;
      return;
    }
    this.#parts.unshift(
      LONG_UNIT_OFFSETS.map((offset) => String.fromCharCode(slot.readUInt16LE(offset))).join(''),
    );
    this.#nextOrder -= 1;
  }

  /** The long name for `shortName` if it is whole and belongs to it; forgets it either way. */
  take(shortName: Uint8Array): string | undefined {
    const name = this.#parts.join('').split('\0', 1)[0];
    const whole = this.#parts.length > 0 && this.#nextOrder === 0;
    const belongs = this.#checksum === shortNameChecksum(shortName);
    this.#parts = [];
    this.#nextOrder = 0;
    return whole && belongs ? name : undefined;
  }
}

function decodeShortName(slot: Buffer, caseFlags: number): string {
  const base = slot.toString('latin1', 0, SHORT_BASE_BYTES).trimEnd();
  const extension = slot.toString('latin1', SHORT_BASE_BYTES, SHORT_NAME_BYTES).trimEnd();
  const shownBase = (caseFlags & CASE_LOWER_BASE) !== 0 ? base.toLowerCase() : base;
  const shownExtension = (caseFlags & CASE_LOWER_EXTENSION) !== 0 ? extension.toLowerCase() : extension;
  return extension === '' ? shownBase : `${shownBase}.${shownExtension}`;
}
