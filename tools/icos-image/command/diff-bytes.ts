/** Names the bytes of two images that differ, by the structures that they belong to. */
import type { ImageSource } from '../bytes/source.ts';
import type { Content } from '../content.ts';
import { type Place, RegionMap, region, type StructureMap, UNUSED } from '../structure/map.ts';
import { hashTreeRegions } from '../structure/verity.ts';

const PIECE_BYTES = 1 << 20;
/** The number of lines shown for structures whose names differ only in their numbers. */
const SHOWN_ALIKE = 20;
const NAMES_OF_NOTHING: readonly string[] = [UNUSED, 'free clusters'];

/** A range of an image, in bytes. */
export interface Range {
  readonly startBytes: number;
  readonly endBytes: number;
}

/** Returns the same bytes as a Buffer, without a copy. */
function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The pieces of the range that differ. Holes of both images are skipped. */
function* unequalPieces(
  older: ImageSource,
  newer: ImageSource,
  { startBytes, endBytes }: Range,
): Generator<{ offsetBytes: number; before: Buffer; after: Buffer }> {
  for (let offsetBytes = startBytes; offsetBytes < endBytes; ) {
    const hole = Math.min(older.zeroBytes(offsetBytes), newer.zeroBytes(offsetBytes), endBytes - offsetBytes);
    if (hole > 0) {
      offsetBytes += hole;
      continue;
    }
    const length = Math.min(PIECE_BYTES, endBytes - offsetBytes);
    const before = view(older.read(offsetBytes, length));
    const after = view(newer.read(offsetBytes, length));
    if (!before.equals(after)) yield { offsetBytes, before, after };
    offsetBytes += length;
  }
}

export function hasEqualBytes(older: ImageSource, newer: ImageSource, range: Range): boolean {
  return unequalPieces(older, newer, range).next().done === true;
}

/** Names every byte of a content, including its hash tree. */
export function structuresOf(content: Content): StructureMap {
  const own = content.structures?.() ?? new RegionMap([region(0, Number.POSITIVE_INFINITY, 'content')]);
  if (content.hashTree === undefined) return own;
  const { hashOffsetBytes } = content.hashTree;
  const tree = new RegionMap(hashTreeRegions(content.source, content.hashTree));
  return {
    at(offsetBytes) {
      if (offsetBytes >= hashOffsetBytes) return tree.at(offsetBytes);
      const place = own.at(offsetBytes);
      return { ...place, endBytes: Math.min(place.endBytes, hashOffsetBytes) };
    },
  };
}

/** A structure or a field with bytes that differ. */
export interface ByteDifference {
  readonly name: string;
  readonly offsetBytes: number;
  byteCount: number;
  readonly inodeNumber: number | undefined;
}

/** Structures whose names differ only in their numbers. */
interface Alike {
  readonly shown: Map<string, ByteDifference>;
  moreCount: number;
  moreBytes: number;
  last: string;
}

export class ByteComparison {
  readonly #olderMap: StructureMap;
  readonly #newerMap: StructureMap;
  readonly #alike = new Map<string, Alike>();

  constructor(older: StructureMap, newer: StructureMap) {
    this.#olderMap = older;
    this.#newerMap = newer;
  }

  /** Compares a range of both images. Each call adds to the same list. */
  compare(older: ImageSource, newer: ImageSource, range: Range): void {
    for (const { offsetBytes, before, after } of unequalPieces(older, newer, range)) {
      for (let index = 0; index < before.length; ) {
        if (before[index] === after[index]) {
          index += 1;
          continue;
        }
        const offset = offsetBytes + index;
        const place = this.#place(offset);
        const end = Math.min(before.length, place.endBytes - offsetBytes);
        let byteCount = 0;
        for (; index < end; index++) if (before[index] !== after[index]) byteCount += 1;
        this.#add(place, offset, byteCount);
      }
    }
  }

  /**
   * The byte's structure in the older image; if it was unused there, its structure in the newer
   * one.
   */
  #place(offsetBytes: number): Place {
    const place = this.#olderMap.at(offsetBytes);
    if (!NAMES_OF_NOTHING.includes(place.structure)) return place;
    const now = this.#newerMap.at(offsetBytes);
    return { ...now, endBytes: Math.min(now.endBytes, place.endBytes) };
  }

  #add({ structure, field, inodeNumber }: Place, offsetBytes: number, byteCount: number): void {
    const name = field === undefined ? structure : `${structure}: ${field}`;
    const key = name.replaceAll(/[0-9]+/g, '#');
    let alike = this.#alike.get(key);
    if (alike === undefined) {
      alike = { shown: new Map(), moreCount: 0, moreBytes: 0, last: '' };
      this.#alike.set(key, alike);
    }
    const known = alike.shown.get(name);
    if (known !== undefined) known.byteCount += byteCount;
    else if (alike.shown.size < SHOWN_ALIKE) {
      alike.shown.set(name, { name, offsetBytes, byteCount, inodeNumber });
    } else {
      if (alike.last !== name) alike.moreCount += 1;
      alike.moreBytes += byteCount;
      alike.last = name;
    }
  }

  /** Whether no difference was found. */
  get isEqual(): boolean {
    return this.#alike.size === 0;
  }

  /** All inodes in the lines. */
  inodeNumbers(): Set<number> {
    const found = new Set<number>();
    for (const { shown } of this.#alike.values()) {
      for (const { inodeNumber } of shown.values()) if (inodeNumber !== undefined) found.add(inodeNumber);
    }
    return found;
  }

  /** @param paths the known paths of inodes */
  *lines(paths: ReadonlyMap<number, string>): Generator<string> {
    for (const [key, { shown, moreCount, moreBytes }] of this.#alike) {
      for (const { name, offsetBytes, byteCount, inodeNumber } of shown.values()) {
        const path = inodeNumber === undefined ? undefined : paths.get(inodeNumber);
        const whose = path === undefined ? '' : ` (${path})`;
        const [structure, field] = name.split(': ', 2);
        const what = field === undefined ? `${structure}${whose}` : `${structure}${whose}: ${field}`;
        yield `${what}, ${byteCount} ${byteCount === 1 ? 'byte' : 'bytes'} at ${offsetBytes}`;
      }
      if (moreCount > 0) yield `${key}: ${moreCount} more like this, ${moreBytes} bytes`;
    }
  }
}
