/** Finds the structure of an image that a byte belongs to, for people who compare images. */
import type { Field } from '../../lib/formats/structure/structure.ts';

/** The structure at an offset of an image. */
export interface Place {
  /** The name of the structure, such as `superblock`, `inode 12` or `block bitmap of group 3`. */
  readonly structure: string;
  /** The name of the field in the structure, as in the specification of the format. */
  readonly field?: string;
  /** The end of the range to which this name applies: an offset greater than the one looked up. */
  readonly endBytes: number;
  /** The inode that it belongs to, if its path can only be found by listing all files. */
  readonly inodeNumber?: number;
}

export interface StructureMap {
  at(offsetBytes: number): Place;
}

/**
 * Finds the field that contains a byte of a structure.
 *
 * @param startBytes the start of the structure
 * @param sizeBytes its size. A byte that is in no field is named by its offset in the structure
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

/** A region of an image. All its bytes have the same name, or `place` names each byte. */
export interface Region {
  readonly startBytes: number;
  readonly endBytes: number;
  place(offsetBytes: number): Place;
}

/** Makes a region whose bytes all have the same name. */
export function region(startBytes: number, endBytes: number, structure: string): Region {
  return { startBytes, endBytes, place: () => ({ structure, endBytes }) };
}

/** Makes a region that is a structure with fields. */
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
 * A map of regions. Bytes outside all regions are unused. If regions overlap, a byte belongs to the
 * region that begins last.
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
