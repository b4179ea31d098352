import type { BlockSource } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import type { NumberedPartition } from './copy.ts';
import { type GptInspection, type InspectOptions, inspectGpt } from './inspect.ts';
import type { GptDisk } from './write.ts';

export type { NumberedPartition } from './copy.ts';

export interface ParsedGpt extends GptDisk {
  readonly sectorBytes: number;
  readonly entryCount: number;
  readonly partitions: readonly NumberedPartition[];
}

/**
 * Reads a disk's partition table and verifies it: the protective MBR, both headers, both entry
 * arrays, that the copies agree, and that the partitions are within the disk and do not overlap. By
 * default, the header's position gives the size of the sectors.
 *
 * @param name the disk's name, for errors
 * @throws UserError that names the damaged copy, the position and the kind of the damage, and the
 *   good copy
 */
export function readGpt(source: BlockSource, name = 'disk', options: InspectOptions = {}): ParsedGpt {
  const inspection = inspectGpt(source, options);
  const [first, ...others] = inspection.problems;
  if (first !== undefined || inspection.table === undefined) {
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
    throw new UserError(`${name}: ${first?.message ?? 'no partition table'}${more}${remedy(inspection)}`);
  }
  return inspection.table;
}

/** Names the copy that can be trusted, if exactly one of the two is broken. */
function remedy({ goodCopies }: GptInspection): string {
  const [good, other] = goodCopies;
  return good === undefined || other !== undefined ? '' : `; the ${good} copy is good`;
}
