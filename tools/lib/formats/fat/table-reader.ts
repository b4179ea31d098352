import type { BlockSource } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import { FAT_ENTRY_BITS, FAT32_ENTRY_MASK, type FatType, FIRST_CLUSTER } from './format.ts';

/** The positions of the file allocation tables in a volume. */
export interface TablePlace {
  readonly type: FatType;
  readonly clusterCount: number;
  /** The start of the table in use. */
  readonly startBytes: number;
  /** The starts of its copies; empty if only one table is in use. */
  readonly copyStartBytes: readonly number[];
}

/** A page holds whole entries of FAT16 and FAT32. A table of FAT12 is smaller than a page. */
const PAGE_BYTES = 65536;
/** The number of pages that are kept, 2 MiB in total. */
const PAGES_LIMIT = 32;

/** A file allocation table that is read on demand. */
export class TableReader {
  readonly #source: BlockSource;
  readonly #place: TablePlace;
  readonly #sizeBytes: number;
  readonly #pages = new Map<number, Buffer>();

  constructor(source: BlockSource, place: TablePlace) {
    this.#source = source;
    this.#place = place;
    this.#sizeBytes = Math.ceil(((place.clusterCount + FIRST_CLUSTER) * FAT_ENTRY_BITS[place.type]) / 8);
  }

  /** Returns the table's entry for a cluster: the next cluster of its chain, or a special value. */
  entry(cluster: number): number {
    return this.#value(this.#page(this.#pageOf(cluster)), cluster);
  }

  /**
   * Counts the free clusters.
   *
   * @throws UserError if a copy differs
   */
  check(name: string): number {
    let freeCount = 0;
    let cluster = FIRST_CLUSTER;
    const endCluster = FIRST_CLUSTER + this.#place.clusterCount;
    for (let page = 0; page * PAGE_BYTES < this.#sizeBytes; page += 1) {
      const bytes = this.#read(this.#place.startBytes, page);
      for (const copyStart of this.#place.copyStartBytes) {
        if (!this.#read(copyStart, page).equals(bytes)) {
          throw new UserError(`${name}: the copies of the file allocation table differ`);
        }
      }
      for (; cluster < endCluster && this.#pageOf(cluster) === page; cluster += 1) {
        if (this.#value(bytes, cluster) === 0) freeCount += 1;
      }
    }
    return freeCount;
  }

  #pageOf(cluster: number): number {
    const { type } = this.#place;
    return type === 'fat12' ? 0 : Math.floor((cluster * (FAT_ENTRY_BITS[type] / 8)) / PAGE_BYTES);
  }

  #value(page: Buffer, cluster: number): number {
    const { type } = this.#place;
    if (type === 'fat16') return page.readUInt16LE((cluster * 2) % PAGE_BYTES);
    if (type === 'fat32') return page.readUInt32LE((cluster * 4) % PAGE_BYTES) & FAT32_ENTRY_MASK;
    const pair = page.readUInt16LE(Math.floor((cluster * 3) / 2));
    return cluster % 2 === 0 ? pair & 0xfff : pair >> 4;
  }

  #page(index: number): Buffer {
    let page = this.#pages.get(index);
    if (page === undefined) {
      page = this.#read(this.#place.startBytes, index);
      // The oldest page is dropped, because chains mostly lead to higher clusters.
      for (const oldest of this.#pages.keys()) {
        if (this.#pages.size < PAGES_LIMIT) break;
        this.#pages.delete(oldest);
      }
      this.#pages.set(index, page);
    }
    return page;
  }

  #read(startBytes: number, page: number): Buffer {
    const offsetBytes = page * PAGE_BYTES;
    const bytes = this.#source.read(
      startBytes + offsetBytes,
      Math.min(PAGE_BYTES, this.#sizeBytes - offsetBytes),
    );
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }
}
