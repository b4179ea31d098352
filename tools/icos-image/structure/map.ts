/** Which structure of an image a byte belongs to, for people who compare images. */
import type { Field } from '../../lib/formats/structure/structure.ts';

export interface Place {
  /** `superblock`, `inode 12`, `block bitmap of group 3`, `unused space`. */
  readonly structure: string;
  /** The field within it, by the name that the format's specification has for it. */
  readonly field?: string;
  /** The first byte behind what has this name, at least one behind the byte that was asked for. */
  readonly endBytes: number;
  /** Whose it is, where only a walk of all files knows the path. */
  readonly inodeNumber?: number;
}

export interface StructureMap {
  at(offsetBytes: number): Place;
}

/**
 * The field that holds a byte of a structure.
 *
 * @param startBytes where the structure lies
 * @param sizeBytes how long it is: what is in no field is named by its offset
 */
export function fieldPlace(
  structure: string,
  fields: readonly Field[],
  startBytes: number,
  sizeBytes: number,
  offsetBytes: number,
): Place {
  const within = offsetBytes - startBytes;
  let next = sizeBytes;
  for (const [start, length, field] of fields) {
    if (within >= start && within < start + length) {
      return { structure, field, endBytes: startBytes + start + length };
    }
    if (start > within) next = Math.min(next, start);
  }
  return { structure, field: `byte ${within}`, endBytes: startBytes + next };
}

/** A region of an image with one name, or with places of its own. */
export interface Region {
  readonly startBytes: number;
  readonly endBytes: number;
  place(offsetBytes: number): Place;
}

/** A region whose bytes all have one name. */
export function region(startBytes: number, endBytes: number, structure: string): Region {
  return { startBytes, endBytes, place: () => ({ structure, endBytes }) };
}

/** A region that is a structure with fields. */
export function structureRegion(
  structure: string,
  fields: readonly Field[],
  startBytes: number,
  sizeBytes: number,
): Region {
  return {
    startBytes,
    endBytes: startBytes + sizeBytes,
    place: (offsetBytes) => fieldPlace(structure, fields, startBytes, sizeBytes, offsetBytes),
  };
}

export const UNUSED = 'unused space';

/**
 * A map of regions; what is in none of them is unused. Of regions that overlap, the one that begins
 * last has the byte.
 */
export class RegionMap implements StructureMap {
  readonly #regions: readonly Region[];

  constructor(regions: Iterable<Region>) {
    this.#regions = [...regions].sort((left, right) => left.startBytes - right.startBytes);
  }

  at(offsetBytes: number): Place {
    let low = 0;
    let high = this.#regions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#regions[middle] as Region).startBytes <= offsetBytes) low = middle + 1;
      else high = middle;
    }
    const found = this.#regions[low - 1];
    const next = this.#regions[low]?.startBytes ?? Number.POSITIVE_INFINITY;
    if (found === undefined || offsetBytes >= found.endBytes) return { structure: UNUSED, endBytes: next };
    const place = found.place(offsetBytes);
    return place.endBytes <= next ? place : { ...place, endBytes: next };
  }
}
